//! The answer of `/logs` as JSON.

use serde_json::{Value, json};

use super::tail::{Line, Tail};
use crate::{
    admin::{
        answer::{self, Answer},
        identity::Identity,
    },
    status::Status,
};

/// The version of the JSON format.
const FORMAT: u32 = 1;

/// Returns the lines, with the number from which the client continues.
pub(super) fn answer(status: &Status, tail: &Tail, next: u64) -> Answer {
    let mut answer = Identity::of(status).json(FORMAT);
    let first = tail.lines().next().map_or(next, |line| line.number);
    answer["first"] = first.into();
    answer["next"] = next.into();
    answer["missed"] = tail.missed().into();
    answer["lines_are_json"] = status.log_lines_are_json().into();
    answer["lines"] = tail.lines().map(line).collect();
    answer::json(&answer)
}

fn line(line: &Line) -> Value {
    let text = String::from_utf8_lossy(&line.text);
    json!({
        "number": line.number,
        "level": line.level.as_str(),
        "target": line.target,
        "trace_id": line.trace_id.map(|id| id.to_string()),
        "text": text.trim_end_matches('\n'),
    })
}
