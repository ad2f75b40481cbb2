//! Programs that come as Python packages, each with what it needs in a folder of its own below `target/tools`.

use std::{path::Path, process::Command};

use anyhow::{Context as _, bail};

use crate::{command, paths, tools};

/// Has pip put `package` into `folder`, which nothing but `PYTHONPATH` will know; `options` are further ones of pip's.
pub(super) fn install(package: &str, folder: &Path, options: &[&str]) -> anyhow::Result<()> {
    let by_hand = format!(
        "install {package} by hand: python3 -m pip install --target target/tools/{package} {package}"
    );
    if tools::on_path("python3").is_none() {
        bail!("python3 is not on PATH; {by_hand}");
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--upgrade"]);
    pip.args(["--disable-pip-version-check", "--root-user-action=ignore"]);
    pip.args(options).arg("--target").arg(folder).arg(package);
    command::run(&format!("install {package}"), &mut pip).context(by_hand)?;
    Ok(())
}

/// `python3 -m module`, from `package`, which is installed if it is not there.
pub(super) fn module(package: &str, module: &str) -> anyhow::Result<Command> {
    let folder = paths::tools().join(package);
    if !folder.join(module).exists() {
        install(package, &folder, &[])?;
    }
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", folder).args(["-m", module]);
    Ok(python)
}

/// `program` from `package`, which is installed if it is not there.
pub(super) fn program(package: &str, program: &str) -> anyhow::Result<Command> {
    let folder = paths::tools().join(package);
    let program = folder.join("bin").join(program);
    if !program.exists() {
        install(package, &folder, &[])?;
    }
    Ok(Command::new(program))
}
