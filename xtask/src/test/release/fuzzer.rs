//! The fuzz targets under a fuzzer.
//!
//! The suite `tests` runs the same checks without one, on their seeds and on a few thousand inputs made from them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::ensure;
use support::{Cases, command, paths, toolchains, tools};

/// The number of inputs of each target in a short run.
const RUNS: u32 = 20_000;

pub(super) fn cases(cases: &mut Cases) -> anyhow::Result<()> {
    let folder = paths::root().join("xtask/fuzz");
    let targets = targets(&folder)?;
    let mut check = Command::new("cargo");
    check
        .args(["check", "--locked", "--features", "libfuzzer"])
        .current_dir(&folder)
        // `cargo fuzz` sets the same.
        .env("RUSTFLAGS", "--cfg fuzzing")
        .env("CARGO_TARGET_DIR", paths::target().join("fuzzer"));
    cases.command(
        "fuzz: the fuzzer's programs compile",
        &mut check,
        |_| Ok(()),
    );
    let name = "fuzz: a fuzzer finds nothing in a short run";
    let (nightly, cargo_fuzz) = (toolchains::of("nightly"), tools::on_path("cargo-fuzz"));
    let (Some(nightly), Some(_)) = (&nightly, cargo_fuzz) else {
        let missing = match nightly {
            None => "a nightly toolchain",
            Some(_) => "cargo-fuzz",
        };
        cases.unchecked(
            name,
            &format!(
                "{missing} is not installed; the book's page about fuzzing says how to run a fuzzer"
            ),
        );
        return Ok(());
    };
    cases.check(name, || {
        let scratch = paths::fresh("fuzz")?;
        for target in &targets {
            short_run(&folder, nightly, target, &scratch.join(target))?;
        }
        Ok(())
    });
    Ok(())
}

/// Runs a target on its seeds and on some inputs of the fuzzer.
///
/// The inputs go to `scratch`.
fn short_run(folder: &Path, nightly: &str, target: &str, scratch: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(scratch)?;
    let mut fuzz = Command::new("cargo");
    fuzz.arg(format!("+{nightly}"))
        .args(["fuzz", "run", "--fuzz-dir", ".", "--features", "libfuzzer"])
        .arg(target)
        .arg(scratch);
    fuzz.arg(folder.join("seeds").join(target));
    fuzz.args(["--", "-max_len=4096", &format!("-runs={RUNS}")])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", paths::target().join("fuzzer"));
    command::watched(&format!("fuzzer: {target}"), &mut fuzz).map(drop)
}

/// The names of all targets, each of which has seeds.
fn targets(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut targets = Vec::new();
    for file in fs::read_dir(folder.join("fuzz_targets"))? {
        let file: PathBuf = file?.path();
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let seeds = folder.join("seeds").join(&*name);
        ensure!(seeds.is_dir(), "{} does not exist", seeds.display());
        targets.push(name.into_owned());
    }
    targets.sort();
    ensure!(
        !targets.is_empty(),
        "{} has no fuzz targets",
        folder.display()
    );
    Ok(targets)
}
