//! Python packages, each with its dependencies in a folder below `target/tools`.

use std::{path::Path, process::Command};

use anyhow::{Context as _, bail};

use crate::{command, paths, tools};

/// Installs `package` into `folder`, which Python finds only through `PYTHONPATH`.
///
/// `options` are passed to pip.
pub(super) fn install(package: &str, folder: &Path, options: &[&str]) -> anyhow::Result<()> {
    let instruction = format!(
        "install {package} with: python3 -m pip install --target {} {package}",
        folder.display()
    );
    if tools::on_path("python3").is_none() {
        bail!("python3 is not on PATH; {instruction}");
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--upgrade"]);
    pip.args(["--disable-pip-version-check", "--root-user-action=ignore"]);
    pip.args(options).arg("--target").arg(folder).arg(package);
    command::run(&format!("install {package}"), &mut pip).context(instruction)?;
    Ok(())
}

/// The command `python3 -m module`; installs `package` if it is missing.
pub(super) fn module(package: &str, module: &str) -> anyhow::Result<Command> {
    let folder = paths::tools().join(package);
    if !folder.join(module).exists() {
        install(package, &folder, &[])?;
    }
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", folder).args(["-m", module]);
    Ok(python)
}

/// The command of `program`; installs `package` if it is missing.
pub(super) fn program(package: &str, program: &str) -> anyhow::Result<Command> {
    let folder = paths::tools().join(package);
    let program = folder.join("bin").join(program);
    if !program.exists() {
        install(package, &folder, &[])?;
    }
    Ok(Command::new(program))
}
