//! Cost of spans, queries, jobs, scheduled runs and scrapes, in instructions.
//!
//! The program `operations` in the workspace `xtask/bench` repeats one operation. The cost of one is the difference of two
//! runs under callgrind, so the start of the program does not count. What telemetry adds is the difference to the same
//! program without telemetry.

use std::{collections::BTreeMap, process::Command};

use anyhow::Context as _;
use e2e::service;
use firstlight::testing::OtlpReceiver;
use serde_json::{Map, Value, json};
use support::{command, ui};

use super::{build, callgrind::Callgrind, cargo};

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
    /// Settings besides those of the column.
    settings: Settings,
}

/// A part of a request's handler, ten times in each request.
const IN_REQUEST: Operation = Operation {
    name: "",
    scenario: "",
    repetitions: (100, 600),
    in_each: 10.0,
    without: Some("request"),
    settings: &[],
};

const REQUEST: Operation = Operation {
    name: "request",
    scenario: "request",
    in_each: 1.0,
    without: None,
    ..IN_REQUEST
};

const OPERATIONS: [Operation; 10] = [
    REQUEST,
    Operation {
        name: "request with traced failures",
        settings: &[("FIRSTLIGHT_TRACE_FAILURES", "5")],
        ..REQUEST
    },
    Operation {
        name: "span",
        scenario: "span",
        ..IN_REQUEST
    },
    Operation {
        name: "held event",
        scenario: "event",
        settings: &[("FIRSTLIGHT_RECORDER_FILTER", "debug")],
        ..IN_REQUEST
    },
    Operation {
        name: "statement",
        scenario: "statement",
        ..IN_REQUEST
    },
    Operation {
        name: "repeated statement",
        scenario: "repeated-statement",
        ..IN_REQUEST
    },
    Operation {
        name: "query",
        scenario: "query",
        ..IN_REQUEST
    },
    Operation {
        name: "instrumented query",
        scenario: "instrumented-query",
        ..IN_REQUEST
    },
    Operation {
        name: "job",
        scenario: "job",
        repetitions: (1_000, 6_000),
        ..REQUEST
    },
    Operation {
        name: "cron run",
        scenario: "cron",
        repetitions: (100, 600),
        ..REQUEST
    },
];

/// Spans and an event without firstlight, by their name in the results.
const LIMITS: [(&str, &str); 5] = [
    ("limit, registry", "registry-span"),
    ("limit, entered once", "otel-span"),
    ("limit, entered twice", "otel-span-twice"),
    ("limit, filtered", "otel-span-filtered"),
    ("limit, statement", "statement-event"),
];

/// Environment variables of telemetry.
type Settings = &'static [(&'static str, &'static str)];

/// Settings of telemetry, by their name in the results.
const SETTINGS: [(&str, Settings); 3] = [
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

/// The counts of one run or of one operation, outside the kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Counts {
    instructions: f64,
    allocations: f64,
    /// Bytes of an exposition, if the program reported some.
    bytes: f64,
}

/// Measures the operations whose name contains `only`.
pub(crate) fn measure(only: &str) -> anyhow::Result<Costs> {
    let mut counter = Counter {
        callgrind: Callgrind::find()?,
        known: BTreeMap::new(),
    };
    let mut build = cargo();
    build
        .args(["build", "--release", "--package", PROGRAM])
        .env("CARGO_TARGET_DIR", build::target());
    command::run("build operations", &mut build)?;
    let mut costs = Costs::new();
    for operation in OPERATIONS.iter().filter(|one| one.name.contains(only)) {
        let step = ui::Step::start(operation.name, "valgrind --tool=callgrind");
        let bare = counter.operation(operation, None)?;
        for (name, settings) in SETTINGS {
            let counts = counter.operation(operation, Some(settings))?;
            let added = counts.of_each(bare, 1.0);
            costs.insert(format!("{}, {name}", operation.name), stored(added));
        }
        costs.insert(format!("{}, bare", operation.name), stored(bare));
        step.done("");
    }
    for (name, scenario) in LIMITS.iter().filter(|(name, _)| name.contains(only)) {
        let step = ui::Step::start(name, "valgrind --tool=callgrind");
        let limit = Operation {
            scenario,
            repetitions: (2_000, 12_000),
            ..REQUEST
        };
        let counts = counter.operation(&limit, None)?;
        costs.insert((*name).to_owned(), stored(counts));
        step.done("");
    }
    for (name, scenario) in SCRAPES.iter().filter(|_| "scrape".contains(only)) {
        for series in SERIES {
            let step = ui::Step::start(&format!("scrape {name}"), &format!("{series} series"));
            let counts = counter.scrape(scenario, series)?;
            costs.insert(format!("scrape, {name}, {series}"), stored(counts));
            step.done("");
        }
    }
    Ok(costs)
}

/// Runs the program, and each of its scenarios only once.
#[derive(Debug)]
struct Counter {
    callgrind: Callgrind,
    /// The counts by the arguments and settings of the program.
    known: BTreeMap<String, Counts>,
}

impl Counter {
    /// The cost of an operation, with settings of telemetry or without telemetry.
    fn operation(
        &mut self,
        operation: &Operation,
        telemetry: Option<Settings>,
    ) -> anyhow::Result<Counts> {
        let (few, many) = operation.repetitions;
        let settings = telemetry.map(|settings| [settings, operation.settings].concat());
        let settings = settings.as_deref();
        let mut of = |scenario| {
            let less = self.run(scenario, few, settings)?;
            let more = self.run(scenario, many, settings)?;
            anyhow::Ok(more.of_each(less, f64::from(many - few)))
        };
        let all = of(operation.scenario)?;
        Ok(match operation.without {
            Some(scenario) => all.of_each(of(scenario)?, operation.in_each),
            None => all,
        })
    }

    /// The cost of one scrape, without that of recording the series.
    fn scrape(&mut self, scenario: &str, series: u32) -> anyhow::Result<Counts> {
        let (_, settings) = SETTINGS[0];
        let recorded = self.run("series", series, Some(settings))?;
        let scraped = self.run(scenario, series, Some(settings))?;
        Ok(Counts {
            bytes: scraped.bytes,
            ..scraped.of_each(recorded, SCRAPES_OF_RUN)
        })
    }

    fn run(
        &mut self,
        scenario: &str,
        repetitions: u32,
        settings: Option<&[(&str, &str)]>,
    ) -> anyhow::Result<Counts> {
        let name = format!("{scenario}, {repetitions} times, with {settings:?}");
        if let Some(known) = self.known.get(&name) {
            return Ok(*known);
        }
        let collector = OtlpReceiver::start().context("cannot start a receiver of spans")?;
        let mut program = Command::new(build::program(PROGRAM));
        program.args([scenario, &repetitions.to_string()]);
        if settings.is_none() {
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
            .envs(settings.unwrap_or_default().iter().copied());
        let (profile, output) = self.callgrind.run(&program).with_context(|| name.clone())?;
        let bytes = output.lines().find_map(|line| line.strip_prefix("bytes="));
        let counts = Counts {
            instructions: profile.instructions as f64,
            allocations: profile.allocations as f64,
            bytes: bytes.map_or(Ok(0.0), str::parse)?,
        };
        self.known.insert(name, counts);
        Ok(counts)
    }
}

impl Counts {
    /// The counts of one of the repetitions that `self` has more than `less`.
    fn of_each(self, less: Self, repetitions: f64) -> Self {
        Self {
            instructions: (self.instructions - less.instructions) / repetitions,
            allocations: (self.allocations - less.allocations) / repetitions,
            bytes: (self.bytes - less.bytes) / repetitions,
        }
    }
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
