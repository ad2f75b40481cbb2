//! A round of faults: inject, wait for alerts, end, wait for resolutions.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use support::paths;

use super::{
    environment::Environment,
    explanation,
    injected::{Cause, Fault},
    webhook::Notification,
};

/// How long a notification may take, on a machine that is also building.
const DEADLINE: Duration = Duration::from_secs(120);

/// How long an alert took to fire and to resolve, or why it did not.
#[derive(Debug, Clone)]
pub(super) struct AlertResult {
    pub(super) alert: &'static str,
    pub(super) severity: &'static str,
    pub(super) cause: &'static str,
    pub(super) fired: anyhow::Result<Duration, String>,
    /// Whether `/explain` named the runbook while the alert fired.
    ///
    /// `None` if no rule of the affected service has it.
    pub(super) explained: Option<anyhow::Result<(), String>>,
    pub(super) resolved: anyhow::Result<Duration, String>,
}

/// Injects all faults, waits for their alerts, runs `meanwhile`, and ends them.
///
/// # Errors
///
/// If an alert keeps firing before its fault, or a fault cannot be injected or ended. A missing notification is part of
/// the results.
pub(super) fn round(
    env: &Environment,
    faults: &[Fault],
    meanwhile: impl FnOnce(),
) -> anyhow::Result<Vec<AlertResult>> {
    // On a busy machine, an alert may fire before its fault. It must resolve first.
    for fault in faults {
        let until = Instant::now() + DEADLINE;
        while env
            .webhook
            .latest(|notification| is_about(notification, fault))
            .is_some_and(|notification| notification.firing)
        {
            ensure!(
                Instant::now() < until,
                "{} fires before its cause",
                fault.alert
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    let mut causes: Vec<(Instant, Cause)> = Vec::new();
    for fault in faults {
        let began = Instant::now();
        let cause = (fault.begin)(env).with_context(|| fault.cause.to_owned())?;
        causes.push((began, cause));
    }
    let mut fired = Vec::new();
    for (fault, (began, _)) in faults.iter().zip(&causes) {
        let notification = env.webhook.wait(*began, DEADLINE, |notification| {
            notification.firing && is_about(notification, fault)
        });
        let notification = notification.and_then(|notification| {
            check_routing(&notification, fault).map(|()| notification.at - *began)
        });
        fired.push(notification.map_err(|error| format!("{error:#}")));
    }
    let explained: Vec<_> = faults
        .iter()
        .zip(&fired)
        .map(|(fault, fired)| match fired {
            Ok(_) => explanation::of(env, fault),
            Err(_) => None,
        })
        .collect();
    meanwhile();

    let mut ended = Vec::new();
    for (fault, (_, cause)) in faults.iter().zip(causes) {
        drop(cause);
        (fault.end)(env).with_context(|| format!("the end of: {}", fault.cause))?;
        ended.push(Instant::now());
    }
    let mut results = Vec::new();
    let fired = fired.into_iter().zip(explained);
    for ((fault, (fired, explained)), ended) in faults.iter().zip(fired).zip(ended) {
        let resolved = if fired.is_ok() {
            let notification = env.webhook.wait(ended, DEADLINE, |notification| {
                !notification.firing && is_about(notification, fault)
            });
            notification.map(|notification| notification.at - ended)
        } else {
            Err(anyhow!("the alert has not fired"))
        };
        results.push(AlertResult {
            alert: fault.alert,
            severity: fault.severity,
            cause: fault.cause,
            fired,
            explained: explained.map(|named| named.map_err(|error| format!("{error:#}"))),
            resolved: resolved.map_err(|error| format!("{error:#}")),
        });
    }
    Ok(results)
}

/// Whether the notification is about the alert of `fault`.
///
/// A burn rate has an alert for each pair of windows. Only the pair whose long window is one hour,
/// divided by 60, counts. The others take long to resolve.
fn is_about(notification: &Notification, fault: &Fault) -> bool {
    let label = |name: &str, value: &str| {
        notification
            .labels
            .get(name)
            .is_some_and(|own| own == value)
    };
    label("alertname", fault.alert)
        && label("job", fault.job)
        && label("severity", fault.severity)
        && notification
            .labels
            .get("long")
            .is_none_or(|long| long == "1m")
}

/// Checks the receiver and the runbook of a notification.
fn check_routing(notification: &Notification, fault: &Fault) -> anyhow::Result<()> {
    let to = if fault.severity == "critical" {
        "/page"
    } else {
        "/ticket"
    };
    ensure!(
        notification.to == to,
        "found the receiver {}, expected {to}: {:?}",
        notification.to,
        notification.labels
    );
    let runbook = notification.annotations.get("runbook_url");
    let runbook = runbook.context("the notification has no runbook_url")?;
    let name = format!("docs/runbooks/{}.md", fault.alert);
    ensure!(
        runbook.ends_with(&name),
        "found the runbook_url {runbook}, expected {name}"
    );
    ensure!(paths::root().join(&name).exists(), "{name} does not exist");
    Ok(())
}
