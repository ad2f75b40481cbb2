//! What is wired wrongly, and what is not: each is said once, and never of a program that is wired as it should be.

use std::{io::Read, process::ExitCode, thread, time::Duration};

use firstlight::TelemetryConfig;

use crate::support::{ask, part::Part};

const DEADLINE: Duration = Duration::from_secs(60);

/// Lets go of its guard as it is told to, and goes on until its standard input is closed.
pub(crate) fn play_lets_go() -> ExitCode {
    let how = std::env::var("HOW").unwrap();
    if how == "at once" {
        let _ = firstlight::init!().unwrap();
    }
    if how == "by shutdown" {
        let telemetry = firstlight::init!().unwrap();
        telemetry.shutdown(DEADLINE).unwrap();
    }
    let _at_the_end = (how == "at the end").then(|| TelemetryConfig::new().init().unwrap());
    goes_on()
}

/// Until its standard input is closed, and so that a test which waits for a line in vain ends.
fn goes_on() -> ExitCode {
    thread::spawn(|| {
        thread::sleep(DEADLINE);
        std::process::exit(9)
    });
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}

pub(crate) fn dropped_guards() {
    let mut part = Part::start("lets_go", &[("HOW", "at once")]);
    let admin = part.admin_address();
    part.message("telemetry is down");
    let warning = part.message("telemetry has ended 2 s ago, because its guard was dropped");
    assert_eq!(warning["level"], "WARN");
    let page = ask(admin, "GET /telemetry").body;
    assert!(page.starts_with("service: needs attention\n"), "{page}");
    assert!(
        page.contains("`let telemetry = firstlight::init!()?;`"),
        "{page}"
    );
    assert_eq!(part.end(), (Some(0), String::new()));

    let mut part = Part::start("lets_go", &[("HOW", "by shutdown")]);
    let admin = part.admin_address();
    part.message("telemetry is down");
    let page = ask(admin, "GET /telemetry").body;
    assert!(
        page.starts_with("service: off\n  telemetry was shut down\n"),
        "{page}"
    );

    let mut part = Part::start("lets_go", &[("HOW", "at the end")]);
    let admin = part.admin_address();
    let page = ask(admin, "GET /telemetry").body;
    assert!(page.starts_with("service: up\n"), "{page}");
    assert!(page.contains("\nrequests: untried\n"), "{page}");
    assert!(
        page.contains("\nmetrics: untried\n  nothing has read them"),
        "{page}"
    );
    drop(part.child.stdin.take());
    let rest = part.rest();
    assert!(
        rest.len() == 1 && rest[0].contains("telemetry is down"),
        "{rest:?}"
    );
}
