//! Checks of the routes by `amtool`, which evaluates them like Alertmanager.

use std::{fs, process::Command};

use anyhow::bail;
use support::{Cases, command, paths, tools::Alertmanager};

use crate::alerts::{ALWAYS, Timing, alert_files, alerts, routes};

pub(super) fn cases(cases: &mut Cases, alertmanager: &Alertmanager) {
    let config = alert_files::folder().join("alertmanager.yml");
    cases.check("amtool: accepts alertmanager.yml", || {
        let mut check = Command::new(&alertmanager.amtool);
        command::run_quietly(check.arg("check-config").arg(&config)).map(drop)
    });
    cases.check(
        "amtool: accepts the configuration of the suite live",
        || scaled(alertmanager),
    );
    cases.check("routing: every alert reaches its receiver", || {
        for alert in alerts() {
            let severity = alert.severity.as_str();
            let receiver = match severity {
                _ if alert.name == ALWAYS => "heartbeat",
                "critical" => "pager",
                "warning" => "tickets",
                _ => "none",
            };
            reaches(alertmanager, receiver, alert.name, severity)?;
        }
        Ok(())
    });
    cases.check("routing: an unknown severity is a ticket", || {
        reaches(alertmanager, "tickets", "Other", "page")
    });
    cases.check("routing: an alert of severity info is not sent", || {
        reaches(alertmanager, "none", "Other", "info")
    });
}

/// Checks the configuration with scaled durations.
fn scaled(tools: &Alertmanager) -> anyhow::Result<()> {
    let file = paths::fresh("alertmanager-scaled")?.join("alertmanager.yml");
    let text = routes::config(Timing::Scaled, &routes::EXAMPLE);
    if !text.contains("group_wait: 500ms") {
        bail!("it still has the waits of production:\n{text}");
    }
    fs::write(&file, text)?;
    let mut check = Command::new(&tools.amtool);
    command::run_quietly(check.arg("check-config").arg(&file)).map(drop)
}

/// Fails if an alert of this severity does not reach the receiver.
fn reaches(
    alertmanager: &Alertmanager,
    receiver: &str,
    alert: &str,
    severity: &str,
) -> anyhow::Result<()> {
    let mut test = Command::new(&alertmanager.amtool);
    test.args(["config", "routes", "test"]);
    test.arg(format!(
        "--config.file={}",
        alert_files::folder().join("alertmanager.yml").display()
    ));
    test.arg(format!("--verify.receivers={receiver}"));
    test.arg(format!("alertname={alert}"))
        .arg(format!("severity={severity}"))
        .arg("job=orders");
    command::run_quietly(&mut test).map(drop)
}
