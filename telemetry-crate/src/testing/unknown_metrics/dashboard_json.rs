//! The PromQL expressions of a Grafana dashboard.

use std::io;

use serde_json::{Map, Value};

use super::{Expression, invalid};

/// The expressions of panels, annotations and variables.
///
/// They are found wherever they are, because the schemas of Grafana's versions nest panels differently.
pub(super) fn expressions(text: &str) -> io::Result<Vec<Expression>> {
    let dashboard: Value = serde_json::from_str(text).map_err(invalid)?;
    let mut found = Vec::new();
    let root = Place {
        name: "dashboard".to_owned(),
        has_logs: false,
    };
    // The title of the dashboard itself is not that of a panel.
    for value in dashboard.as_object().into_iter().flat_map(Map::values) {
        collect(value, &root, &mut found);
    }
    Ok(found)
}

/// A panel, annotation or variable.
#[derive(Clone)]
struct Place {
    name: String,
    /// Whether the data source stores logs, so that its expressions are not PromQL.
    has_logs: bool,
}

impl Place {
    fn within(&self, object: &Map<String, Value>) -> Self {
        let mut place = self.clone();
        let text = |key| object.get(key).and_then(Value::as_str);
        let datasource = object.get("datasource");
        if let Some(title) = text("title").filter(|title| !title.is_empty()) {
            place.name = format!("panel {title:?}");
        } else if let (Some(name), Some(_)) = (text("name"), datasource) {
            place.name = if object.contains_key("query") {
                format!("variable {name:?}")
            } else {
                format!("annotation {name:?}")
            };
        }
        let kind = datasource.and_then(|source| source.get("type"));
        if let Some(kind) = kind.and_then(Value::as_str) {
            // Loki, and those whose names end with it, such as `victoriametrics-logs-datasource`.
            place.has_logs = kind.contains("loki") || kind.contains("logs");
        }
        place
    }
}

fn collect(value: &Value, place: &Place, found: &mut Vec<Expression>) {
    match value {
        Value::Array(items) => {
            for item in items {
                collect(item, place, found);
            }
        }
        Value::Object(object) => {
            let place = place.within(object);
            let mut push = |text: &str| {
                if !place.has_logs && !text.is_empty() {
                    found.push(Expression {
                        place: place.name.clone(),
                        text: text.to_owned(),
                    });
                }
            };
            if let Some(text) = object.get("expr").and_then(Value::as_str) {
                push(text);
            }
            if object.get("type").is_some_and(|kind| kind == "query")
                && let Some(text) = object.get("query").and_then(query_of_variable)
            {
                push(series_of_variable(text));
            }
            for child in object.values() {
                collect(child, &place, found);
            }
        }
        _ => {}
    }
}

/// The text of a variable's query: a string, or the field `query` of an object.
fn query_of_variable(query: &Value) -> Option<&str> {
    query.as_str().or_else(|| query.get("query")?.as_str())
}

/// The selector or expression in a variable's query.
///
/// `label_values(up, job)` asks for the values of a label of `up`, and `label_values(job)` for those of all series. The
/// other functions of Grafana name no series.
fn series_of_variable(query: &str) -> &str {
    let argument = |function| {
        let rest = query.trim().strip_prefix(function)?.trim_start();
        rest.strip_prefix('(')?.strip_suffix(')')
    };
    if let Some(arguments) = argument("label_values") {
        // The name of a label has no comma.
        arguments.rsplit_once(',').map_or("", |(series, _)| series)
    } else {
        argument("query_result").unwrap_or_default()
    }
}
