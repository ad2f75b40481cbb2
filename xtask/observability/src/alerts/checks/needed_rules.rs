//! The rules that an alert test needs, so that promtool evaluates no others.
//!
//! promtool evaluates every rule of a file at every step of every test, and an alert depends on few of them. A rule that no
//! expectation names, directly or through other rules, cannot change a result.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// A rule file with the rules that `test` depends on, in their order.
///
/// `test` is the text of a file of alert tests. The result is JSON, which is YAML as well. Groups keep their names.
pub(super) fn of(test: &str, groups: &[Value]) -> String {
    let mut names: BTreeSet<String> = words(test).map(str::to_owned).collect();
    loop {
        let known = names.len();
        for rule in groups.iter().flat_map(rules) {
            if !names.contains(name(rule)) {
                continue;
            }
            let expression = rule["expr"].as_str().unwrap_or_default();
            names.extend(words(expression).map(str::to_owned));
        }
        if names.len() == known {
            break;
        }
    }
    let groups = groups.iter().filter_map(|group| {
        let needed = rules(group).filter(|rule| names.contains(name(rule)));
        let needed: Vec<_> = needed.cloned().collect();
        let mut group: Map<String, Value> = group.as_object()?.clone();
        group.insert("rules".to_owned(), Value::Array(needed));
        Some(Value::Object(group))
    });
    json!({ "groups": groups.collect::<Vec<_>>() }).to_string()
}

fn rules(group: &Value) -> impl Iterator<Item = &Value> {
    group["rules"].as_array().into_iter().flatten()
}

fn name(rule: &Value) -> &str {
    let name = rule["record"].as_str().or(rule["alert"].as_str());
    name.unwrap_or_default()
}

/// All words that can be the name of a rule.
///
/// Words in strings are among them, because `ALERTS` is queried by the name of an alert in a string.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.split(move |c| !is_name(c))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::of;

    #[test]
    fn dependencies_are_kept() {
        let groups = json!([
            { "name": "records", "interval": "1m", "rules": [
                { "record": "a:b", "expr": "rate(x[5m])" },
                { "record": "c:d", "expr": "rate(y[5m])" },
            ]},
            { "name": "alerts", "rules": [
                { "alert": "Slow", "expr": "sum(a:b) > 1 unless on () ALERTS{alertname=\"Down\"}" },
                { "alert": "Down", "expr": "up == 0" },
                { "alert": "Other", "expr": "c:d > 1" },
            ]},
        ]);
        let kept = of("alertname: Slow", groups.as_array().unwrap_or(&Vec::new()));
        let kept: Value = serde_json::from_str(&kept).unwrap_or_default();
        assert_eq!(kept["groups"][0]["interval"], "1m");
        assert_eq!(kept["groups"][0]["rules"], json!([groups[0]["rules"][0]]));
        let alerts = json!([groups[1]["rules"][0], groups[1]["rules"][1]]);
        assert_eq!(kept["groups"][1]["rules"], alerts);
    }
}
