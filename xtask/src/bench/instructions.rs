//! Cost in instructions, which hardly depends on how busy the machine is.
//!
//! Callgrind counts all instructions of the server's process outside the kernel, of all its threads. Two runs with a
//! different number of requests have the same start, warm-up, scrape and stop, so the instructions per request are a
//! difference.

use std::time::Instant;

use anyhow::Context as _;
use serde_json::{Value, json};
use support::ui;

use super::{
    callgrind::Callgrind,
    condition::Condition,
    machine,
    run::remaining_time,
    server_run::{Report, ServerRun},
    variant::{BARE, VARIANTS, Variant},
};

/// The conditions and the numbers of requests.
#[derive(Debug)]
pub(crate) struct CountPlan {
    conditions: Vec<Condition>,
    requests: [u64; 2],
}

impl CountPlan {
    pub(crate) fn full() -> Self {
        Self {
            conditions: Condition::counted(),
            requests: [2_000, 10_000],
        }
    }

    pub(crate) fn quick() -> Self {
        Self {
            conditions: vec![Condition::TYPICAL, Condition::BUSY],
            requests: [500, 2_000],
        }
    }
}

/// The instructions of two runs of one variant.
#[derive(Debug)]
pub(crate) struct Count {
    pub(crate) variant: &'static Variant,
    pub(crate) condition: Condition,
    /// The instructions of each run, which has [`Counts::requests`].
    pub(crate) instructions: [u64; 2],
}

/// All counts of one run of the benchmark.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) host: Vec<(String, String)>,
    pub(crate) requests: [u64; 2],
    pub(crate) counts: Vec<Count>,
}

pub(crate) fn measure(
    callgrind: &Callgrind,
    variants: &[&'static Variant],
    plan: &CountPlan,
) -> anyhow::Result<Counts> {
    let mut host = machine::describe();
    host.push(("valgrind".to_owned(), callgrind.version.clone()));
    let mut counts = Vec::new();
    let all = plan.conditions.len() * variants.len();
    let started = Instant::now();
    for condition in &plan.conditions {
        let step = ui::Step::start(
            &format!("count with {condition}"),
            "every variant below callgrind",
        );
        for variant in variants {
            let left = remaining_time(started, counts.len(), all);
            step.doing(&format!("{}{left}", variant.title));
            let [few, many] = plan
                .requests
                .map(|requests| count(callgrind, variant, *condition, requests));
            counts.push(Count {
                variant,
                condition: *condition,
                instructions: [few?, many?],
            });
        }
        step.done("");
    }
    Ok(Counts {
        host,
        requests: plan.requests,
        counts,
    })
}

/// The instructions of one run, from the start of the process to its end.
fn count(
    callgrind: &Callgrind,
    variant: &'static Variant,
    condition: Condition,
    requests: u64,
) -> anyhow::Result<u64> {
    let run = ServerRun {
        variant,
        condition,
        warm_up: WARM_UP,
        requests,
        arguments: &[],
        under: &callgrind.command(),
    };
    let report: Report = run.report()?;
    let lines = condition.lines + u16::from(variant.access_line);
    let spans = least_spans(condition.sampling, WARM_UP + requests);
    run.expect(&report, spans, f64::from(lines))?;
    Ok(callgrind.profile()?.instructions)
}

/// The fewest spans per request that sampling explains.
///
/// The number of sampled requests has a binomial distribution. It is below its mean by four standard deviations once in
/// 30,000 runs. With everything sampled, each span is expected.
fn least_spans(sampling: f64, requests: u64) -> f64 {
    let deviation = (sampling * (1.0 - sampling) / requests as f64).sqrt();
    (sampling - 4.0 * deviation).max(0.0)
}

impl Counts {
    /// The instructions per request.
    ///
    /// # Errors
    ///
    /// If the variant was not counted under this condition.
    pub(crate) fn of(&self, title: &str, condition: Condition) -> anyhow::Result<f64> {
        let count = self
            .counts
            .iter()
            .find(|count| count.variant.title == title && count.condition == condition)
            .with_context(|| {
                format!(
                    "no count of {title} with {condition}; run: cargo xtask bench --instructions"
                )
            })?;
        let [few, many] = count.instructions.map(|number| number as f64);
        let [few_requests, many_requests] = self.requests.map(|number| number as f64);
        Ok((many - few) / (many_requests - few_requests))
    }

    /// The instructions per request that the variant adds to `bare`.
    ///
    /// # Errors
    ///
    /// If one of the two was not counted under this condition.
    pub(crate) fn added(&self, title: &str, condition: Condition) -> anyhow::Result<f64> {
        Ok(self.of(title, condition)? - self.of(BARE, condition)?)
    }

    pub(crate) fn variants(&self) -> impl Iterator<Item = &'static Variant> {
        VARIANTS
            .iter()
            .filter(|variant| self.counts.iter().any(|count| count.variant == *variant))
    }

    pub(crate) fn conditions(&self) -> Vec<Condition> {
        let mut conditions = Condition::counted();
        conditions.retain(|condition| {
            let mut counts = self.counts.iter();
            counts.any(|count| count.condition == *condition)
        });
        conditions
    }

    /// A fact about the machine.
    pub(crate) fn fact(&self, name: &str) -> &str {
        let fact = self.host.iter().find(|(found, _)| found == name);
        fact.map_or("unknown", |(_, value)| value)
    }

    pub(crate) fn store(&self) -> Value {
        let count = |count: &Count| {
            json!({
                "variant": count.variant.title,
                "sampling": count.condition.sampling,
                "lines": count.condition.lines,
                "instructions": count.instructions,
            })
        };
        json!({
            "host": self.host,
            "requests": self.requests,
            "counts": self.counts.iter().map(count).collect::<Vec<_>>(),
        })
    }

    pub(crate) fn load(stored: &Value) -> anyhow::Result<Self> {
        let counts = stored
            .get("counts")
            .and_then(Value::as_array)
            .context("the stored counts of instructions are not a list")?;
        // Counts of removed variants are left out.
        Ok(Self {
            host: machine::from_stored(stored)?,
            requests: stored
                .get("requests")
                .and_then(pair)
                .context("the stored counts do not have two numbers of requests")?,
            counts: counts.iter().filter_map(stored_count).collect(),
        })
    }
}

