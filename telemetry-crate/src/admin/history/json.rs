//! The answer of `/history`.
//!
//! The text is written directly, because it has up to 100,000 numbers.

use std::{fmt::Write, ops::Range};

use serde_json::{Value, json};

use super::{
    INTERVAL,
    gauges::Gauge,
    row::{COLUMNS, Row},
    store::Store,
};
use crate::admin::{identity::Identity, time};

/// The version of the JSON format.
const FORMAT: u32 = 1;

/// Returns the points with these numbers.
pub(super) fn answer(identity: &Identity<'_>, store: &Store, numbers: Range<u64>) -> String {
    let mut head = identity.json(FORMAT);
    head["interval_seconds"] = INTERVAL.as_secs().into();
    head["first"] = numbers.start.into();
    head["end"] = numbers.end.into();
    head["time"] = time::date(store.time()).into();
    let mut text = head.to_string();
    // The lists follow in the same object.
    text.pop();
    text += ",\"roots\":[";
    for kind in store.kinds() {
        for row in kind.rows() {
            let row_head = json!({ "kind": kind.kind().word(), "name": row.name });
            push_row(&mut text, row_head, row, &numbers);
        }
    }
    text += "],\"all\":[";
    for kind in store.kinds() {
        if let Some(row) = kind.all() {
            let row_head = json!({ "kind": kind.kind().word() });
            push_row(&mut text, row_head, row, &numbers);
        }
    }
    text += "],\"gauges\":[";
    for gauge in store.gauges() {
        push_gauge(&mut text, gauge, &numbers);
    }
    text += "]}\n";
    text
}

fn push_row(text: &mut String, head: Value, row: &Row, numbers: &Range<u64>) {
    push_head(text, &head);
    for (column, name) in COLUMNS.into_iter().enumerate() {
        push_values(text, name, row.points().column(column, numbers.clone()));
    }
    text.push('}');
}

fn push_gauge(text: &mut String, gauge: &Gauge, numbers: &Range<u64>) {
    let mut labels = serde_json::Map::new();
    if !gauge.measure.label.is_empty() {
        labels.insert(gauge.measure.label.to_owned(), (*gauge.of).into());
    }
    let head = json!({
        "metric": gauge.measure.metric,
        "labels": labels,
        "unit": gauge.measure.unit,
        "limit": gauge.limit,
    });
    push_head(text, &head);
    push_values(text, "values", gauge.points().column(0, numbers.clone()));
    text.push('}');
}

/// Starts an object with these entries, after a comma if there is one before.
fn push_head(text: &mut String, head: &Value) {
    if !text.ends_with('[') {
        text.push(',');
    }
    // Writing to a `String` cannot fail, here and below.
    let _ = write!(text, "{head}");
    text.pop();
}

fn push_values(text: &mut String, name: &str, values: impl Iterator<Item = f32>) {
    let _ = write!(text, ",\"{name}\":[");
    for value in values {
        if !text.ends_with('[') {
            text.push(',');
        }
        let _ = match value.is_finite() {
            true => write!(text, "{value}"),
            false => text.write_str("null"),
        };
    }
    text.push(']');
}
