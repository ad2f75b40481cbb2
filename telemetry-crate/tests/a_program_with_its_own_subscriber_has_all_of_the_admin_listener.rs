//! Alone in its file: it installs what is global in a process.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use firstlight::TelemetryConfig;
use support::{ask, put};
use tracing::Level;
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

#[test]
fn a_program_with_its_own_subscriber_has_all_of_the_admin_listener() {
    let mut telemetry = TelemetryConfig::new()
        .admin_address(([127, 0, 0, 1], 0).into())
        .build()
        .unwrap();
    tracing_subscriber::registry()
        .with(telemetry.layer())
        .try_init()
        .unwrap();
    let telemetry = telemetry.install().unwrap();
    let address = telemetry.admin_address().unwrap();

    let report = telemetry.check(Duration::from_secs(60));
    assert!(report.is_ok(), "{report}");
    let page = ask(address, "GET /telemetry").body;
    assert!(page.contains("\nlogs: works\n"), "{page}");

    // Asked at one place in the code, whose answer is kept until the filter changes.
    let debug = || tracing::enabled!(target: "orders", Level::DEBUG);
    assert!(!debug());
    let level = log::max_level();
    assert_eq!(put(address, "/log-filter", "orders=debug").status, 200);
    assert!(debug());
    assert_eq!(ask(address, "DELETE /log-filter").status, 200);
    assert!(!debug());
    assert_eq!(log::max_level(), level, "the bridge is the program's own");
}
