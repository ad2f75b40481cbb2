//! Cost at build time: the number of crates and the time of a clean build.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::{Value, json};
use support::{command, ui};

use super::{
    build, cargo, tree,
    variant::{VARIANTS, Variant},
};

/// The cost of building a variant.
#[derive(Debug)]
pub(crate) struct BuildCost {
    pub(crate) variant: &'static Variant,
    /// Direct dependencies as `name vX.Y.Z`, without `anyhow` and `axum`.
    pub(crate) direct: Vec<String>,
    /// The number of compiled crates without the variant and the service.
    pub(crate) crates: usize,
    /// Elapsed time, the shortest of all rounds.
    pub(crate) elapsed: Duration,
    /// Processor time, the shortest of all rounds.
    pub(crate) processor: Duration,
}

/// Builds every variant from scratch in the `dev` profile.
///
/// A developer waits for such a build after a checkout, and CI in each run.
pub(crate) fn measure(
    variants: &[&'static Variant],
    rounds: usize,
) -> anyhow::Result<Vec<BuildCost>> {
    // Downloads are not measured.
    command::run("fetch all crates", cargo().arg("fetch"))?;
    let mut costs = Vec::new();
    // Variants with settings share the program of another variant.
    for variant in variants
        .iter()
        .filter(|variant| variant.settings.is_empty())
    {
        let step = ui::Step::start(
            &format!("build {}", variant.title),
            "cargo build, from scratch",
        );
        let mut best = (Duration::MAX, Duration::MAX);
        for _ in 0..rounds {
            let (elapsed, processor) = build_once(variant)?;
            best = (best.0.min(elapsed), best.1.min(processor));
        }
        step.done("");
        let (elapsed, processor) = best;
        costs.push(BuildCost {
            variant,
            direct: direct(variant)?,
            crates: tree(variant, None)?.len(),
            elapsed,
            processor,
        });
    }
    Ok(costs)
}

fn build_once(variant: &Variant) -> anyhow::Result<(Duration, Duration)> {
    let target = build::target().join("from-scratch");
    remove(&target)?;
    let before = processor_time_of_children()?;
    let started = Instant::now();
    command::run_quietly(
        cargo()
            .args(["build", "--package", variant.package])
            .env("CARGO_TARGET_DIR", &target),
    )?;
    let times = (
        started.elapsed(),
        processor_time_of_children()?.saturating_sub(before),
    );
    remove(&target)?;
    Ok(times)
}

fn remove(folder: &std::path::Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// User and system time of all ended descendants.
fn processor_time_of_children() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").context("the processor time of children")?;
    // The second field is the program's name, which may contain spaces and parentheses.
    let (_, fields) = stat
        .rsplit_once(')')
        .context("/proc/self/stat without a name")?;
    let ticks = fields
        .split_whitespace()
        .skip(13)
        .take(2)
        .map(str::parse::<u64>)
        .sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * MILLISECONDS_PER_TICK))
}

/// The direct dependencies, without those that every variant has.
fn direct(variant: &Variant) -> anyhow::Result<Vec<String>> {
    let mut direct = tree(variant, Some(1))?;
    direct.retain(|package| {
        !["anyhow", "axum"].contains(&package.split(' ').next().unwrap_or_default())
    });
    Ok(direct)
}

pub(crate) fn store(costs: &[BuildCost]) -> Value {
    let cost = |cost: &BuildCost| {
        json!({
            "variant": cost.variant.title,
            "direct": cost.direct,
            "crates": cost.crates,
            "elapsed_s": cost.elapsed.as_secs_f64(),
            "processor_s": cost.processor.as_secs_f64(),
        })
    };
    costs.iter().map(cost).collect()
}

pub(crate) fn load(stored: &Value) -> anyhow::Result<Vec<BuildCost>> {
    let costs = stored
        .as_array()
        .context("stored costs of builds are not a list")?;
    Ok(costs.iter().filter_map(stored_cost).collect())
}

fn stored_cost(stored: &Value) -> Option<BuildCost> {
    let title = stored.get("variant")?.as_str()?;
    let seconds = |name: &str| Duration::try_from_secs_f64(stored.get(name)?.as_f64()?).ok();
    Some(BuildCost {
        variant: VARIANTS.iter().find(|variant| variant.title == title)?,
        direct: stored
            .get("direct")?
            .as_array()?
            .iter()
            .filter_map(|name| Some(name.as_str()?.to_owned()))
            .collect(),
        crates: usize::try_from(stored.get("crates")?.as_u64()?).ok()?,
        elapsed: seconds("elapsed_s")?,
        processor: seconds("processor_s")?,
    })
}

/// The milliseconds per tick, the unit of times in `/proc/self/stat`.
///
/// Programs always see ticks of 1/100 s, even if the kernel's own tick differs.
const MILLISECONDS_PER_TICK: u64 = 10;
