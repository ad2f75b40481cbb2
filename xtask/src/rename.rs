//! `cargo xtask rename-metric`: one metric's name, in every file that spells it.
//!
//! The catalog is where a metric has its name. Tests, queries of others and prose spell it again, because a reader has to
//! find it there. This changes all of them, then writes what is generated.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, ensure};
use clap::Args;
use firstlight::metrics::catalog;
use support::{command, paths, ui};

/// What `rename-metric` can be told.
#[derive(Debug, Args)]
pub(crate) struct RenameArgs {
    /// A name in the catalog.
    old: String,
    /// The name that replaces it.
    new: String,
}

/// What is not touched: generated files are written anew, and the changelog says what was.
const LEFT_OUT: [&str; 6] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "docs/alerts/tests/",
    "docs/dashboards/",
    "docs/book/src/images/",
    "template/observability/",
];

/// What writes the generated files, in a program that is built with the new name.
const WRITES: [&[&str]; 4] = [
    &["fmt", "--all"],
    &["run", "--quiet", "--package", "xtask", "--", "alerts"],
    &["run", "--quiet", "--package", "xtask", "--", "dashboards"],
    &[
        "test",
        "--package",
        "firstlight",
        "--all-features",
        "--test",
        "tidy",
    ],
];

pub(crate) fn run(args: &RenameArgs) -> anyhow::Result<ExitCode> {
    let RenameArgs { old, new } = args;
    check(old, new)?;
    for file in tracked()? {
        let path = paths::root().join(&file);
        // Pictures and links to folders have no text.
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let (renamed, times) = renamed(&text, old, new);
        if times > 0 {
            fs::write(&path, renamed).with_context(|| path.display().to_string())?;
            ui::line(format!("  {}: {times}", file.display()));
        }
    }
    for words in WRITES {
        let mut cargo = Command::new("cargo");
        cargo.args(words).current_dir(paths::root());
        // The tables of the book that are the catalog's.
        command::run(words[0], cargo.env("UPDATE", "1"))?;
    }
    ui::line("  left to do: a line in CHANGELOG.md, and the name of the constant");
    Ok(ExitCode::SUCCESS)
}

fn check(old: &str, new: &str) -> anyhow::Result<()> {
    let is_known = |name: &str| catalog::ALL.iter().any(|metric| metric.name == name);
    ensure!(is_known(old), "{old:?} is not in the catalog of metrics");
    ensure!(!is_known(new), "{new:?} is in the catalog already");
    ensure!(
        new.starts_with(|first: char| first.is_ascii_lowercase()) && new.bytes().all(is_part),
        "found {new:?}, expected lower-case letters, digits and underscores, with a letter first"
    );
    Ok(())
}

/// The files that git knows and that are written by hand.
fn tracked() -> anyhow::Result<Vec<PathBuf>> {
    let mut git = Command::new("git");
    git.arg("ls-files").current_dir(paths::root());
    let files = command::run_quietly(&mut git)?;
    let by_hand = files
        .lines()
        .filter(|file| !LEFT_OUT.iter().any(|left_out| file.starts_with(left_out)));
    Ok(by_hand.map(|file| Path::new(file).to_owned()).collect())
}

/// What may be part of a metric's name.
fn is_part(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

/// What a histogram adds to its name.
const PARTS: [&str; 4] = ["", "_bucket", "_count", "_sum"];

/// The text with the new name, and how often it had the old one.
fn renamed(text: &str, old: &str, new: &str) -> (String, usize) {
    let mut result = String::with_capacity(text.len());
    let (mut rest, mut times) = (text, 0);
    while let Some(at) = rest.find(old) {
        let (before, after) = (&rest[..at], &rest[at + old.len()..]);
        let begins = !before.bytes().next_back().is_some_and(is_part);
        let word = after.bytes().position(|byte| !is_part(byte));
        let more = &after[..word.unwrap_or(after.len())];
        let is_name = begins && PARTS.contains(&more);
        result += before;
        result += if is_name { new } else { old };
        times += usize::from(is_name);
        rest = after;
    }
    result += rest;
    (result, times)
}

#[cfg(test)]
mod tests {
    use firstlight::metrics::catalog;

    use super::{check, renamed};

    #[test]
    fn only_whole_names_are_renamed() {
        let text = "queue_up queue_up_count{} my_queue_up queue_up_now \"queue_up\"";
        let expected = "up up_count{} my_queue_up queue_up_now \"up\"";
        assert_eq!(renamed(text, "queue_up", "up"), (expected.to_owned(), 3));
    }

    #[test]
    fn unknown_and_taken_names_are_refused() {
        let refused = |old, new| check(old, new).map_err(|error| error.to_string());
        assert!(refused("no_metric", "x").is_err_and(|error| error.contains("not in the catalog")));
        let [first, second] = [catalog::ALL[0].name, catalog::ALL[1].name];
        let taken = refused(first, second);
        assert!(taken.is_err_and(|error| error.contains("already")));
        assert!(refused(first, "Depth").is_err());
        assert!(refused(first, "no_metric").is_ok());
    }
}
