//! Prometheus' rules, plain or as a `PrometheusRule`.

use std::io;

use yaml_rust2::{Yaml, YamlLoader};

use super::{Expression, invalid};

/// The rules of a file.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// The names that recording rules define.
    pub(super) recorded: Vec<String>,
    pub(super) expressions: Vec<Expression>,
}

/// Reads the rules of each document; documents without `groups` have none.
pub(super) fn read(text: &str) -> io::Result<Rules> {
    let mut rules = Rules::default();
    for document in YamlLoader::load_from_str(text).map_err(invalid)? {
        for groups in [&document["groups"], &document["spec"]["groups"]] {
            for rule in items(groups).flat_map(|group| items(&group["rules"])) {
                add(&mut rules, rule)?;
            }
        }
    }
    Ok(rules)
}

/// Adds a rule.
///
/// # Errors
///
/// The rule has no expression, as with a misspelled key.
fn add(rules: &mut Rules, rule: &Yaml) -> io::Result<()> {
    let (record, alert) = (rule["record"].as_str(), rule["alert"].as_str());
    rules.recorded.extend(record.map(str::to_owned));
    let place = match (record, alert) {
        (Some(name), _) => format!("record {name}"),
        (None, name) => format!("alert {}", name.unwrap_or("without a name")),
    };
    if rule["expr"].is_badvalue() {
        return Err(invalid(format!("{place} has no key `expr`")));
    }
    // A number is an expression as well, without a name of a metric.
    if let Some(text) = rule["expr"].as_str() {
        rules.expressions.push(Expression {
            place,
            text: text.trim_end().to_owned(),
        });
    }
    Ok(())
}

fn items(list: &Yaml) -> impl Iterator<Item = &Yaml> {
    list.as_vec().into_iter().flatten()
}
