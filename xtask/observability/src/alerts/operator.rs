//! The rules as two resources for the Prometheus Operator, and the kustomization that applies them.
//!
//! The first resource has the objectives, which may differ between clusters. The second has all other rules.

use super::{alert_files::HEAD, timing::Timing};

/// The file of [`rules`].
pub(super) const FILE: &str = "prometheusrule.yaml";

/// Both resources, as YAML documents.
pub(super) fn rules() -> String {
    let part_of = "app.kubernetes.io/part-of: firstlight";
    let objectives = resource(
        "firstlight-objectives",
        part_of,
        &super::objectives(Timing::Production),
    );
    let rules = resource("firstlight", part_of, &super::rules(Timing::Production));
    format!("{HEAD}{objectives}\n---\n{rules}")
}

/// The text of kustomization.yaml.
pub(super) fn kustomization() -> String {
    format!(
        "{HEAD}# The rules for every service with firstlight. Apply them once in each cluster, or with the dashboards: ../platform.

apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization

resources:
  # Needs the Prometheus Operator, and a Prometheus that selects it (ruleSelector). Error budgets cover 30 days: set
  # spec.retention of the Prometheus to 32d. The default is 24h.
  - {FILE}
"
    )
}

/// A resource with a label and with the groups of a rule file.
pub(super) fn resource(name: &str, label: &str, file: &str) -> String {
    let mut groups = String::new();
    for line in file.lines().skip_while(|line| *line != "groups:") {
        if !line.is_empty() {
            groups += "  ";
            groups += line;
        }
        groups.push('\n');
    }
    format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: {name}\n  labels:\n    {label}\nspec:\n{groups}"
    )
}
