//! Measures every variant under every condition, in turns and in several rounds.

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
    condition::Condition,
    machine,
    results::{Results, Sample},
    variant::Variant,
};

/// The conditions, the rounds and the requests of a measurement.
#[derive(Debug)]
pub(crate) struct Plan {
    conditions: Vec<Condition>,
    rounds: usize,
    requests: u64,
}

impl Plan {
    pub(crate) fn full(rounds: usize, requests: u64) -> Self {
        Self {
            conditions: Condition::all(),
            rounds,
            requests,
        }
    }

    pub(crate) fn quick() -> Self {
        Self {
            conditions: vec![Condition::TYPICAL, Condition::BUSY],
            rounds: 1,
            requests: 3_000,
        }
    }
}

pub(crate) fn measure(variants: &[&'static Variant], plan: &Plan) -> anyhow::Result<Results> {
    let mut results = Results {
        host: machine::describe(),
        requests: plan.requests,
        samples: Vec::new(),
    };
    let all = plan.rounds * plan.conditions.len() * variants.len();
    let started = Instant::now();
    for round in 0..plan.rounds {
        let step = ui::Step::start(
            &format!("round {} of {}", round + 1, plan.rounds),
            "every variant, in turns",
        );
        for condition in &plan.conditions {
            // The order changes with each round, so that a variant's place does not affect its results.
            let order = variants.iter().cycle().skip(round).take(variants.len());
            for variant in order {
                let done = results.samples.len();
                step.doing(&format!(
                    "{condition}: {}{}",
                    variant.title,
                    remaining_time(started, done, all)
                ));
                let report = measure_one(variant, *condition, plan.requests)?;
                results.samples.push(Sample {
                    variant,
                    condition: *condition,
                    round,
                    report,
                });
            }
        }
        step.done("");
    }
    Ok(results)
}

fn measure_one(
    variant: &Variant,
    condition: Condition,
    requests: u64,
) -> anyhow::Result<Map<String, Value>> {
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
        &condition.sampling.to_string(),
        "--lines",
        &condition.lines.to_string(),
    ]);
    measure.arg(build::program(variant.package));
    let output = command::run_quietly(&mut measure)
        .with_context(|| format!("{} with {condition}", variant.title))?;
    let line = output
        .lines()
        .find(|line| line.starts_with('{'))
        .context("measure printed no report")?;
    let report: Map<String, Value> = serde_json::from_str(line)?;

    // A set-up that emits nothing would look cheapest.
    let number = |what: &str| report.get(what).and_then(Value::as_f64).unwrap_or_default();
    let (lines, spans) = (number("lines_per_request"), number("spans_per_request"));
    let expected = condition.sampling * ENOUGH;
    if !variant.is_baseline() && spans < expected {
        bail!(
            "{} with {condition}: found {spans} spans a request, expected {expected} or more",
            variant.title
        );
    }
    let expected_lines = f64::from(condition.lines) * ENOUGH;
    if variant.same_signals && lines < expected_lines {
        bail!(
            "{} with {condition}: found {lines} lines a request, expected {expected_lines} or more",
            variant.title
        );
    }
    Ok(report)
}

/// The estimated remaining time as text, or empty before the first measurement.
fn remaining_time(started: Instant, done: usize, all: usize) -> String {
    let Some(each) = started
        .elapsed()
        .checked_div(u32::try_from(done).unwrap_or_default())
    else {
        return String::new();
    };
    let left: Duration = each.saturating_mul(u32::try_from(all - done).unwrap_or(u32::MAX));
    format!(", about {} left", ui::seconds(left))
}

/// The fraction of expected spans and lines that has to arrive.
///
/// A variant may drop spans under load, which the tables show, and sampling is random.
const ENOUGH: f64 = 0.5;
