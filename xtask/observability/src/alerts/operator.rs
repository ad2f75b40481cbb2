//! The rules as two resources for the Prometheus Operator.
//!
//! The first resource has the objectives, which may differ between clusters. The second has all other rules.

use super::{alert_files::HEAD, timing::Timing};

/// Both resources, as YAML documents.
pub(super) fn rules() -> String {
    let objectives = resource(
        "firstlight-objectives",
        &super::objectives(Timing::Production),
    );
    let rules = resource("firstlight", &super::rules(Timing::Production));
    format!("{HEAD}{objectives}\n---\n{rules}")
}

fn resource(name: &str, file: &str) -> String {
    let mut groups = String::new();
    for line in file.lines().skip_while(|line| *line != "groups:") {
        if !line.is_empty() {
            groups += "  ";
            groups += line;
        }
        groups.push('\n');
    }
    format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: {name}\n  labels:\n    app.kubernetes.io/part-of: firstlight\nspec:\n{groups}"
    )
}
