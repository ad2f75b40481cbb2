//! A test that panels and rules name metrics which exist.
//!
//! A panel on any other metric is empty, and an alert on it never fires.

use firstlight::testing::{POSTGRES_EXPORTER, unknown_metrics};

use {{crate_name}}::metrics;

/// The folders with dashboards and rules.
{%- if deploy == "compose" %}
const FOLDERS: [&str; 2] = ["observability", "deploy/compose/platform"];
{%- else %}
const FOLDERS: [&str; 1] = ["observability"];
{%- endif %}

/// Further metrics: of other programs, and of rules outside of the folders.
const OTHERS: &[&str] = &[];

#[test]
fn panels_and_rules_name_existing_metrics() {
    let own: Vec<&str> = metrics::ALL.iter().map(|metric| metric.name).collect();
    let known = [&own, OTHERS, POSTGRES_EXPORTER].concat();
    let unknown = unknown_metrics(&FOLDERS, &known).unwrap();
    let unknown: Vec<String> = unknown.iter().map(ToString::to_string).collect();
    assert!(unknown.is_empty(), "\n{}", unknown.join("\n"));
}
