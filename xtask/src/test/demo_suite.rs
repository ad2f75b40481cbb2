//! Runs the demo without a terminal and checks its output.

use std::process::Command;

use anyhow::{Context as _, ensure};
use support::paths;

use super::Cases;

pub(super) fn run(cases: &mut Cases) -> anyhow::Result<()> {
    let mut demo = Command::new(paths::program().context("cannot find this program")?);
    demo.args(["demo", "--once"]);
    cases.command(
        "demo: rows, signals, queue, N+1, schedule and recorder agree",
        &mut demo,
        |output| check(output).with_context(|| format!("the demo printed:\n{output}")),
    );
    Ok(())
}

fn check(output: &str) -> anyhow::Result<()> {
    // `OneRequest` fails unless the trace id is the same in all signals.
    let agreement = section(output, "The same trace id is in all three")?;
    let trace_id = agreement
        .lines()
        .find_map(|line| {
            Some(
                line.strip_prefix("  logs")?
                    .split_whitespace()
                    .next()?
                    .to_owned(),
            )
        })
        .context("no trace id")?;
    ensure!(
        agreement.matches(&trace_id).count() == 3,
        "found {agreement}, expected the trace {trace_id} in three signals"
    );

    let rows = section(output, "An order: accepted, then processed by a job")?;
    let (order, job) = rows
        .split_once("  a row of Jobs\n")
        .context("no row of Jobs")?;
    let id = column(order, "id")?;
    ensure!(id.parse::<i64>().is_ok(), "the order's id: {id:?}");
    for (row, name, expected) in [
        (order, "item", "telescope"),
        (order, "charged", "1"),
        (job, "job", &*format!("{{\"order_id\":{id}}}")),
        (job, "idempotency_key", &id),
        (job, "status", "Done"),
        (job, "attempts", "1"),
    ] {
        let found = column(row, name)?;
        // If the value has changed since the answer, the row prints the old and the new value.
        ensure!(
            found == expected || found.ends_with(&format!(", now {expected}")),
            "{name}: found {found:?}, expected {expected:?}"
        );
    }
    let metadata = column(job, "metadata")?;
    ensure!(
        metadata.contains(&format!("\"traceparent\":\"00-{trace_id}-")),
        "the job's metadata: found {metadata}, expected the trace {trace_id}"
    );

    for (heading, content) in [
        ("An N+1, detected", "http_route=\"/orders/report\""),
        ("A scheduled run", "orders counted"),
    ] {
        ensure!(
            section(output, heading)?.contains(content),
            "the section {heading:?} does not contain {content:?}"
        );
    }
    // The events below the log filter are there too.
    let unsampled = section(output, "A failed request that no collector has")?;
    for content in [
        "/traces?failed",
        "GET /orders/{id}/invoice: failed",
        "invoice requested",
        "no such table: invoices",
    ] {
        ensure!(
            unsampled.contains(content),
            "found {unsampled}, expected {content:?} in it"
        );
    }
    let stopped = "The service stopped on SIGTERM with exit status 0.";
    ensure!(output.contains(stopped), "the output lacks {stopped:?}");
    Ok(())
}

/// The text below a heading, up to the next line without indentation.
fn section<'a>(output: &'a str, heading: &str) -> anyhow::Result<&'a str> {
    let (_, rest) = output
        .split_once(heading)
        .with_context(|| format!("no heading {heading:?}"))?;
    let rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    let mut end = 0;
    for line in rest.split_inclusive('\n') {
        if line.starts_with(|c: char| !c.is_whitespace()) {
            break;
        }
        end += line.len();
    }
    Ok(rest.get(..end).unwrap_or(rest))
}

/// The value of a column in a printed row.
fn column(row: &str, name: &str) -> anyhow::Result<String> {
    let found = row.lines().find_map(|line| {
        let (column, value) = line.trim().split_once(' ')?;
        (column == name).then(|| value.trim().to_owned())
    });
    found.with_context(|| format!("no column {name}"))
}
