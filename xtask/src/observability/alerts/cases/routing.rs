//! Which receiver hears of which alert, by `amtool`, which reads the file as Alertmanager does.

use std::process::Command;

use crate::{
    command,
    observability::alerts::{ALWAYS, alerts, files},
    test::Cases,
    tools::Alertmanager,
};

pub(super) fn cases(cases: &mut Cases, alertmanager: &Alertmanager) {
    let config = files::folder().join("alertmanager.yml");
    cases.check("amtool finds nothing in alertmanager.yml", || {
        let mut check = Command::new(&alertmanager.amtool);
        command::run_quietly(check.arg("check-config").arg(&config)).map(drop)
    });
    cases.check(
        "every alert reaches who it is for: a pager, the tickets, or the heartbeat",
        || {
            for alert in alerts() {
                let severity = alert.severity.word();
                let receiver = match severity {
                    _ if alert.name == ALWAYS => "heartbeat",
                    "critical" => "pager",
                    "warning" => "tickets",
                    _ => "nobody",
                };
                reaches(alertmanager, receiver, alert.name, severity)?;
            }
            Ok(())
        },
    );
    cases.check(
        "what has a severity that nobody knows is a ticket and not lost",
        || reaches(alertmanager, "tickets", "Other", "page"),
    );
    cases.check("what is only information goes nowhere", || {
        reaches(alertmanager, "nobody", "Other", "info")
    });
}

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
        files::folder().join("alertmanager.yml").display()
    ));
    test.arg(format!("--verify.receivers={receiver}"));
    test.arg(format!("alertname={alert}"))
        .arg(format!("severity={severity}"))
        .arg("job=orders");
    command::run_quietly(&mut test).map(drop)
}
