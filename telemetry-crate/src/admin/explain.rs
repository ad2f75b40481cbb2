//! `/explain`: what is wrong with the process, in plain words.
//!
//! The rules are deterministic. They look at the metrics, the flight recorder and the state of telemetry, and each rule
//! names its evidence, the next command and the runbook.

mod command;
mod finding;
mod rules;
mod state;

use http::{HeaderMap, StatusCode};

use self::{
    command::Commands,
    finding::{Finding, Severity},
    state::Evidence,
};
use super::{
    access::Access,
    answer::{Answer, accepts_json, json, text},
    identity::Identity,
};
use crate::{readiness::ReadinessReport, status::Status};

/// The version of the JSON format.
const FORMAT: u32 = 1;

/// Answers `/explain`.
pub(super) fn answer(
    status: &Status,
    readiness: &ReadinessReport,
    access: &Access,
    headers: &HeaderMap,
) -> Answer {
    let evidence = Evidence::collect(status, readiness);
    let (findings, fine) = rules::apply(&evidence);
    let identity = Identity::of(status);
    if accepts_json(headers) {
        let mut value = identity.json(FORMAT);
        value["verdict"] = verdict(&findings).into();
        value["findings"] = findings.iter().map(Finding::json).collect();
        value["fine"] = fine.into();
        return json(&value);
    }
    let commands = Commands::new(access, headers);
    let mut body = identity.heading();
    body += &format!("\nverdict: {}\n", verdict(&findings));
    for (number, finding) in findings.iter().enumerate() {
        body += &finding.text(number + 1, &commands);
    }
    if !fine.is_empty() {
        body += &format!("\nnothing wrong with: {}\n", fine.join(", "));
    }
    text(StatusCode::OK, body)
}

/// One sentence about all findings.
fn verdict(findings: &[Finding]) -> String {
    let worst = findings.iter().map(|finding| finding.severity).max();
    let count = findings.len();
    match worst {
        None => "healthy, as far as this process knows".to_owned(),
        Some(Severity::Note) => format!("healthy, notes: {count}"),
        Some(Severity::Warning) => format!("needs attention: {count} found"),
        Some(Severity::Broken) => format!("broken: {count} found"),
    }
}
