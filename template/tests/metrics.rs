//! Tests of the service's own metrics against their declarations.

#![cfg(unix)] // for SIGTERM

mod support;

use std::{env, path::Path};

use firstlight::{metrics::MetricDocument, testing::metric_violations};
use support::{Service, command};

use {{crate_name}}::metrics;
{%- if example %}

/// An accepted order, and one that is rejected for each reason.
const ORDERS: [&str; 3] = [
    r#"{"item": "telescope", "quantity": 2}"#,
    r#"{"item": "", "quantity": 2}"#,
    r#"{"item": "telescope", "quantity": 0}"#,
];
{%- endif %}

#[test]
fn declared_metrics_are_the_recorded_ones() {
    let mut service = Service::start(&[]);
{%- if example %}
    for order in ORDERS {
        service.post("/orders", order);
    }
{%- else %}
    service.get("/", ""); // replace it by requests that record each of your metrics
{%- endif %}
    let exposition = service.admin("/metrics").body;
    let violations = metric_violations(metrics::ALL, &exposition);
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn documents_match_the_declarations() {
    let name = env!("CARGO_PKG_NAME");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = MetricDocument::table(name, metrics::ALL).unwrap();
    let dashboard = MetricDocument::dashboard(name, metrics::ALL).unwrap();
    let dashboard = dashboard.map(|dashboard| ("observability/dashboards", dashboard));
    for (folder, document) in [("docs", table)].into_iter().chain(dashboard) {
        let folder = root.join(folder);
        if env::var_os("UPDATE").is_some() {
            document.write(&folder).unwrap();
        }
        let outdated = document.outdated(&folder);
        assert_eq!(outdated, None, "run `UPDATE=1 cargo test --test metrics`");
    }
}

/// As in `--dashboards DIR | head -1`.
#[test]
fn closed_output_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut dashboards = command(&["--dashboards", env!("CARGO_TARGET_TMPDIR")], &[]);
    let ended = dashboards.stdout(writer).output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
}
