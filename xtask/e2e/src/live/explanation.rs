//! What `/explain` of a service says while an alert fires.

use std::{fs, time::Duration};

use anyhow::Context as _;
use serde_json::Value;
use support::{http, paths};

use super::{
    environment::{Environment, ORDERS, STARVED},
    injected::Fault,
};

/// How long a finding may take, on a machine that is also building.
///
/// A rule looks at one moment, and an alert at several minutes.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until the affected service names the runbook of the fault's alert.
///
/// Returns `None` for an alert about another program, or whose runbook no rule has.
pub(super) fn of(env: &Environment, fault: &Fault) -> Option<anyhow::Result<()>> {
    let instance = match fault.job {
        ORDERS => &env.orders,
        STARVED => &env.starved,
        _ => return None,
    };
    match has_rule(fault.alert) {
        Ok(true) => {}
        Ok(false) => return None,
        Err(error) => return Some(Err(error)),
    }
    let url = format!("http://{}/explain", instance.admin);
    let json = [("accept", "application/json")];
    let named = http::poll(&url, &json, DEADLINE, |answer| {
        let answer: Value = serde_json::from_str(&answer.body).ok()?;
        let mut findings = answer["findings"].as_array()?.iter();
        findings
            .any(|finding| finding["runbook"] == fault.alert)
            .then_some(())
    });
    Some(named.with_context(|| format!("no finding has the runbook {}", fault.alert)))
}

/// Whether a rule of `/explain` has the runbook of this alert.
pub(super) fn has_rule(alert: &str) -> anyhow::Result<bool> {
    let folder = paths::root().join("telemetry-crate/src/admin/explain/rules");
    let name = format!("\"{alert}\"");
    for file in ["database.rs", "process.rs", "work.rs"] {
        let path = folder.join(file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        if text.contains(&name) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::has_rule;
    use crate::live::injected::ROUNDS;

    #[test]
    fn most_causes_in_a_service_have_a_rule() -> anyhow::Result<()> {
        let faults = ROUNDS.into_iter().flatten();
        let explained: anyhow::Result<Vec<_>> = faults
            .map(|fault| Ok((fault.alert, has_rule(fault.alert)?)))
            .collect();
        let explained = explained?.into_iter().filter(|(_, has_rule)| *has_rule);
        let explained: Vec<_> = explained.map(|(alert, _)| alert).collect();
        assert_eq!(
            explained,
            [
                "DatabasePoolExhausted",
                "WorkerQueueStalled",
                "WorkerDeadLetters",
                "MetricsCardinalityOverflow",
                "DataStalerThanBudget",
                "TelemetryDropping",
                "ProcessOpenFilesNearLimit",
                "WorkerQueueGrowing",
                "WorkerQueueUnknown",
                "WorkerJobsStuck",
                "WorkerQueueUnreadable",
                "CronRunMissed",
                "RuntimeSchedulerDelay",
            ]
        );
        Ok(())
    }
}
