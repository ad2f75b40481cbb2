//! The alerts whose cause cannot be had here, and why: whatever alert there is, it was provoked or it is in this list.

use anyhow::{bail, ensure};
use observability::alerts;

/// Why they are tested by `promtool test rules` alone.
const EXCUSED: [(&str, &str); 5] = [
    (
        "GrpcAvailabilityBudgetBurn",
        "no fault is its own: the calls over gRPC that are made within the service fail when their query does, and it may fire then beside the other alerts",
    ),
    (
        "WorkerAttemptsFailing",
        "other jobs of the same queue succeed all the time, which is what the dashboards need",
    ),
    (
        "WorkerQueueUnwatched",
        "the generated service enqueues and works off its queue in one process",
    ),
    (
        "ServiceWithoutTraffic",
        "it compares with a day before, which takes 24 minutes even where a minute is a second",
    ),
    (
        "ProcessMemoryNearLimit",
        "the limit is that of a control group, which takes root to make and a machine of one's own to make it on",
    ),
];

/// All alerts but those in `provoked`, and the reason of each.
///
/// # Errors
///
/// Names the alerts that have no reason, and the reasons that are not needed.
pub(super) fn without(provoked: &[&str]) -> anyhow::Result<Vec<(&'static str, &'static str)>> {
    let left: Vec<_> = alerts::names()
        .into_iter()
        // Heard all the time, by a check of its own.
        .filter(|name| *name != alerts::ALWAYS && !provoked.contains(name))
        .collect();
    let idle = EXCUSED.iter().filter(|(name, _)| !left.contains(name));
    let idle: Vec<_> = idle.map(|(name, _)| name).collect();
    ensure!(
        idle.is_empty(),
        "{idle:?}: provoked, or no alert; take them from the list of those that cannot be provoked"
    );
    let reason = |name| match EXCUSED.iter().find(|(excused, _)| *excused == name) {
        Some(found) => Ok(*found),
        None => bail!("{name}: neither provoked nor is it said why not"),
    };
    left.into_iter().map(reason).collect()
}

#[cfg(test)]
mod tests {
    use super::without;
    use crate::live::injected::ROUNDS;

    #[test]
    fn each_alert_is_provoked_or_excused() -> anyhow::Result<()> {
        let faults = ROUNDS.into_iter().flatten();
        let provoked: Vec<_> = faults.map(|fault| fault.alert).collect();
        without(&provoked).map(drop)
    }

    #[test]
    fn alert_without_cause_or_excuse_is_named() {
        let refused = without(&[]).map_err(|error| error.to_string());
        assert!(refused.is_err_and(|error| error.contains("HttpAvailabilityBudgetBurn")));
    }

    #[test]
    fn an_excuse_for_what_is_provoked_is_named() {
        let refused = without(&["ProcessMemoryNearLimit"]).map_err(|error| error.to_string());
        assert!(refused.is_err_and(|error| error.contains("ProcessMemoryNearLimit")));
    }
}
