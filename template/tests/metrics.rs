//! Tests of the service's own metrics against their declarations in `src/metrics.rs`.

#![cfg(unix)] // for SIGTERM

mod support;

use std::path::Path;

use firstlight::{metrics::MetricDocuments, testing::metric_violations};
use support::Service;

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
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let documents = MetricDocuments::new(env!("CARGO_PKG_NAME"), metrics::ALL).unwrap();
    let outdated = documents.outdated(&docs);
    let advice = "run `cargo run -- dashboards docs`, and commit docs/";
    assert!(outdated.is_empty(), "{advice}: {outdated:#?}");
}
