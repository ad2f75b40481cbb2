//! `cargo xtask bench --tabs`: requests while pages of the console are open.

use std::process::Command;

use anyhow::Context as _;
use e2e::service;
use serde_json::Value;
use support::{command, paths, ui};

use super::{
    build,
    variant::{OURS, VARIANTS},
};

/// Pages that read all answers.
///
/// One that reads slowly and one that never reads are added.
const TABS: &str = "10";

pub(super) fn run(quick: bool) -> anyhow::Result<()> {
    let ours = VARIANTS.iter().find(|variant| variant.title == OURS);
    let package = ours.context("no variant of firstlight")?.package;
    // In a folder of its own, because the other measurements build the same program without the console.
    let target = paths::target().join("bench/console");
    for (package, features) in [
        (build::MEASURE, &[][..]),
        (package, &["--features", "console"]),
    ] {
        let mut build = super::cargo();
        build.args(["build", "--release", "--package", package]);
        build.args(features).env("CARGO_TARGET_DIR", &target);
        command::run(&format!("build {package}"), &mut build)?;
    }
    let mut measure = Command::new(target.join("release").join(build::MEASURE));
    service::without_telemetry_settings(&mut measure);
    measure.args(["--tabs", TABS, "--windows", if quick { "1" } else { "10" }]);
    measure.arg(target.join("release").join(package));
    let output = command::run_quietly(&mut measure)?;
    let report: Value = serde_json::from_str(output.trim()).context("measure's report")?;
    print(&report)
}

fn print(report: &Value) -> anyhow::Result<()> {
    ui::heading("500 requests per second, without and with open pages in turns");
    ui::line(ui::quiet(format!(
        "  {:<38}{:>10}{:>10}{:>10}{:>10}{:>12}",
        "", "requests", "p50 µs", "p99 µs", "p99.9 µs", "% of a core"
    )));
    let windows = [
        ("alone", "no page"),
        ("with_tabs", "10 pages, 1 slow, 1 that never reads"),
    ];
    for (key, title) in windows {
        let number = |what: &str| {
            let number = report
                .get(key)
                .and_then(|window| window.get(what)?.as_f64());
            number.with_context(|| format!("no {key}.{what} in {report}"))
        };
        ui::line(format!(
            "  {title:<38}{:>10.0}{:>10.0}{:>10.0}{:>10.0}{:>12.2}",
            number("requests")?,
            number("p50_us")?,
            number("p99_us")?,
            number("p999_us")?,
            number("core_percent")?,
        ));
    }
    let count = |what: &str| report.get(what).and_then(Value::as_u64).unwrap_or_default();
    ui::line(format!(
        "  the pages read {} answers, of which {} were other than 200",
        count("answers"),
        count("refused")
    ));
    Ok(())
}
