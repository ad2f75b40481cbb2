//! rotel, an OTLP collector whose program comes inside a Python wheel: a real collector without a container.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, bail};

use crate::{command, paths, tools};

/// The program, or what somebody must do to have it.
pub(crate) fn rotel() -> anyhow::Result<PathBuf> {
    let folder = paths::tools().join("rotel");
    let program = folder.join("rotel").join("rotel-agent");
    if program.exists() {
        return Ok(program);
    }
    let by_hand =
        "install rotel by hand: python3 -m pip install --no-deps --target target/tools/rotel rotel";
    if tools::on_path("python3").is_none() {
        bail!("python3 is not on PATH; {by_hand}");
    }
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--upgrade",
        "--target",
    ]);
    command::run("install rotel", pip.arg(&folder).arg("rotel")).context(by_hand)?;
    if !program.exists() {
        bail!(
            "the wheel of rotel holds no {}; {by_hand}",
            program.display()
        );
    }
    Ok(program)
}
