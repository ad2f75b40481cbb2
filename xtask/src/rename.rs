//! `cargo xtask rename-metric`: renames a metric in every file that mentions it.
//!
//! The catalog defines the name. Tests, hand-written queries and docs repeat it. The command changes all of them and
//! then writes the generated files.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, ensure};
use clap::Args;
use firstlight::metrics::catalog;
use support::{command, paths, ui};

/// Arguments of `rename-metric`.
#[derive(Debug, Args)]
pub(crate) struct RenameArgs {
    /// The name in the catalog.
    old: String,
    /// The new name.
    new: String,
}

/// Paths that are not changed.
///
/// Generated files are written again, the changelog is about the past, and the lock file names no metric.
const LEFT_OUT: [&str; 6] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "docs/alerts/tests/",
    "docs/dashboards/",
    "docs/book/src/images/",
    "template/deploy/compose/platform/",
];

/// Cargo commands that format the code and write the generated files.
const GENERATORS: [&[&str]; 4] = [
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
        // Images and links to folders are not text.
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let (renamed, times) = renamed(&text, old, new);
        if times > 0 {
            fs::write(&path, renamed).with_context(|| path.display().to_string())?;
            ui::line(format!("  {}: {times}", file.display()));
        }
    }
    for words in GENERATORS {
        let mut cargo = Command::new("cargo");
        cargo.args(words).current_dir(paths::root());
        // `UPDATE` makes the tidy test write the book's tables of metrics.
        command::run(words[0], cargo.env("UPDATE", "1"))?;
    }
    ui::line("  left to do: an entry in CHANGELOG.md, and the name of the constant");
    Ok(ExitCode::SUCCESS)
}

fn check(old: &str, new: &str) -> anyhow::Result<()> {
    let is_known = |name: &str| catalog::ALL.iter().any(|metric| metric.name == name);
    ensure!(is_known(old), "{old:?} is not in the catalog of metrics");
    ensure!(!is_known(new), "{new:?} is in the catalog already");
    ensure!(
        new.starts_with(|first: char| first.is_ascii_lowercase()) && new.bytes().all(is_name_byte),
        "found {new:?}, expected lower-case letters, digits and underscores, with a letter first"
    );
    Ok(())
}

/// The tracked files without those of [`LEFT_OUT`].
fn tracked() -> anyhow::Result<Vec<PathBuf>> {
    let mut git = Command::new("git");
    git.arg("ls-files").current_dir(paths::root());
    let files = command::run_quietly(&mut git)?;
    let kept = files
        .lines()
        .filter(|file| !LEFT_OUT.iter().any(|left_out| file.starts_with(left_out)));
    Ok(kept.map(|file| Path::new(file).to_owned()).collect())
}

/// Whether a metric's name may contain `byte`.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

/// The suffixes of a histogram's series.
const SUFFIXES: [&str; 4] = ["", "_bucket", "_count", "_sum"];

/// The text with the new name, and the number of replacements.
fn renamed(text: &str, old: &str, new: &str) -> (String, usize) {
    let mut result = String::with_capacity(text.len());
    let (mut rest, mut times) = (text, 0);
    while let Some(at) = rest.find(old) {
        let (before, after) = (&rest[..at], &rest[at + old.len()..]);
        let starts_word = !before.bytes().next_back().is_some_and(is_name_byte);
        let word_end = after.bytes().position(|byte| !is_name_byte(byte));
        let suffix = &after[..word_end.unwrap_or(after.len())];
        let is_name = starts_word && SUFFIXES.contains(&suffix);
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
    fn unknown_and_taken_names_are_rejected() {
        let checked = |old, new| check(old, new).map_err(|error| error.to_string());
        assert!(checked("no_metric", "x").is_err_and(|error| error.contains("not in the catalog")));
        let [first, second] = [catalog::ALL[0].name, catalog::ALL[1].name];
        let taken = checked(first, second);
        assert!(taken.is_err_and(|error| error.contains("already")));
        assert!(checked(first, "Depth").is_err());
        assert!(checked(first, "no_metric").is_ok());
    }
}
