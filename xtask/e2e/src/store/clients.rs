//! Runs clients in threads of their own.

use std::thread;

use anyhow::Context as _;

/// Runs `client` in `count` threads, each with its number.
pub(super) fn run_concurrently<T: Send>(
    count: usize,
    client: impl Fn(usize) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    run_while(count, client, || Ok(())).map(|(results, ())| results)
}

/// Runs `client` in `count` threads while `meanwhile` runs in this one.
pub(super) fn run_while<T: Send, R>(
    count: usize,
    client: impl Fn(usize) -> anyhow::Result<T> + Sync,
    meanwhile: impl FnOnce() -> anyhow::Result<R>,
) -> anyhow::Result<(Vec<T>, R)> {
    thread::scope(|scope| {
        let client = &client;
        let clients: Vec<_> = (0..count)
            .map(|number| scope.spawn(move || client(number)))
            .collect();
        let happened = meanwhile();
        let results = clients
            .into_iter()
            .map(|client| client.join().ok().context("a client panicked")?);
        let results: anyhow::Result<Vec<_>> = results.collect();
        // An error of `meanwhile` is usually the cause of the clients' errors, so it is returned first.
        let happened = happened?;
        Ok((results?, happened))
    })
}
