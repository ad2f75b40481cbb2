//! Measures every variant under every condition, in turns and in several rounds.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use support::ui;

use super::{
    condition::Condition,
    machine,
    results::{Results, Sample},
    server_run::ServerRun,
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
    variant: &'static Variant,
    condition: Condition,
    requests: u64,
) -> anyhow::Result<Map<String, Value>> {
    let run = ServerRun {
        variant,
        condition,
        warm_up: requests / 5,
        requests,
        arguments: &[],
        under: &[],
    };
    let report = run.report()?;
    // A variant without the same signals is shown and not compared, so it may lose log records.
    let lines = if variant.same_signals {
        f64::from(condition.lines)
    } else {
        0.0
    };
    run.expect(&report, condition.sampling * ENOUGH, lines * ENOUGH)?;
    Ok(report.0)
}

/// The estimated remaining time as text, or empty before the first measurement.
pub(super) fn remaining_time(started: Instant, done: usize, all: usize) -> String {
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
