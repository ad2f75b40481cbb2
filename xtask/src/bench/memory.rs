//! Resident memory with many series or spans, or with a hanging collector.

use std::process::Command;

use anyhow::Context as _;
use e2e::service;
use serde_json::{Map, Value};
use support::{command, ui};

use super::{
    build,
    variant::{BY_HAND, OURS, VARIANTS, Variant},
};

/// The states of a service, with the arguments of `measure`.
const STATES: [(&str, &[&str]); 4] = [
    ("idle", &["--requests", "200"]),
    ("10,000 series", &["--requests", "200", "--series", "10000"]),
    (
        "100,000 open spans",
        &["--requests", "200", "--open-spans", "100000"],
    ),
    (
        "30,000 requests, the collector hangs",
        &["--requests", "30000", "--hanging-collector"],
    ),
];

/// Resident memory in MiB by state and variant.
pub(crate) fn measure() -> anyhow::Result<Map<String, Value>> {
    let is_measured = |variant: &&Variant| [OURS, BY_HAND, "oxtel"].contains(&variant.title);
    let variants: Vec<_> = VARIANTS.iter().filter(is_measured).collect();
    build::all(&variants)?;
    let mut memory = Map::new();
    for (state, arguments) in STATES {
        for variant in &variants {
            let step = ui::Step::start(state, variant.title);
            let resident = resident_mib(variant, arguments)
                .with_context(|| format!("{}, {state}", variant.title))?;
            step.done(&format!("{resident} MiB"));
            memory.insert(format!("{state}, {}", variant.title), resident.into());
        }
    }
    Ok(memory)
}

fn resident_mib(variant: &Variant, arguments: &[&str]) -> anyhow::Result<f64> {
    let mut measure = Command::new(build::program(build::MEASURE));
    service::without_telemetry_settings(&mut measure);
    measure
        .envs(variant.settings.iter().copied())
        // The limit of firstlight, which has one by default.
        .env("FIRSTLIGHT_METRICS_CARDINALITY_LIMIT", "20000")
        .args(["--warm-up", "100", "--sampling", "1"])
        .args(arguments)
        .arg(build::program(variant.package));
    let output = command::run_quietly(&mut measure)?;
    let line = output.lines().find(|line| line.starts_with('{'));
    let report: Value = serde_json::from_str(line.context("measure printed no report")?)?;
    let resident = report.get("resident_mib").and_then(Value::as_f64);
    resident.context("the report has no resident memory")
}

/// The section of the page.
pub(crate) fn render(memory: &Map<String, Value>) -> String {
    let titles = [OURS, BY_HAND, "oxtel"];
    let mut page = format!("{INTRODUCTION}| | {} |\n", titles.join(" | "));
    page.push_str("| --- | ---: | ---: | ---: |\n");
    for (state, _) in STATES {
        let cell = |title: &str| {
            let resident = memory.get(&format!("{state}, {title}"))?.as_f64()?;
            Some(format!("{resident:.1}"))
        };
        let cells = titles.map(|title| cell(title).unwrap_or_else(|| "–".to_owned()));
        page.push_str(&format!("| {state} | {} |\n", cells.join(" | ")));
    }
    page
}

const INTRODUCTION: &str = "\
## Memory

Resident memory of the server in MiB, after a few requests or after the load, measured by `cargo xtask bench --memory`. Series are
those of the `metrics` macros, a tenth of them histograms; each open span is the root of a sampled trace. The collector that hangs
accepts connections and never answers, with everything sampled and one log line a request. The flight recorder takes up to 8 MiB,
which the others do not have.

";
