//! Rules read from the committed files, as Prometheus loads them.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::Value;

use crate::alerts::alert_files;

/// An entry of a rule file.
#[derive(Debug, Clone, Default)]
pub(super) struct Rule {
    pub(super) alert: Option<String>,
    pub(super) record: Option<String>,
    pub(super) expr: String,
    /// The field `for`, which is a keyword in Rust.
    pub(super) lasting: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

impl Rule {
    /// The name of the alert, or of the recorded series.
    pub(super) fn name(&self) -> &str {
        let name = self.alert.as_ref().or(self.record.as_ref());
        name.map_or("", String::as_str)
    }

    pub(super) fn annotation(&self, name: &str) -> &str {
        self.annotations.get(name).map_or("", String::as_str)
    }

    pub(super) fn pages(&self) -> bool {
        self.labels
            .get("severity")
            .is_some_and(|severity| severity == "critical")
    }

    /// The rule in an entry of `rules`.
    fn read(entry: &Value) -> Self {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
        let map = |key: &str| {
            let entries = entry
                .get(key)
                .and_then(Value::as_object)
                .into_iter()
                .flatten();
            let texts = entries
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
            texts.collect()
        };
        Self {
            alert: text("alert"),
            record: text("record"),
            expr: text("expr").unwrap_or_default(),
            lasting: text("for"),
            labels: map("labels"),
            annotations: map("annotations"),
        }
    }
}

/// The rules of both committed files.
pub(super) fn committed() -> anyhow::Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for name in ["objectives.yml", "firstlight.rules.yml"] {
        rules.extend(in_groups(&groups(name)?));
    }
    Ok(rules)
}

/// The groups of a rule file.
pub(super) fn groups(file: &str) -> anyhow::Result<Value> {
    let file = support::yaml::read(&alert_files::folder().join(file))?;
    file.get("groups")
        .cloned()
        .context("the rule file has no groups")
}

/// The rules of all groups.
fn in_groups(groups: &Value) -> Vec<Rule> {
    let groups = groups.as_array().into_iter().flatten();
    let rules = groups.filter_map(|group| group.get("rules")?.as_array());
    rules.flatten().map(Rule::read).collect()
}
