//! Tests of the inhibition rules in a running Alertmanager.
//!
//! `amtool` cannot evaluate inhibition rules.

use std::{fs, time::Duration};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use support::{Cases, http, paths, process::Process, tools};

use crate::alerts::alert_files;

/// Alerts that fire at the same time, and which of them are suppressed.
struct Scenario {
    name: &'static str,
    fires: &'static [FiringAlert],
}

/// A firing alert, and whether Alertmanager must suppress it.
struct FiringAlert {
    name: &'static str,
    severity: &'static str,
    labels: &'static [(&'static str, &'static str)],
    suppressed: bool,
}

/// A firing alert that Alertmanager must not suppress.
const fn active(
    name: &'static str,
    severity: &'static str,
    labels: &'static [(&'static str, &'static str)],
) -> FiringAlert {
    FiringAlert {
        name,
        severity,
        labels,
        suppressed: false,
    }
}

/// A firing alert that Alertmanager must suppress.
const fn suppressed(
    name: &'static str,
    severity: &'static str,
    labels: &'static [(&'static str, &'static str)],
) -> FiringAlert {
    FiringAlert {
        suppressed: true,
        ..active(name, severity, labels)
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

const SCENARIOS: [Scenario; 10] = [
    Scenario {
        name: "ServiceDown suppresses its own service only",
        fires: &[
            active("ServiceDown", "critical", ORDERS),
            suppressed("HttpAvailabilityBudgetBurn", "critical", ORDERS),
            suppressed("ProcessMemoryNearLimit", "warning", ORDERS),
            active("ProcessMemoryNearLimit", "warning", &[("job", "billing")]),
            active("Watchdog", "info", &[]),
        ],
    },
    Scenario {
        name: "a page suppresses tickets of its objective only",
        fires: &[
            active("HttpAvailabilityBudgetBurn", "critical", ORDERS),
            suppressed("HttpAvailabilityBudgetBurn", "warning", ORDERS),
            active("HttpLatencyBudgetBurn", "warning", ORDERS),
        ],
    },
    Scenario {
        name: "a stall suppresses growth of its queue only",
        fires: &[
            active("WorkerQueueStalled", "critical", EMAILS),
            suppressed("WorkerQueueGrowing", "warning", EMAILS),
            active(
                "WorkerQueueGrowing",
                "warning",
                &[("job", "orders"), ("queue", "invoices")],
            ),
        ],
    },
    Scenario {
        name: "timeouts suppress exhaustion of their pool only",
        fires: &[
            active("DatabasePoolTimeouts", "warning", MAIN_OF_A),
            suppressed("DatabasePoolExhausted", "warning", MAIN_OF_A),
            active("DatabasePoolExhausted", "warning", MAIN_OF_B),
            active("DatabasePoolExhausted", "warning", JOBS_OF_A),
        ],
    },
    Scenario {
        name: "ServiceAbsent and ServiceDown both fire",
        fires: &[
            active("ServiceAbsent", "critical", ORDERS),
            active("ServiceDown", "critical", ORDERS),
        ],
    },
    Scenario {
        name: "staging suppresses nothing of production",
        fires: &[
            active("ServiceDown", "warning", STAGING),
            suppressed("ProcessMemoryNearLimit", "warning", STAGING),
            active("HttpAvailabilityBudgetBurn", "critical", PRODUCTION),
            active("ProcessMemoryNearLimit", "warning", PRODUCTION),
        ],
    },
    Scenario {
        name: "ServiceDown fires in production and staging",
        fires: &[
            active("ServiceDown", "critical", PRODUCTION),
            active("ServiceDown", "warning", STAGING),
            suppressed("HttpAvailabilityBudgetBurn", "critical", PRODUCTION),
            suppressed("HttpAvailabilityBudgetBurn", "warning", STAGING),
        ],
    },
    Scenario {
        name: "production suppresses no ticket of staging",
        fires: &[
            active("HttpAvailabilityBudgetBurn", "critical", PRODUCTION),
            suppressed("HttpAvailabilityBudgetBurn", "warning", PRODUCTION),
            active("HttpAvailabilityBudgetBurn", "warning", STAGING),
        ],
    },
    Scenario {
        name: "a cluster suppresses nothing of another",
        fires: &[
            active("ServiceDown", "critical", EAST),
            suppressed("HttpLatencyBudgetBurn", "critical", EAST),
            active("HttpLatencyBudgetBurn", "critical", WEST),
        ],
    },
    Scenario {
        name: "no namespace differs from a namespace",
        fires: &[
            active("ServiceDown", "critical", ORDERS),
            suppressed("HttpLatencyBudgetBurn", "critical", ORDERS),
            active("HttpLatencyBudgetBurn", "critical", PRODUCTION),
        ],
    },
];

pub(super) fn cases(cases: &mut Cases, alertmanager: &tools::Alertmanager) {
    for (number, scenario) in SCENARIOS.iter().enumerate() {
        cases.check(&format!("inhibition: {}", scenario.name), || {
            run_scenario(alertmanager, number, scenario)
        });
    }
}

/// Runs one scenario in a new Alertmanager, which has no alerts yet.
fn run_scenario(
    alertmanager: &tools::Alertmanager,
    number: usize,
    scenario: &Scenario,
) -> anyhow::Result<()> {
    let folder = paths::fresh(&format!("alertmanager-{number}"))
        .context("cannot empty the scenario's folder below target/")?;
    // The receivers do not exist. The watchdog is sent to its receiver at once, which fails. The
    // waits of all other alerts are longer than this test, so these alerts are not sent.
    let config = folder.join("alertmanager.yml");
    fs::copy(alert_files::folder().join("alertmanager.yml"), &config)?;
    let mut command = alertmanager.server();
    command.arg(format!("--config.file={}", config.display()));
    command.arg(format!("--storage.path={}", folder.join("data").display()));
    // Any free port, and no cluster of Alertmanagers.
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

    let alerts: Vec<_> = scenario.fires.iter().map(alert).collect();
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
    // Alertmanager decides asynchronously whether an alert is suppressed.
    http::poll(&address, &[], DEADLINE, |answer| {
        let alerts: Value = serde_json::from_str(&answer.body).ok()?;
        as_expected(scenario.fires, alerts.as_array()?).then_some(())
    })
    .context("the set of suppressed alerts differs from the expected one")
}

/// The alert as Alertmanager's API accepts it.
fn alert(fires: &FiringAlert) -> Value {
    let mut labels = json!({"alertname": fires.name, "severity": fires.severity});
    for (label, value) in fires.labels {
        labels[*label] = json!(value);
    }
    json!({ "labels": labels })
}

/// Whether `alerts` are exactly those that fire, each with the expected state.
fn as_expected(fires: &[FiringAlert], alerts: &[Value]) -> bool {
    let found = |fires: &FiringAlert| {
        let expected = if fires.suppressed {
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

/// The longest wait for Alertmanager to start, and then to apply the rules.
const DEADLINE: Duration = Duration::from_secs(30);
