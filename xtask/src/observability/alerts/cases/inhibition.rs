//! What is left out because something larger says it already: asked of a running Alertmanager, because amtool cannot tell.

use std::{fs, time::Duration};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::{http, observability::alerts::files, paths, process::Process, test::Cases, tools};

/// What fires, and which of it is left out: alert, severity, job, queue.
struct Scene {
    name: &'static str,
    fires: &'static [Fires],
}

/// Name, severity, job, queue, and whether it is left out.
type Fires = (&'static str, &'static str, &'static str, &'static str, bool);

const SCENES: [Scene; 5] = [
    Scene {
        name: "a service that is down says so and nothing else, and others speak for themselves",
        fires: &[
            ("ServiceDown", "critical", "orders", "", false),
            ("HttpAvailabilityBudgetBurn", "critical", "orders", "", true),
            ("ProcessMemoryNearLimit", "warning", "orders", "", true),
            ("ProcessMemoryNearLimit", "warning", "billing", "", false),
            ("Watchdog", "info", "", "", false),
        ],
    },
    Scene {
        name: "a page leaves out the ticket for the same objective, and no other",
        fires: &[
            (
                "HttpAvailabilityBudgetBurn",
                "critical",
                "orders",
                "",
                false,
            ),
            ("HttpAvailabilityBudgetBurn", "warning", "orders", "", true),
            ("HttpLatencyBudgetBurn", "warning", "orders", "", false),
        ],
    },
    Scene {
        name: "a queue that stalls leaves out that it grows, and no other queue",
        fires: &[
            ("WorkerQueueStalled", "critical", "orders", "emails", false),
            ("WorkerQueueGrowing", "warning", "orders", "emails", true),
            ("WorkerQueueGrowing", "warning", "orders", "invoices", false),
        ],
    },
    Scene {
        name: "time-outs of a pool leave out that it is used up",
        fires: &[
            ("DatabasePoolTimeouts", "warning", "orders", "", false),
            ("DatabasePoolExhausted", "warning", "orders", "", true),
        ],
    },
    Scene {
        name: "an absent service and one that is down do not leave out each other",
        fires: &[
            ("ServiceAbsent", "critical", "orders", "", false),
            ("ServiceDown", "critical", "orders", "", false),
        ],
    },
];

pub(super) fn cases(cases: &mut Cases, alertmanager: &tools::Alertmanager) {
    for (number, scene) in SCENES.iter().enumerate() {
        cases.check(&format!("Alertmanager: {}", scene.name), || {
            play(alertmanager, number, scene)
        });
    }
}

/// Each in an Alertmanager of its own, because it remembers.
fn play(alertmanager: &tools::Alertmanager, number: usize, scene: &Scene) -> anyhow::Result<()> {
    let folder = paths::fresh(&format!("alertmanager-{number}"))
        .context("cannot empty a folder of target")?;
    // With its waits, and with receivers that are not there: nothing is sent within the minute that this takes.
    let config = folder.join("alertmanager.yml");
    fs::copy(files::folder().join("alertmanager.yml"), &config)?;
    let mut command = alertmanager.server();
    command.arg(format!("--config.file={}", config.display()));
    command.arg(format!("--storage.path={}", folder.join("data").display()));
    // It is alone.
    command.args([
        "--web.listen-address=127.0.0.1:0",
        "--cluster.listen-address=",
    ]);
    let server = Process::start("Alertmanager", &mut command)?;
    let address = server.wait_for_line("where it listens", DEADLINE, |line| {
        let (_, rest) = line.split_once("\"Listening on\" address=")?;
        rest.split_whitespace()
            .next()
            .map(|address| format!("http://{address}/api/v2/alerts"))
    })?;

    let alerts: Vec<_> = scene.fires.iter().map(alert).collect();
    let body = json!(alerts).to_string();
    let answer = http::send(
        "POST",
        &address,
        &[("content-type", "application/json")],
        &body,
    )?;
    if answer.status != 200 {
        bail!("Alertmanager answered {}: {}", answer.status, answer.body);
    }
    // It decides about an alert when it is processed, or asked for.
    http::poll(&address, &[], DEADLINE, |answer| {
        let alerts: Value = serde_json::from_str(&answer.body).ok()?;
        as_expected(scene.fires, alerts.as_array()?).then_some(())
    })
    .context("some alert is left out that should not be, or the other way round")
}

fn alert(&(name, severity, job, queue, _): &Fires) -> Value {
    let mut labels = json!({"alertname": name, "severity": severity});
    for (label, value) in [("job", job), ("queue", queue)] {
        if !value.is_empty() {
            labels[label] = json!(value);
        }
    }
    json!({ "labels": labels })
}

fn as_expected(fires: &[Fires], alerts: &[Value]) -> bool {
    let found = |&(name, severity, job, queue, left_out): &Fires| {
        let alert = alerts.iter().find(|alert| {
            let label = |label: &str| alert["labels"][label].as_str().unwrap_or_default();
            (
                label("alertname"),
                label("severity"),
                label("job"),
                label("queue"),
            ) == (name, severity, job, queue)
        });
        let expected = if left_out { "suppressed" } else { "active" };
        alert.is_some_and(|alert| alert["status"]["state"] == expected)
    };
    alerts.len() == fires.len() && fires.iter().all(found)
}

const DEADLINE: Duration = Duration::from_secs(30);
