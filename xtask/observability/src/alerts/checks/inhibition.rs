//! What is left out because something larger says it already: asked of a running Alertmanager, because amtool cannot tell.

use std::{fs, time::Duration};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use support::{Cases, http, paths, process::Process, tools};

use crate::alerts::output;

/// What fires at the same time, and which of it is left out.
struct Scene {
    name: &'static str,
    fires: &'static [Fires],
}

/// One alert.
struct Fires {
    name: &'static str,
    severity: &'static str,
    labels: &'static [(&'static str, &'static str)],
    left_out: bool,
}

const fn heard(
    name: &'static str,
    severity: &'static str,
    labels: &'static [(&'static str, &'static str)],
) -> Fires {
    Fires {
        name,
        severity,
        labels,
        left_out: false,
    }
}

const fn left_out(
    name: &'static str,
    severity: &'static str,
    labels: &'static [(&'static str, &'static str)],
) -> Fires {
    Fires {
        left_out: true,
        ..heard(name, severity, labels)
    }
}

const ORDERS: &[(&str, &str)] = &[("job", "orders")];
const EMAILS: &[(&str, &str)] = &[("job", "orders"), ("queue", "emails")];
const MAIN_OF_A: &[(&str, &str)] = &[
    ("job", "orders"),
    ("instance", "a"),
    ("db_client_connection_pool_name", "main"),
];
const MAIN_OF_B: &[(&str, &str)] = &[
    ("job", "orders"),
    ("instance", "b"),
    ("db_client_connection_pool_name", "main"),
];
const JOBS_OF_A: &[(&str, &str)] = &[
    ("job", "orders"),
    ("instance", "a"),
    ("db_client_connection_pool_name", "jobs"),
];
const PRODUCTION: &[(&str, &str)] = &[("namespace", "production"), ("job", "orders")];
const STAGING: &[(&str, &str)] = &[("namespace", "staging"), ("job", "orders")];
const EAST: &[(&str, &str)] = &[
    ("cluster", "east"),
    ("namespace", "production"),
    ("job", "orders"),
];
const WEST: &[(&str, &str)] = &[
    ("cluster", "west"),
    ("namespace", "production"),
    ("job", "orders"),
];

const SCENES: [Scene; 10] = [
    Scene {
        name: "a service that is down says so and nothing else, and others speak for themselves",
        fires: &[
            heard("ServiceDown", "critical", ORDERS),
            left_out("HttpAvailabilityBudgetBurn", "critical", ORDERS),
            left_out("ProcessMemoryNearLimit", "warning", ORDERS),
            heard("ProcessMemoryNearLimit", "warning", &[("job", "billing")]),
            heard("Watchdog", "info", &[]),
        ],
    },
    Scene {
        name: "a page leaves out the ticket for the same objective, and no other",
        fires: &[
            heard("HttpAvailabilityBudgetBurn", "critical", ORDERS),
            left_out("HttpAvailabilityBudgetBurn", "warning", ORDERS),
            heard("HttpLatencyBudgetBurn", "warning", ORDERS),
        ],
    },
    Scene {
        name: "a queue that stalls leaves out that it grows, and no other queue",
        fires: &[
            heard("WorkerQueueStalled", "critical", EMAILS),
            left_out("WorkerQueueGrowing", "warning", EMAILS),
            heard(
                "WorkerQueueGrowing",
                "warning",
                &[("job", "orders"), ("queue", "invoices")],
            ),
        ],
    },
    Scene {
        name: "time-outs of a pool leave out that it is used up, and no pool of another pod",
        fires: &[
            heard("DatabasePoolTimeouts", "warning", MAIN_OF_A),
            left_out("DatabasePoolExhausted", "warning", MAIN_OF_A),
            heard("DatabasePoolExhausted", "warning", MAIN_OF_B),
            heard("DatabasePoolExhausted", "warning", JOBS_OF_A),
        ],
    },
    Scene {
        name: "an absent service and one that is down do not leave out each other",
        fires: &[
            heard("ServiceAbsent", "critical", ORDERS),
            heard("ServiceDown", "critical", ORDERS),
        ],
    },
    Scene {
        name: "a staging that is down leaves out nothing of production",
        fires: &[
            heard("ServiceDown", "warning", STAGING),
            left_out("ProcessMemoryNearLimit", "warning", STAGING),
            heard("HttpAvailabilityBudgetBurn", "critical", PRODUCTION),
            heard("ProcessMemoryNearLimit", "warning", PRODUCTION),
        ],
    },
    Scene {
        name: "production and staging that are both down are both told of",
        fires: &[
            heard("ServiceDown", "critical", PRODUCTION),
            heard("ServiceDown", "warning", STAGING),
            left_out("HttpAvailabilityBudgetBurn", "critical", PRODUCTION),
            left_out("HttpAvailabilityBudgetBurn", "warning", STAGING),
        ],
    },
    Scene {
        name: "a page of production leaves out no ticket of staging",
        fires: &[
            heard("HttpAvailabilityBudgetBurn", "critical", PRODUCTION),
            left_out("HttpAvailabilityBudgetBurn", "warning", PRODUCTION),
            heard("HttpAvailabilityBudgetBurn", "warning", STAGING),
        ],
    },
    Scene {
        name: "what is down in one cluster leaves out nothing of another",
        fires: &[
            heard("ServiceDown", "critical", EAST),
            left_out("HttpLatencyBudgetBurn", "critical", EAST),
            heard("HttpLatencyBudgetBurn", "critical", WEST),
        ],
    },
    Scene {
        name: "a service without a namespace is another one than that of its name in one",
        fires: &[
            heard("ServiceDown", "critical", ORDERS),
            left_out("HttpLatencyBudgetBurn", "critical", ORDERS),
            heard("HttpLatencyBudgetBurn", "critical", PRODUCTION),
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
    fs::copy(output::folder().join("alertmanager.yml"), &config)?;
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

fn alert(fires: &Fires) -> Value {
    let mut labels = json!({"alertname": fires.name, "severity": fires.severity});
    for (label, value) in fires.labels {
        labels[*label] = json!(value);
    }
    json!({ "labels": labels })
}

fn as_expected(fires: &[Fires], alerts: &[Value]) -> bool {
    let found = |fires: &Fires| {
        let expected = if fires.left_out {
            "suppressed"
        } else {
            "active"
        };
        let labels = &alert(fires)["labels"];
        let found = alerts.iter().find(|alert| alert["labels"] == *labels);
        found.is_some_and(|alert| alert["status"]["state"] == expected)
    };
    alerts.len() == fires.len() && fires.iter().all(found)
}

const DEADLINE: Duration = Duration::from_secs(30);
