//! The faults: what is done to whom, and which alert must tell of it.
//!
//! Those that do not disturb each other go on at the same time. Each is a cause and not a number: nothing here writes a metric.

mod away;
mod further;
mod side_by_side;

use std::time::Duration;

use super::{load::Load, site::Site};

/// One after the other. The services go last, because what is down has no other trouble.
pub(super) const ROUNDS: [&[Fault]; 4] = [
    side_by_side::FAULTS,
    further::FAULTS,
    away::DATABASE,
    away::SERVICES,
];

/// What goes on until it is dropped.
pub(super) type Cause = Box<dyn std::any::Any>;

type Begin = fn(&Site) -> anyhow::Result<Cause>;
type End = fn(&Site) -> anyhow::Result<()>;

/// An alert, and how to have it.
pub(super) struct Fault {
    pub(super) alert: &'static str,
    pub(super) job: &'static str,
    pub(super) severity: &'static str,
    /// What is done, for the table.
    pub(super) cause: &'static str,
    pub(super) begin: Begin,
    /// After the [`Cause`] has been dropped, which is enough for most.
    pub(super) end: End,
}

impl Fault {
    /// It must be a page.
    const fn page(
        alert: &'static str,
        job: &'static str,
        cause: &'static str,
        begin: Begin,
    ) -> Self {
        Self {
            alert,
            job,
            severity: "critical",
            cause,
            begin,
            end: |_| Ok(()),
        }
    }

    /// It must be a ticket.
    const fn ticket(
        alert: &'static str,
        job: &'static str,
        cause: &'static str,
        begin: Begin,
    ) -> Self {
        Self {
            severity: "warning",
            ..Self::page(alert, job, cause, begin)
        }
    }

    /// For a cause that does not end by being dropped.
    const fn until(self, end: End) -> Self {
        Self { end, ..self }
    }
}

/// For what the fault before it causes as well.
const THE_SAME: Begin = |_| none(Ok(()));

/// Nothing that has to be kept.
fn none(done: anyhow::Result<()>) -> anyhow::Result<Cause> {
    done.map(|()| Box::new(()) as Cause)
}

/// Clients that post with so many milliseconds in between.
fn posts(clients: usize, pause: u64, address: &str, path: &str) -> anyhow::Result<Cause> {
    let pause = Duration::from_millis(pause);
    Ok(Box::new(Load::of(
        clients,
        pause,
        format!("{address}{path}"),
    )))
}

/// So many of them, and none is used.
fn held<T: 'static>(many: usize, open: impl Fn() -> anyhow::Result<T>) -> anyhow::Result<Cause> {
    let held: anyhow::Result<Vec<T>> = (0..many).map(|_| open()).collect();
    Ok(Box::new(held?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::ROUNDS;
    use support::paths;

    #[test]
    fn runbooks_end_with_the_injected_cause() -> anyhow::Result<()> {
        for fault in ROUNDS.into_iter().flatten() {
            let name = format!("docs/runbooks/{}.md", fault.alert);
            let text = fs::read_to_string(paths::root().join(&name))?;
            let words: Vec<_> = text.split_whitespace().collect();
            let expected = format!("`cargo xtask live`: {}.", fault.cause);
            assert!(
                words.join(" ").ends_with(&expected),
                "{name} does not end with: {expected}"
            );
        }
        Ok(())
    }
}
