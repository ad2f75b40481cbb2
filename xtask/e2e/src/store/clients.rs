//! Many clients at once.

use std::thread;

use anyhow::Context as _;

/// Runs `client` in as many threads, each with its number, and collects what they bring back.
pub(super) fn at_once<T: Send>(
    count: usize,
    client: impl Fn(usize) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    at_once_while(count, client, || Ok(())).map(|(results, ())| results)
}

/// The same, with something that happens meanwhile.
pub(super) fn at_once_while<T: Send, R>(
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
        // Why the clients failed is most often what happened meanwhile.
        let happened = happened?;
        Ok((results?, happened))
    })
}
