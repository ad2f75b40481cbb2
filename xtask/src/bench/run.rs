//! The measurement at run time: every variant under every condition, in turns, several times.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use e2e::service;
use serde_json::{Map, Value};
use support::{command, ui};

use super::{
    build,
    cell::Cell,
    host,
    results::{Results, Sample},
    variant::Variant,
};

/// What is measured, and how often.
#[derive(Debug)]
pub(crate) struct Plan {
    cells: Vec<Cell>,
    rounds: usize,
    requests: u64,
}

impl Plan {
    pub(crate) fn full(rounds: usize, requests: u64) -> Self {
        Self {
            cells: Cell::all(),
            rounds,
            requests,
        }
    }

    pub(crate) fn quick() -> Self {
        Self {
            cells: vec![Cell::TYPICAL, Cell::BUSY],
            rounds: 1,
            requests: 3_000,
        }
    }
}

pub(crate) fn measure(variants: &[&'static Variant], plan: &Plan) -> anyhow::Result<Results> {
    let mut results = Results {
        host: host::describe(),
        requests: plan.requests,
        samples: Vec::new(),
    };
    let all = plan.rounds * plan.cells.len() * variants.len();
    let started = Instant::now();
    for round in 0..plan.rounds {
        let step = ui::Step::start(
            &format!("round {} of {}", round + 1, plan.rounds),
            "every variant, in turns",
        );
        for cell in &plan.cells {
            // In another order each time, so that no variant always comes after the same one.
            let order = variants.iter().cycle().skip(round).take(variants.len());
            for variant in order {
                let done = results.samples.len();
                step.doing(&format!(
                    "{cell}: {}{}",
                    variant.title,
                    left(started, done, all)
                ));
                let report = measure_one(variant, *cell, plan.requests)?;
                results.samples.push(Sample {
                    variant,
                    cell: *cell,
                    round,
                    report,
                });
            }
        }
        step.done("");
    }
    Ok(results)
}

fn measure_one(variant: &Variant, cell: Cell, requests: u64) -> anyhow::Result<Map<String, Value>> {
    let mut measure = Command::new(build::program(build::MEASURE));
    service::without_telemetry_settings(&mut measure);
    measure.envs(variant.settings.iter().copied());
    measure.args([
        "--requests",
        &requests.to_string(),
        "--warm-up",
        &(requests / 5).to_string(),
    ]);
    measure.args([
        "--sampling",
        &cell.sampling.to_string(),
        "--lines",
        &cell.lines.to_string(),
    ]);
    measure.arg(build::program(variant.package));
    let output = command::run_quietly(&mut measure)
        .with_context(|| format!("{} with {cell}", variant.title))?;
    let line = output
        .lines()
        .find(|line| line.starts_with('{'))
        .context("measure printed no report")?;
    let report: Map<String, Value> = serde_json::from_str(line)?;

    // A set-up that does nothing would be the cheapest of all.
    let number = |what: &str| report.get(what).and_then(Value::as_f64).unwrap_or_default();
    let (lines, spans) = (number("lines_per_request"), number("spans_per_request"));
    let expected = cell.sampling * ENOUGH;
    if !variant.is_baseline() && spans < expected {
        bail!(
            "{} with {cell}: found {spans} spans a request, expected {expected} or more",
            variant.title
        );
    }
    if variant.same_signals && lines < f64::from(cell.lines) * ENOUGH {
        bail!(
            "{} with {cell}: found {lines} lines a request, expected {} or more",
            variant.title,
            cell.lines
        );
    }
    Ok(report)
}

fn left(started: Instant, done: usize, all: usize) -> String {
    let Some(each) = started
        .elapsed()
        .checked_div(u32::try_from(done).unwrap_or_default())
    else {
        return String::new();
    };
    let left: Duration = each.saturating_mul(u32::try_from(all - done).unwrap_or(u32::MAX));
    format!(", about {} left", ui::seconds(left))
}

/// Of what has to arrive: a variant may drop spans under load, which the tables show, and sampling is a matter of chance.
const ENOUGH: f64 = 0.5;