fn stored_count(stored: &Value) -> Option<Count> {
    let title = stored.get("variant")?.as_str()?;
    Some(Count {
        variant: VARIANTS.iter().find(|variant| variant.title == title)?,
        condition: Condition::load(stored)?,
        instructions: pair(stored.get("instructions")?)?,
    })
}

fn pair(stored: &Value) -> Option<[u64; 2]> {
    Some([stored.get(0)?.as_u64()?, stored.get(1)?.as_u64()?])
}

/// The requests before the counted ones, the same in both runs.
///
/// A set-up may do work in the background after its start, which has to end before the shorter run does. Otherwise the
/// difference has a part of it.
const WARM_UP: u64 = 2_000;

#[cfg(test)]
pub(crate) mod tests {
    use super::{Condition, Count, Counts, VARIANTS, least_spans};

    /// Counts of all variants under all conditions.
    ///
    /// The service itself takes 10,000 instructions, and the variant in row n adds n times 8,000.
    pub(crate) fn counts() -> Counts {
        let counts = Condition::counted().into_iter().flat_map(|condition| {
            VARIANTS.iter().enumerate().map(move |(row, variant)| {
                let each = 10_000 + row as u64 * 8_000;
                Count {
                    variant,
                    condition,
                    instructions: [5_000_000 + 100 * each, 5_000_000 + 300 * each],
                }
            })
        });
        Counts {
            host: vec![("compiler".to_owned(), "rustc 1.0.0".to_owned())],
            requests: [100, 300],
            counts: counts.collect(),
        }
    }

    #[test]
    fn starts_of_processes_are_not_counted() {
        let counts = counts();
        let [_, second, ..] = &VARIANTS;
        let added = counts.added(second.title, Condition::TYPICAL);
        assert_eq!(added.ok(), Some(8_000.0));
    }

    #[test]
    fn missing_counts_are_errors() {
        let mut counts = counts();
        assert!(counts.of("unknown", Condition::TYPICAL).is_err());
        counts.counts.retain(|count| count.condition.lines == 5);
        assert!(counts.of("bare", Condition::TYPICAL).is_err());
    }

    #[test]
    fn stored_counts_are_loaded() {
        let counts = counts();
        let stored = counts.store();
        let loaded = Counts::load(&stored).map(|loaded| loaded.store());
        assert_eq!(loaded.ok(), Some(stored));
        assert!(Counts::load(&serde_json::json!({})).is_err());
    }

    #[test]
    fn fewest_spans_are_those_of_sampling() {
        assert_eq!(least_spans(1.0, 4_200), 1.0);
        assert_eq!(least_spans(0.0, 4_200), 0.0);
        let at_one_percent = least_spans(0.01, 4_200) * 4_200.0;
        assert!((16.0..17.0).contains(&at_one_percent), "{at_one_percent}");
    }
}
