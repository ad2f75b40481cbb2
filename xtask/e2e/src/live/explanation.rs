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
    if NOT_EXPLAINED.iter().any(|(alert, _)| *alert == fault.alert) {
        return None;
    }
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
            .any(|finding| names(&finding["runbook"], fault.alert))
            .then_some(())
    });
    Some(named.with_context(|| format!("no finding has the runbook {}", fault.alert)))
}

/// The alerts whose runbook a rule has, but which the rule does not find, and why.
const NOT_EXPLAINED: [(&str, &str); 2] = [
    (
        "HttpLatencyBudgetBurn",
        "the rule finds requests that hang, and slow ones end",
    ),
    ("ServiceDown", "the service does not answer"),
];

/// Whether a finding's runbook is that of an alert, or of what the alert becomes.
fn names(runbook: &Value, alert: &str) -> bool {
    // On a busy machine, the queue is beyond its budget before its growth is found.
    let worse = (alert == "WorkerQueueGrowing").then_some("WorkerQueueStalled");
    let runbook = runbook.as_str();
    runbook == Some(alert) || (runbook.is_some() && runbook == worse)
}

/// Whether a rule of `/explain` has the runbook of this alert.
pub(super) fn has_rule(alert: &str) -> anyhow::Result<bool> {
    let folder = paths::root().join("telemetry-crate/src/admin/explain/rules");
    let name = format!("\"{alert}\"");
    for file in ["database.rs", "failures.rs", "process.rs", "work.rs"] {
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
    use super::{NOT_EXPLAINED, has_rule};
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
                "HttpLatencyBudgetBurn",
                "DatabasePoolExhausted",
                "WorkerQueueStalled",
                "WorkerDeadLetters",
                "GrpcAvailabilityBudgetBurn",
                "MetricsCardinalityOverflow",
                "DataStalerThanBudget",
                "TelemetryDropping",
                "ProcessOpenFilesNearLimit",
                "WorkerQueueGrowing",
                "WorkerQueueUnknown",
                "WorkerJobsStuck",
                "HttpAvailabilityBudgetBurn",
                "WorkerQueueUnreadable",
                "CronRunMissed",
                "RuntimeSchedulerDelay",
                "ServiceDown",
            ]
        );
        for (alert, _) in NOT_EXPLAINED {
            assert!(explained.contains(&alert), "{alert} has no rule");
        }
        Ok(())
    }
}
