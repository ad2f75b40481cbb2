//! Checks `.env.example` against the variables that the library reads.

use std::fs;

use anyhow::{Context as _, ensure};
use firstlight::config::VARIABLES;
use support::paths;

use super::kubernetes::check_variable;

/// Checks that each variable exists and is shown with its default.
///
/// A line `#NAME=value` shows a default. The value is empty, contains the service's name, or is the default in
/// the library's table.
pub(super) fn check() -> anyhow::Result<()> {
    let example = fs::read_to_string(paths::template().join(".env.example"))?;
    let mut known = 0;
    let prose = |line: &&str| line.starts_with("# ") || line.starts_with("{%");
    for line in example.lines().filter(|line| !prose(line)) {
        let Some(line) = line.strip_prefix('#') else {
            ensure!(
                line.is_empty(),
                "{line:?} is not a comment, so a copy of the file would set it"
            );
            continue;
        };
        let (name, value) = line.split_once('=').with_context(|| line.to_owned())?;
        check_variable(name)?;
        let Some(variable) = VARIABLES.iter().find(|variable| variable.name == name) else {
            continue;
        };
        known += 1;
        let (default, named) = (variable.default, value.contains("{{project-name}}"));
        ensure!(
            value.is_empty() || named || default.contains(&format!("`{value}`")),
            "{name}: found {value}, expected {default}"
        );
    }
    ensure!(known > 10, "found {known} of the library's variables");
    Ok(())
}
