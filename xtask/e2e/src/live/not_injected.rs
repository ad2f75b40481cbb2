//! The alerts whose cause is not injected, with the reason of each.

use anyhow::{bail, ensure};
use observability::alerts;

/// Alerts that only `promtool test rules` tests, each with the reason.
const NOT_INJECTED: [(&str, &str); 4] = [
    (
        "WorkerAttemptsFailing",
        "other jobs of the same queue succeed all the time, because the dashboards need jobs that succeed",
    ),
    (
        "WorkerQueueUnwatched",
        "the generated service enqueues and processes its jobs in one process",
    ),
    (
        "ServiceWithoutTraffic",
        "the alert compares the traffic with that of the day before, and a day takes 24 minutes even with durations divided by 60",
    ),
    (
        "ProcessMemoryNearLimit",
        "the limit is that of a control group, which only root can create",
    ),
];

/// The alerts that are not in `fired`, each with its reason.
///
/// # Errors
///
/// If an alert has no reason, or an alert with a reason has fired.
pub(super) fn reasons(fired: &[&str]) -> anyhow::Result<Vec<(&'static str, &'static str)>> {
    let left: Vec<_> = alerts::names()
        .into_iter()
        // This alert always fires and has its own case.
        .filter(|name| *name != alerts::ALWAYS && !fired.contains(name))
        .collect();
    let unused = NOT_INJECTED.iter().filter(|(name, _)| !left.contains(name));
    let unused: Vec<_> = unused.map(|(name, _)| name).collect();
    ensure!(
        unused.is_empty(),
        "{unused:?}: these alerts have fired or do not exist; remove their reasons"
    );
    let reason = |name| match NOT_INJECTED.iter().find(|(listed, _)| *listed == name) {
        Some(found) => Ok(*found),
        None => bail!(
            "{name}: not injected in live/injected/, and without a reason in live/not_injected.rs"
        ),
    };
    left.into_iter().map(reason).collect()
}

#[cfg(test)]
mod tests {
    use super::reasons;
    use crate::live::injected::ROUNDS;

    #[test]
    fn each_alert_is_injected_or_has_a_reason() -> anyhow::Result<()> {
        let faults = ROUNDS.into_iter().flatten();
        let injected: Vec<_> = faults.map(|fault| fault.alert).collect();
        reasons(&injected).map(drop)
    }

    #[test]
    fn alert_without_reason_is_an_error() {
        let checked = reasons(&[]).map_err(|error| error.to_string());
        assert!(checked.is_err_and(|error| error.contains("HttpAvailabilityBudgetBurn")));
    }

    #[test]
    fn unused_reason_is_an_error() {
        let checked = reasons(&["ProcessMemoryNearLimit"]).map_err(|error| error.to_string());
        assert!(checked.is_err_and(|error| error.contains("ProcessMemoryNearLimit")));
    }
}
