//! The injected faults and their alerts.
//!
//! Faults that do not affect each other are injected at the same time. Each fault is a real cause, and none writes the
//! metrics of its alert.

mod concurrent;
mod outages;
mod second_round;

use std::time::Duration;

use super::environment::Environment;
use crate::background_load::Load;

/// Rounds of faults, one after the other.
///
/// Those of the services come last, because a service that is down can have no other fault.
pub(super) const ROUNDS: [&[Fault]; 4] = [
    concurrent::FAULTS,
    second_round::FAULTS,
    outages::DATABASE,
    outages::SERVICES,
];

/// A cause that lasts until it is dropped.
pub(super) type Cause = Box<dyn std::any::Any>;

type Begin = fn(&Environment) -> anyhow::Result<Cause>;
type End = fn(&Environment) -> anyhow::Result<()>;

/// A fault and the alert that it must fire.
pub(super) struct Fault {
    pub(super) alert: &'static str,
    pub(super) job: &'static str,
    pub(super) severity: &'static str,
    /// A description of the fault, as in the alert's runbook.
    pub(super) cause: &'static str,
    pub(super) begin: Begin,
    /// Ends the fault after the [`Cause`] is dropped; often a no-op.
    pub(super) end: End,
}

impl Fault {
    /// A fault whose alert is critical.
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

    /// A fault whose alert is a warning.
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

    /// Adds the end of a cause that does not end on drop.
    const fn until(self, end: End) -> Self {
        Self { end, ..self }
    }
}

/// Begins nothing, because the previous fault also causes this alert.
const SAME_CAUSE: Begin = |_| without_value(Ok(()));

/// A cause that keeps no value, so that dropping it ends nothing.
fn without_value(done: anyhow::Result<()>) -> anyhow::Result<Cause> {
    done.map(|()| Box::new(()) as Cause)
}

/// Clients that send POST requests with a pause in milliseconds.
fn posts(clients: usize, pause: u64, address: &str, path: &str) -> anyhow::Result<Cause> {
    let pause = Duration::from_millis(pause);
    Ok(Box::new(Load::posts(
        clients,
        pause,
        format!("{address}{path}"),
    )))
}

/// Keeps `count` values, such as connections, until the cause is dropped.
fn held<T: 'static>(count: usize, open: impl Fn() -> anyhow::Result<T>) -> anyhow::Result<Cause> {
    let held: anyhow::Result<Vec<T>> = (0..count).map(|_| open()).collect();
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
            let expected = format!("`cargo xtask live` injects this fault: {}.", fault.cause);
            assert!(
                words.join(" ").ends_with(&expected),
                "{name} does not end with: {expected}"
            );
        }
        Ok(())
    }
}
