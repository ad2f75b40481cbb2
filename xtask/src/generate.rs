//! Renders the template with cargo-generate, always against this checkout's library.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{command, paths, tools};

/// One service to be made from the template.
#[derive(Debug, Clone)]
pub(crate) struct Service<'a> {
    pub(crate) name: &'a str,
    /// The folder in which the service's own folder appears.
    pub(crate) destination: &'a Path,
    pub(crate) example: bool,
    /// `github` or `none`.
    pub(crate) ci: &'a str,
    /// Handed to cargo-generate as they are.
    pub(crate) extra: &'a [String],
}

impl Service<'_> {
    /// The command, with every question answered.
    pub(crate) fn command(&self) -> anyhow::Result<Command> {
        let mut generate = Command::new(tools::cargo_generate()?);
        generate
            .args(["generate", "--silent", "--path"])
            .arg(paths::template());
        generate
            .args(["--name", self.name, "--destination"])
            .arg(self.destination);
        generate
            .arg("--define")
            .arg(format!("firstlight={}", paths::library().display()));
        generate
            .arg("--define")
            .arg(format!("example={}", self.example));
        generate.arg("--define").arg(format!("ci={}", self.ci));
        generate.args(self.extra);
        // A refusal of the template's says what to do; a backtrace of cargo-generate's would bury it.
        generate.env_remove("RUST_BACKTRACE");
        Ok(generate)
    }

    /// Makes the service, and returns its folder.
    pub(crate) fn generate(&self) -> anyhow::Result<PathBuf> {
        command::run(&format!("generate {}", self.name), &mut self.command()?)?;
        Ok(self.destination.join(self.name))
    }
}

/// For services that live below `target/`: no repository of their own, no trace in a workspace.
pub(crate) fn throwaway() -> Vec<String> {
    ["--vcs", "none", "--no-workspace"]
        .map(str::to_owned)
        .to_vec()
}
