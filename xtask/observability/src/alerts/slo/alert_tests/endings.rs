//! Tests of the ways in which requests and calls end, with or without a status.
//!
//! Either burns the error budget if the service is at fault, but not if the client is.

use super::{ALL, CALLS, Objective, TARGET, burn, declared};
use crate::alerts::alert_test::AlertTest;

const HTTP: &str = r#"http_server_request_duration_seconds_count{job="orders",instance="a""#;
const GRPC: &str =
    r#"rpc_server_call_duration_seconds_count{job="orders",instance="a",rpc_method="Place""#;
/// The labels of the page with the fastest burn rate.
const PAGES: [(&str, &str); 3] = [("long", "1h"), ("job", "orders"), ("severity", "critical")];

pub(super) fn all() -> Vec<AlertTest> {
    let mut alert_tests = Vec::new();
    // A response that breaks off keeps the status that was already sent.
    for (labels, what) in [
        (r#"error_type="panic""#, "requests that panic"),
        (r#"error_type="service_error""#, "errors of the service"),
        (r#"error_type="drain""#, "requests that the drain ends"),
        (r#"error_type="body_error""#, "bodies without a status"),
        (
            r#"error_type="body_error",http_response_status_code="200""#,
            "bodies that break off",
        ),
    ] {
        alert_tests.push(fires(Objective::Availability, labels, what));
    }
    for (labels, what) in [
        (r#"error_type="client_disconnected""#, "clients that leave"),
        (
            r#"error_type="write_timeout",http_response_status_code="200""#,
            "clients that do not read",
        ),
        (r#"http_response_status_code="404""#, "mistakes of clients"),
    ] {
        alert_tests.push(is_quiet(Objective::Availability, labels, what));
    }
    alert_tests.push(fires(
        Objective::Grpc,
        r#"error_type="panic""#,
        "calls that panic",
    ));
    alert_tests.push(is_quiet(
        Objective::Grpc,
        r#"error_type="cancelled",rpc_status_code="CANCELLED""#,
        "callers that leave",
    ));
    alert_tests
}

fn fires(objective: Objective, labels: &str, what: &str) -> AlertTest {
    alert_test(objective, labels, what).firing(59, &PAGES)
}

fn is_quiet(objective: Objective, labels: &str, what: &str) -> AlertTest {
    alert_test(objective, labels, what).transient(59)
}

/// Half of all requests or calls have these labels.
fn alert_test(objective: Objective, labels: &str, what: &str) -> AlertTest {
    let (others, metric) = match objective {
        Objective::Grpc => (CALLS, GRPC),
        Objective::Availability | Objective::Latency => (ALL, HTTP),
    };
    let test = AlertTest::of(burn::name(objective), what).process(TARGET, 0, "Vx60");
    declared(test)
        .series(others, "0+1000x60")
        .series(&format!("{metric},{labels}}}"), "0+1000x60")
}
