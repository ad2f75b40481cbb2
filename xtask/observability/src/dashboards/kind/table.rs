//! Tables: one row per combination of labels, one column per query.

use serde_json::{Map, Value, json};

use crate::dashboards::{Color, Target, Thresholds, Unit};

/// A column of a table: a value for each row.
#[derive(Debug, Clone)]
pub struct Column {
    heading: &'static str,
    unit: Unit,
    thresholds: Thresholds,
    pub(in crate::dashboards) target: Target,
}

impl Column {
    /// A column without thresholds.
    pub fn new(heading: &'static str, unit: Unit, expr: impl Into<String>) -> Self {
        Self {
            heading,
            unit,
            thresholds: Thresholds::None,
            target: Target::new(heading, expr),
        }
    }

    pub(crate) fn red_from(mut self, value: f64) -> Self {
        self.thresholds.from(value, Color::Red);
        self
    }

    /// Red below `value`.
    pub fn red_below(mut self, value: f64) -> Self {
        self.thresholds.below(value, Color::Red);
        self
    }

    /// Marks a query that has no values under ordinary load.
    pub(crate) fn in_trouble(mut self) -> Self {
        self.target = self.target.in_trouble();
        self
    }

    /// The override of the table's defaults for this column.
    pub(super) fn override_(&self) -> Value {
        let mut properties = vec![
            json!({ "id": "unit", "value": self.unit.id() }),
            json!({ "id": "custom.align", "value": "right" }),
        ];
        if self.thresholds != Thresholds::None {
            properties.push(json!({ "id": "thresholds", "value": self.thresholds.json() }));
            let cell = json!({ "mode": "basic", "type": "color-background" });
            properties.push(json!({ "id": "custom.cellOptions", "value": cell }));
        }
        json!({
            "matcher": { "id": "byName", "options": self.heading },
            "properties": properties,
        })
    }
}

pub(super) fn options(columns: &[Column]) -> Value {
    let first = columns.first().map_or("", |column| column.heading);
    json!({
        "cellHeight": "sm",
        "frameIndex": 0,
        "showHeader": true,
        "sortBy": [{ "desc": true, "displayName": first }],
    })
}

pub(super) fn custom() -> Value {
    json!({
        "align": "auto",
        "cellOptions": { "type": "auto" },
        "filterable": false,
        "inspect": false,
    })
}

/// Joins the results of all queries, sets the headings, and hides the time.
pub(super) fn transformations(
    keys: &[(&'static str, &'static str)],
    columns: &[Column],
) -> Vec<Value> {
    let mut names = Map::new();
    let mut order = Map::new();
    for (label, heading) in keys {
        order.insert((*label).to_owned(), json!(order.len()));
        names.insert((*label).to_owned(), json!(heading));
    }
    for (letter, column) in ('A'..).zip(columns) {
        // Grafana appends the letter only if there are several queries.
        let field = if columns.len() == 1 {
            "Value".to_owned()
        } else {
            format!("Value #{letter}")
        };
        order.insert(field.clone(), json!(order.len()));
        names.insert(field, json!(column.heading));
    }
    let organize = json!({
        "excludeByName": { "Time": true },
        "includeByName": {},
        "indexByName": order,
        "renameByName": names,
    });
    vec![
        json!({ "id": "merge", "options": {} }),
        json!({ "id": "organize", "options": organize }),
    ]
}
