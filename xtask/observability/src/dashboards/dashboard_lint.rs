//! The rules of the dashboard linter.
//!
//! They are the 17 rules of Grafana's dashboard-linter, which needs another toolchain, and rules of
//! firstlight. Rules check the generated JSON, because users load it. No dashboard is excluded.
//! Each rule has an example of a violation, and a test checks that the rule finds it.

mod aggregation;
mod board_variables;
mod json_view;
mod panel_rules;
mod presentation;
mod references;
mod structure;
mod target_rules;
mod thresholds;

use serde_json::Value;

use self::json_view::DashboardView;

/// A rule for dashboards.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// The name; rules of Grafana's linter keep theirs.
    pub(super) name: &'static str,
    /// Returns the violations, one line each.
    check: fn(&DashboardView<'_>) -> Vec<String>,
    /// Changes a valid dashboard so that it violates the rule.
    breaks: fn(&mut Value),
}

impl Rule {
    /// The violations of this rule in `dashboard`.
    pub(super) fn objections(&self, dashboard: &Value) -> Vec<String> {
        (self.check)(&DashboardView::new(dashboard))
    }

    /// A copy of `dashboard` that violates this rule.
    pub(super) fn broken(&self, dashboard: &Value) -> Value {
        let mut broken = dashboard.clone();
        (self.breaks)(&mut broken);
        broken
    }
}

/// All rules.
pub(super) fn rules() -> Vec<Rule> {
    [
        board_variables::RULES,
        panel_rules::RULES,
        target_rules::RULES,
        structure::RULES,
        presentation::RULES,
        references::RULES,
        aggregation::RULES,
        thresholds::RULES,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::rules;
    use crate::dashboards::all;

    #[test]
    fn all_dashboards_pass() {
        for dashboard in all() {
            let json = dashboard.json();
            for rule in rules() {
                let objections = rule.objections(&json);
                assert!(
                    objections.is_empty(),
                    "{}: {}: {objections:#?}",
                    dashboard.name(),
                    rule.name
                );
            }
        }
    }

    #[test]
    fn each_rule_finds_its_violation() {
        let json = all()[0].json();
        for rule in rules() {
            assert!(
                !rule.objections(&rule.broken(&json)).is_empty(),
                "{}",
                rule.name
            );
        }
    }
}
