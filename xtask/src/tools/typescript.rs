//! TypeScript's compiler and Grafana's types, from npm, in a folder of their own below `target/tools`.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, bail};

use crate::{command, paths, tools};

/// Pinned: types that change by themselves would make a check of ours fail by itself.
const PACKAGES: [&str; 2] = ["typescript@5.9.3", "@grafana/schema@13.2.3"];

/// Where sources can be put that import them, and the compiler; installed if they are not there.
pub(crate) struct TypeScript {
    pub(crate) folder: PathBuf,
}

pub(crate) fn typescript_with_grafana() -> anyhow::Result<TypeScript> {
    let folder = paths::tools().join("grafana-schema");
    if !folder.join("node_modules/@grafana/schema").exists() || !folder.join(COMPILER).exists() {
        install(&folder).context("install Node.js 18 or newer with npm, which fetches @grafana/schema and typescript by itself")?;
    }
    Ok(TypeScript { folder })
}

const COMPILER: &str = "node_modules/typescript/bin/tsc";

fn install(folder: &PathBuf) -> anyhow::Result<()> {
    if tools::on_path("npm").is_none() || tools::on_path("node").is_none() {
        bail!("node and npm are not on PATH");
    }
    fs::create_dir_all(folder)?;
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--no-save",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
    ]);
    // Its peers, React among them, are for those who render.
    npm.arg("--legacy-peer-deps")
        .arg("--prefix")
        .arg(folder)
        .args(PACKAGES);
    command::run("fetch Grafana's types", &mut npm)?;
    Ok(())
}

impl TypeScript {
    /// The compiler as a checker: it reads, and writes nothing; waits for files in [`TypeScript::folder`].
    pub(crate) fn check(&self) -> Command {
        let mut tsc = Command::new("node");
        tsc.arg(self.folder.join(COMPILER));
        tsc.args([
            "--noEmit",
            "--strict",
            "--skipLibCheck",
            "--pretty",
            "false",
        ]);
        tsc.args([
            "--module",
            "esnext",
            "--moduleResolution",
            "bundler",
            "--target",
            "es2022",
        ]);
        tsc.current_dir(&self.folder);
        tsc
    }
}
