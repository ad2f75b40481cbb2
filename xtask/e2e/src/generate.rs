//! Renders the template with cargo-generate, always against this checkout's library.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use support::{command, paths, tools};

/// One service to be made from the template.
#[derive(Debug, Clone)]
pub struct Service<'a> {
    /// The name, which is also that of its folder and its package.
    pub name: &'a str,
    /// The folder in which the service's own folder appears.
    pub destination: &'a Path,
    /// The answers to the template's questions.
    pub options: Options<'a>,
    /// Handed to cargo-generate as they are.
    pub extra: &'a [String],
}

/// The answers to the template's questions, but for where the library comes from.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Whether to add the orders API.
    pub example: bool,
    /// One of [`STORE`].
    pub store: &'a str,
    /// Needs a store.
    pub worker: bool,
    /// One of [`DEPLOY`].
    pub deploy: &'a str,
    /// One of [`CI`].
    pub ci: &'a str,
    /// The template's default if there is none.
    pub grafana: Option<&'a str>,
    /// The same.
    pub runbooks: Option<&'a str>,
}

impl Options<'static> {
    /// The least that there is.
    pub const BARE: Self = Self {
        example: false,
        store: "none",
        worker: false,
        deploy: "none",
        ci: "none",
        grafana: None,
        runbooks: None,
    };
}

impl Options<'_> {
    /// Why the template refuses these answers, in the sentence of its `hooks/options.rhai`.
    pub fn objection(&self) -> Option<&'static str> {
        if self.worker && self.store == "none" {
            return Some(
                "worker=true needs a store, because the queue and the schedules are tables of it: choose store=sqlite or store=postgres, or worker=false.",
            );
        }
        if self.deploy == "kubernetes" && self.store == "sqlite" {
            return Some(
                "deploy=kubernetes needs a database that all pods share, and SQLite's file would end with its pod: choose store=postgres or store=none, or deploy=compose.",
            );
        }
        None
    }
}

/// Answers to `store`.
pub const STORE: [&str; 3] = ["none", "sqlite", "postgres"];
/// Answers to `deploy`.
pub const DEPLOY: [&str; 3] = ["none", "compose", "kubernetes"];
/// Answers to `ci`.
pub const CI: [&str; 3] = ["none", "github", "gitlab"];

impl Service<'_> {
    /// The command, with every question answered.
    pub fn command(&self) -> anyhow::Result<Command> {
        self.command_for(&paths::template())
    }

    /// The same for a template elsewhere.
    pub fn command_for(&self, template: &Path) -> anyhow::Result<Command> {
        let mut generate = Command::new(tools::cargo_generate()?);
        generate
            .args(["generate", "--silent", "--path"])
            .arg(template);
        generate
            .args(["--name", self.name, "--destination"])
            .arg(self.destination);
        let Options {
            example,
            store,
            worker,
            deploy,
            ci,
            grafana,
            runbooks,
        } = self.options;
        for answer in [
            format!("firstlight={}", paths::library().display()),
            format!("example={example}"),
            format!("store={store}"),
            format!("worker={worker}"),
            format!("deploy={deploy}"),
            format!("ci={ci}"),
        ] {
            generate.arg("--define").arg(answer);
        }
        for (question, answer) in [("grafana", grafana), ("runbooks", runbooks)] {
            if let Some(answer) = answer {
                generate.arg("--define").arg(format!("{question}={answer}"));
            }
        }
        generate.args(self.extra);
        // A refusal of the template's says what to do; a backtrace of cargo-generate's would bury it.
        generate.env_remove("RUST_BACKTRACE");
        Ok(generate)
    }

    /// Makes the service, and returns its folder.
    pub fn generate(&self) -> anyhow::Result<PathBuf> {
        command::run(&format!("generate {}", self.name), &mut self.command()?)?;
        Ok(self.destination.join(self.name))
    }
}

/// For services that live below `target/`: no repository of their own, no trace in a workspace.
pub fn throwaway() -> Vec<String> {
    ["--vcs", "none", "--no-workspace"]
        .map(str::to_owned)
        .to_vec()
}
