//! `cargo xtask bench`: the cost of telemetry, side by side with other set-ups.
//!
//! The variants are in the separate workspace `xtask/bench`: the same service with different telemetry. The cost at run
//! time is processor time and instructions per request, measured by that workspace's program `measure`. The cost at build
//! time is crates and time. Results are kept below `target/`, and `--write` makes the page of the book from them.
//!
//! All variants are measured in turns in one run, so that a busy machine affects them alike. `cargo bench -p firstlight`
//! measures single calls.

mod book_page;
mod build;
mod callgrind;
mod chart;
mod condition;
mod console_cost;
mod crates;
mod digits;
mod feature_crates;
mod goals;
mod hand_counts;
mod instruction_sections;
mod instructions;
mod machine;
mod memory;
mod operations;
mod operations_page;
mod results;
mod run;
mod server_run;
mod spread;
mod terminal;
mod variant;

use std::process::ExitCode;

use anyhow::Context as _;
use support::{command, paths, ui};

use self::{
    book_page::Measured,
    callgrind::Callgrind,
    instructions::{CountPlan, Counts},
    results::Results,
    run::Plan,
    variant::{VARIANTS, Variant},
};

#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// Rounds of measurements; the default is 5, and 1 for `--build`.
    #[arg(long)]
    rounds: Option<usize>,
    /// Requests per measurement, after a warm-up of a fifth of them.
    #[arg(long, default_value_t = 30_000)]
    requests: u64,
    /// One round of few requests, to check that everything works.
    #[arg(long, conflicts_with_all = ["rounds", "requests", "build"])]
    quick: bool,
    /// Only these variants and the one without telemetry.
    #[arg(long, value_name = "VARIANT", value_parser = variant::names())]
    only: Vec<String>,
    /// Measure the cost of builds instead of requests.
    #[arg(long)]
    build: bool,
    /// Count instructions with valgrind instead of measuring time.
    #[arg(long, conflicts_with_all = ["rounds", "requests", "build"])]
    instructions: bool,
    /// Measure requests while pages of the console are open.
    ///
    /// Takes about four minutes.
    #[arg(long, conflicts_with_all = ["rounds", "requests", "only", "build", "instructions"])]
    tabs: bool,
    /// Count instructions of queries, jobs, scheduled runs and scrapes.
    ///
    /// A value limits it to operations whose names contain the value; they are not stored.
    #[arg(
        long,
        value_name = "NAME",
        num_args = 0..=1,
        default_missing_value = "",
        conflicts_with_all = ["rounds", "requests", "quick", "only", "build", "instructions", "tabs"],
    )]
    operations: Option<String>,
    /// Measure memory with many series and spans, or a hanging collector.
    #[arg(long, conflicts_with_all = ["rounds", "requests", "quick", "only", "build", "instructions", "tabs", "operations"])]
    memory: bool,
    /// Write docs/book/src/benchmarks.md and its chart; measure nothing.
    ///
    /// They show the last results of each measurement.
    #[arg(long, conflicts_with_all = ["rounds", "requests", "quick", "only", "build", "instructions", "tabs", "operations", "memory"])]
    write: bool,
}

pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    if args.write {
        write_page()?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(only) = &args.operations {
        let costs = operations::measure(only)?;
        terminal::operations(&costs);
        if only.is_empty() {
            store_results(args, "operations.json", || costs.into())?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if args.memory {
        let memory = memory::measure()?;
        ui::line(memory::render(&memory));
        store_results(args, "memory.json", || memory.into())?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.tabs {
        machine::warn_if_busy();
        console_cost::run(args.quick)?;
        return Ok(ExitCode::SUCCESS);
    }
    let chosen: Vec<_> = VARIANTS
        .iter()
        .filter(|variant| {
            args.only.is_empty()
                || variant.is_baseline()
                || args.only.iter().any(|title| title == variant.title)
        })
        .collect();
    if args.instructions {
        count_instructions(args, &chosen)?;
        return Ok(ExitCode::SUCCESS);
    }
    machine::warn_if_busy();
    if args.build {
        let features = feature_crates::measure()?;
        let costs = crates::measure(&chosen, args.rounds.unwrap_or(1))?;
        terminal::builds(&costs);
        store_results(args, "build.json", || crates::store(&costs))?;
        store_results(args, "features.json", || features)?;
    } else {
        let plan = if args.quick {
            Plan::quick()
        } else {
            Plan::full(args.rounds.unwrap_or(5), args.requests)
        };
        build::all(&chosen)?;
        let results = run::measure(&chosen, &plan)?;
        terminal::emitted(&results);
        terminal::costs(&results);
        store_results(args, "run.json", || results.store())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn count_instructions(args: &BenchArgs, variants: &[&'static Variant]) -> anyhow::Result<()> {
    // Before the builds, which take minutes.
    let callgrind = Callgrind::find()?;
    let plan = if args.quick {
        CountPlan::quick()
    } else {
        CountPlan::full()
    };
    build::all(variants)?;
    let counts = instructions::measure(&callgrind, variants, &plan)?;
    terminal::instructions(&counts)?;
    if !args.quick && args.only.is_empty() {
        terminal::goals(&goals::all(&counts)?);
    }
    store_results(args, "instructions.json", || counts.store())
}

fn write_page() -> anyhow::Result<()> {
    let builds = stored_results("build.json", "cargo xtask bench --build")?;
    let features = stored_results("features.json", "cargo xtask bench --build")?;
    let counts = stored_results("instructions.json", "cargo xtask bench --instructions")?;
    let times = stored_results("run.json", "cargo xtask bench")?;
    let operations = stored_results("operations.json", "cargo xtask bench --operations")?;
    let memory = stored_results("memory.json", "cargo xtask bench --memory")?;
    let measured = Measured {
        times: Results::load(&times)?,
        counts: Counts::load(&counts)?,
        builds: crates::load(&builds)?,
        features,
        operations: operations.as_object().context("operations.json")?.clone(),
        memory: memory.as_object().context("memory.json")?.clone(),
    };
    let folder = paths::root().join("docs/book/src");
    for (name, text) in [
        ("benchmarks.md", book_page::render(&measured)?),
        (book_page::CHART, chart::draw(&measured.counts)?),
    ] {
        let file = folder.join(name);
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        ui::line(format!("wrote {}", file.display()));
    }
    Ok(())
}

/// Stores results for the page, unless `--quick` or `--only` limited them.
fn store_results(
    args: &BenchArgs,
    name: &str,
    json: impl FnOnce() -> serde_json::Value,
) -> anyhow::Result<()> {
    if args.quick || !args.only.is_empty() {
        return Ok(());
    }
    let file = build::target().join(name);
    std::fs::create_dir_all(build::target())?;
    std::fs::write(&file, json().to_string())
        .with_context(|| format!("cannot write {}", file.display()))
}

/// Reads stored results; `how` is the command that measures them.
fn stored_results(name: &str, how: &str) -> anyhow::Result<serde_json::Value> {
    let file = build::target().join(name);
    let text = std::fs::read_to_string(&file).with_context(|| {
        format!("the page shows all measurements, and one of them has no results yet; run: {how}")
    })?;
    serde_json::from_str(&text).with_context(|| format!("{} does not parse", file.display()))
}

/// The command of Cargo in the workspace `xtask/bench`.
fn cargo() -> std::process::Command {
    let mut cargo = std::process::Command::new("cargo");
    cargo.current_dir(paths::root().join("xtask/bench"));
    cargo
}

/// The packages that a variant links, as `name vX.Y.Z`.
///
/// The variant and the service are left out. With depth 1, only direct dependencies are included.
fn tree(variant: &Variant, depth: Option<u8>) -> anyhow::Result<Vec<String>> {
    let mut tree = cargo();
    tree.args([
        "tree",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--package",
        variant.package,
    ]);
    if let Some(depth) = depth {
        tree.args(["--depth", &depth.to_string()]);
    }
    let output = command::run_quietly(&mut tree)?;
    let package = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, version) = (words.next()?, words.next()?);
        // The output includes standard error, on which Cargo reports downloads.
        let is_package = version
            .strip_prefix('v')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        (is_package && ![variant.package, "service"].contains(&name))
            .then(|| format!("{name} {version}"))
    };
    let mut packages: Vec<_> = output.lines().filter_map(package).collect();
    packages.sort();
    packages.dedup();
    Ok(packages)
}
