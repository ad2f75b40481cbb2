//! The log line and the metric of a slow query.

use anyhow::ensure;
use support::{Cases, http};

use super::{
    Fixture,
    exposition::Exposition,
    symptoms::{Observations, Symptom},
};
use crate::log_line::LogLine;

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, observations: &mut Observations) {
    cases.check("slow query: one log line with summary and trace id", || {
        run(fixture, observations)
    });
}

fn run(fixture: &Fixture, observations: &mut Observations) -> anyhow::Result<()> {
    let database = fixture.database("slow")?;
    let mut service = database.serve(&[])?;
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    // A statement is logged as slow from one second on.
    let answer = http::send(
        "POST",
        &service.url("/trouble/slow/1200"),
        &[("traceparent", &traceparent)],
        "",
    )?;
    ensure!(
        answer.status == 200,
        "a slow request: found {}, expected 200: {}",
        answer.status,
        answer.body
    );

    let warns = |line: &&LogLine| line.text("level") == "WARN" && line.trace_id() == TRACE;
    let log = service.wait_for_log("the access line", |log| {
        log.iter()
            .any(|line| line.is_access_log() && line.trace_id() == TRACE)
    })?;
    let lines: Vec<_> = log.iter().filter(warns).collect();
    let [line] = lines.as_slice() else {
        anyhow::bail!("found {} warnings, expected one: {lines:?}", lines.len());
    };
    ensure!(
        line.text("message")
            .starts_with(&format!("slow query: {SUMMARY} took "))
            && line.text("db.query.summary") == SUMMARY,
        "found {}, expected a slow query, {SUMMARY}",
        line.raw
    );
    ensure!(
        !line.raw.contains("COUNT(*)"),
        "the line contains the statement: {}",
        line.raw
    );

    let exposition = Exposition::scrape(&service)?;
    let slow = Symptom::Slow.count(&exposition);
    ensure!(
        slow >= 1.0,
        "no measurement is above a second in the exposition"
    );
    observations.record("a slow query", &exposition);
    service.stop()
}

const TRACE: &str = "510e0000000000000000000000000001";
const SUMMARY: &str = "SELECT accounts";
