//! mdBook, which builds the book: from `PATH`, or from crates.io.

use std::process::Command;

use anyhow::Context as _;

use super::cargo_install::cargo_install;
use crate::{paths, tools};

/// The version that is built.
const VERSION: &str = "0.5.4";

/// The command of mdBook; the caller adds arguments.
pub fn mdbook() -> anyhow::Result<Command> {
    if let Some(installed) = tools::on_path("mdbook") {
        return Ok(Command::new(installed));
    }
    let own = paths::tools().join("bin/mdbook");
    if !own.exists() {
        // The server, the watcher and the search index take half of the build, and the book is only checked.
        cargo_install(&["mdbook", "--version", VERSION, "--no-default-features"])
            .context("install mdBook 0.5, for example with: cargo install mdbook --locked")?;
    }
    Ok(Command::new(own))
}
