//! What a dashboard must be, rule by rule: the 17 rules of Grafana's dashboard-linter, which needs another toolchain, and ours.
//!
//! Rules look at the JSON, because that is what people get. There are no exclusions. Each rule brings a way to break it, so
//! that a rule that objects to nothing is found out.

mod bound;
mod craft;
mod form;
mod meaning;
mod panel;
mod sheet;
mod target;
mod thing;
mod variables;

use serde_json::Value;

use self::sheet::Sheet;

/// One thing that is true of every dashboard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// The linter's name for it, if it is one of the linter's.
    pub(super) name: &'static str,
    /// What is wrong, one line per place.
    check: fn(&Sheet<'_>) -> Vec<String>,
    /// Makes it wrong.
    breaks: fn(&mut Value),
}

impl Rule {
    /// Everything in `dashboard` that this rule objects to.
    pub(super) fn objections(&self, dashboard: &Value) -> Vec<String> {
        (self.check)(&Sheet::new(dashboard))
    }

    /// A copy of `dashboard` that this rule must object to.
    pub(super) fn broken(&self, dashboard: &Value) -> Value {
        let mut broken = dashboard.clone();
        (self.breaks)(&mut broken);
        broken
    }
}

/// The linter's in the linter's order, then ours.
pub(super) fn rules() -> Vec<Rule> {
    [
        variables::RULES,
        panel::RULES,
        target::RULES,
        form::RULES,
        craft::RULES,
        meaning::RULES,
        thing::RULES,
        bound::RULES,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::rules;
    use crate::dashboards::all;

    #[test]
    fn no_rule_objects_to_any_dashboard() {
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
    fn each_rule_objects_to_its_breach() {
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
