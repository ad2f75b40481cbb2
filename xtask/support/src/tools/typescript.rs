//! TypeScript's compiler and Grafana's types, from npm.

use std::{path::PathBuf, process::Command};

use anyhow::Context as _;

use super::npm;
use crate::paths;

/// Pinned, because a new release of the types could make a check fail.
const PACKAGES: [&str; 2] = ["typescript@5.9.3", "@grafana/schema@13.2.3"];

/// A folder in which TypeScript sources can import Grafana's types.
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
    /// The command that type-checks without output files.
    ///
    /// The caller adds files in [`TypeScript::folder`].
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
