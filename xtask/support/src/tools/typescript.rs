//! TypeScript's compiler and Grafana's types, from npm, in a folder of their own below `target/tools`.

use std::{path::PathBuf, process::Command};

use anyhow::Context as _;

use super::npm;
use crate::paths;

/// Pinned: types that change by themselves would make a check of ours fail by itself.
const PACKAGES: [&str; 2] = ["typescript@5.9.3", "@grafana/schema@13.2.3"];

/// Where sources can be put that import them, and the compiler; installed if they are not there.
#[derive(Debug)]
pub struct TypeScript {
    /// The folder, with `node_modules`.
    pub folder: PathBuf,
}

/// Finds the compiler and Grafana's types, or installs them below `target/tools`.
pub fn typescript_with_grafana() -> anyhow::Result<TypeScript> {
    let folder = paths::tools().join("grafana-schema");
    if !folder.join("node_modules/@grafana/schema").exists() || !folder.join(COMPILER).exists() {
        npm::install("Grafana's types", &folder, &PACKAGES).context("install Node.js 18 or newer with npm, which fetches @grafana/schema and typescript by itself")?;
    }
    Ok(TypeScript { folder })
}

const COMPILER: &str = "node_modules/typescript/bin/tsc";

impl TypeScript {
    /// The compiler as a checker: it reads, and writes nothing; waits for files in [`TypeScript::folder`].
    pub fn check(&self) -> Command {
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
