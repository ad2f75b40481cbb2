//! Cost of queries, jobs, scheduled runs and scrapes, in instructions.
//!
//! The program `operations` in the workspace `xtask/bench` repeats one operation. The cost of one is the difference of two
//! runs under callgrind, so the start of the program does not count. What telemetry adds is the difference to the same
//! program without telemetry.

use std::process::Command;

use anyhow::{Context as _, bail};
use e2e::service;
use firstlight::testing::OtlpReceiver;
use serde_json::{Map, Value, json};
use support::{command, ui};

use super::{
    build, cargo,
    operation_counts::{self, Counts},
};

/// What is measured, with all counts by name.
pub(crate) type Costs = Map<String, Value>;

/// One operation.
struct Operation {
    /// The name in the results.
    name: &'static str,
    /// The scenario of the program.
    scenario: &'static str,
    /// The repetitions of the two runs.
    repetitions: (u32, u32),
    /// How many of the operation are in one repetition.
    in_each: f64,
    /// The scenario with everything but the operation.
    without: Option<&'static str>,
}

const OPERATIONS: [Operation; 6] = [
    Operation {
        name: "statement",
        scenario: "statement",
        repetitions: (200, 1_200),
        in_each: 10.0,
        without: Some("request"),
    },
    Operation {
        name: "repeated statement",
        scenario: "repeated-statement",
        repetitions: (200, 1_200),
        in_each: 10.0,
        without: Some("request"),
    },
    Operation {
        name: "query",
        scenario: "query",
        repetitions: (200, 1_200),
        in_each: 10.0,
        without: Some("request"),
    },
    Operation {
        name: "instrumented query",
        scenario: "instrumented-query",
        repetitions: (200, 1_200),
        in_each: 10.0,
        without: Some("request"),
    },
    Operation {
        name: "job",
        scenario: "job",
        repetitions: (1_000, 6_000),
        in_each: 1.0,
        without: None,
    },
    Operation {
        name: "cron run",
        scenario: "cron",
        repetitions: (100, 600),
        in_each: 1.0,
        without: None,
    },
];

/// Settings of telemetry, by their name in the results.
const SETTINGS: [(&str, &[(&str, &str)]); 3] = [
    ("sampled", &[("OTEL_TRACES_SAMPLER_ARG", "1")]),
    ("unsampled", &[("OTEL_TRACES_SAMPLER_ARG", "0")]),
    (
        "unsampled, recorder off",
        &[
            ("OTEL_TRACES_SAMPLER_ARG", "0"),
            ("FIRSTLIGHT_RECORDER", "off"),
        ],
    ),
];

/// The numbers of series of a scrape.
pub(crate) const SERIES: [u32; 2] = [10_000, 100_000];

/// Scenarios of a scrape, by their name in the results.
const SCRAPES: [(&str, &str); 3] = [
    ("rendered", "scrape"),
    ("plain", "scrape-http"),
    ("gzip", "scrape-gzip"),
];

/// Scrapes of one run of the program.
const SCRAPES_OF_RUN: f64 = 4.0;

/// Measures the operations whose name contains `only`.
pub(crate) fn measure(only: &str) -> anyhow::Result<Costs> {
    if !operation_counts::is_installed() {
        bail!(
            "cannot count instructions: found no `valgrind`, expected it in PATH; install the package valgrind"
        );
    }
    let mut build = cargo();
    build
        .args(["build", "--release", "--package", PROGRAM])
        .env("CARGO_TARGET_DIR", build::target());
    command::run("build operations", &mut build)?;
    let mut costs = Costs::new();
    for operation in OPERATIONS.iter().filter(|one| one.name.contains(only)) {
        let step = ui::Step::start(operation.name, "valgrind --tool=callgrind");
        let bare = operation.count(&[], true)?;
        for (name, settings) in SETTINGS {
            let counts = operation.count(settings, false)?.of_each(bare, 1.0);
            costs.insert(format!("{}, {name}", operation.name), stored(counts));
        }
        costs.insert(format!("{}, bare", operation.name), stored(bare));
        step.done("");
    }
    for (name, scenario) in SCRAPES.iter().filter(|_| "scrape".contains(only)) {
        for series in SERIES {
            let step = ui::Step::start(&format!("scrape {name}"), &format!("{series} series"));
            let counts = scrape(scenario, series)?;
            costs.insert(format!("scrape, {name}, {series}"), stored(counts));
            step.done("");
        }
    }
    Ok(costs)
}

impl Operation {
    /// The cost of the operation, with the settings of telemetry or without telemetry.
    fn count(&self, settings: &[(&str, &str)], is_bare: bool) -> anyhow::Result<Counts> {
        let of = |scenario| {
            let (few, many) = self.repetitions;
            let less = run(scenario, few, settings, is_bare)?;
            let more = run(scenario, many, settings, is_bare)?;
            anyhow::Ok(more.of_each(less, f64::from(many - few)))
        };
        let all = of(self.scenario)?;
        Ok(match self.without {
            Some(scenario) => all.of_each(of(scenario)?, self.in_each),
            None => all,
        })
    }
}

/// The cost of one scrape, without that of recording the series.
fn scrape(scenario: &str, series: u32) -> anyhow::Result<Counts> {
    let settings = [("OTEL_TRACES_SAMPLER_ARG", "1")];
    let recorded = run("series", series, &settings, false)?;
    let scraped = run(scenario, series, &settings, false)?;
    Ok(Counts {
        bytes: scraped.bytes,
        ..scraped.of_each(recorded, SCRAPES_OF_RUN)
    })
}

fn run(
    scenario: &str,
    repetitions: u32,
    settings: &[(&str, &str)],
    is_bare: bool,
) -> anyhow::Result<Counts> {
    let collector = OtlpReceiver::start().context("cannot start a receiver of spans")?;
    let mut program = Command::new(build::program(PROGRAM));
    program.args([scenario, &repetitions.to_string()]);
    if is_bare {
        program.arg("bare");
    }
    service::without_telemetry_settings(&mut program);
    program
        .env("RUST_LOG", "info")
        .env("OTEL_SERVICE_NAME", "orders")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
        .env("OTEL_TRACES_SAMPLER", "traceidratio")
        .env("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1")
        .env("OTEL_EXPORTER_PROMETHEUS_PORT", "0")
        .env("FIRSTLIGHT_METRICS_CARDINALITY_LIMIT", "200000")
        .env("FIRSTLIGHT_METRICS_TOTAL_CARDINALITY_LIMIT", "200000")
        .envs(settings.iter().copied());
    let profile = build::target().join(format!("callgrind.{scenario}"));
    operation_counts::count(&program, &profile)
        .with_context(|| format!("{scenario}, {repetitions} times, with {settings:?}"))
}

fn stored(counts: Counts) -> Value {
    json!({
        "instructions": counts.instructions.round(),
        "allocations": (counts.allocations * 10.0).round() / 10.0,
        "bytes": counts.bytes.round(),
    })
}

/// The program that repeats an operation.
const PROGRAM: &str = "operations";
