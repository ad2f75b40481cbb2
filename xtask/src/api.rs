//! `cargo xtask api`: writes the public API of the library as text.
//!
//! A change of the API is a change of `docs/public-api.txt`, which a review sees.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::Value;
use support::{command, paths, toolchains, ui};

/// Arguments of `api`.
#[derive(Debug, Args)]
pub(crate) struct ApiArgs {
    /// Fail if the committed file is out of date, and write nothing.
    #[arg(long)]
    check: bool,
}

/// The format of rustdoc's JSON that this version of `public-api` reads.
///
/// Rust 1.95 writes it. A newer `public-api` reads only a newer format.
const FORMAT: u64 = 57;

/// The committed text.
fn committed() -> PathBuf {
    paths::root().join("docs/public-api.txt")
}

pub(crate) fn run(args: &ApiArgs) -> anyhow::Result<ExitCode> {
    let current = current()?.map_err(anyhow::Error::msg)?;
    if args.check {
        compare(&current)?;
        ui::line("docs/public-api.txt is up to date");
    } else {
        fs::write(committed(), current).context("docs/public-api.txt")?;
        ui::line("wrote docs/public-api.txt");
    }
    Ok(ExitCode::SUCCESS)
}

/// The API with all features, or why this machine cannot tell it.
pub(crate) fn current() -> anyhow::Result<Result<String, String>> {
    let folder = paths::fresh("api")?;
    let mut candidates = vec![None];
    candidates.extend(
        toolchains::installed()
            .unwrap_or_default()
            .into_iter()
            .map(Some),
    );
    let mut found = Vec::new();
    for toolchain in candidates {
        let format = format_of(toolchain.as_deref(), &folder)?;
        if format == FORMAT {
            return json(toolchain.as_deref())
                .and_then(|json| text(&json))
                .map(Ok);
        }
        found.push(format);
    }
    Ok(Err(format!(
        "rustdoc writes JSON in format {found:?}, and public-api reads {FORMAT}; with a toolchain of Rust 1.95, as \
         `rustup toolchain install 1.95` adds it, it is checked"
    )))
}

fn with(program: &str, toolchain: Option<&str>) -> Command {
    let mut command = Command::new(program);
    command.args(toolchain.map(|name| format!("+{name}")));
    command
}

/// The format of the JSON of an empty crate.
fn format_of(toolchain: Option<&str>, folder: &Path) -> anyhow::Result<u64> {
    let source = folder.join("empty.rs");
    fs::write(&source, "")?;
    let mut rustdoc = with("rustdoc", toolchain);
    rustdoc
        .arg(&source)
        .args(["-Zunstable-options", "--output-format=json", "--out-dir"])
        .arg(folder)
        .env("RUSTC_BOOTSTRAP", "1");
    command::run_quietly(&mut rustdoc)?;
    let json: Value = serde_json::from_str(&fs::read_to_string(folder.join("empty.json"))?)?;
    json["format_version"]
        .as_u64()
        .context("rustdoc's JSON has no format_version")
}

/// Describes the library as JSON.
///
/// The whole workspace is described, because its dependencies are compiled for other suites, too.
fn json(toolchain: Option<&str>) -> anyhow::Result<PathBuf> {
    let target = match toolchain {
        None => paths::target(),
        Some(_) => paths::target().join("api/build"),
    };
    let mut doc = with("cargo", toolchain);
    doc.args([
        "doc",
        "--workspace",
        "--no-deps",
        "--all-features",
        "--locked",
    ])
    .current_dir(paths::root())
    .env("CARGO_TARGET_DIR", &target)
    .env("RUSTDOC", toolchains::unstable_rustdoc()?)
    .env("RUSTDOCFLAGS", "-Zunstable-options --output-format=json");
    command::watched("public API: rustdoc", &mut doc)?;
    Ok(target.join("doc/firstlight.json"))
}

/// One line for each item, sorted.
///
/// Left out are implementations for all types, and those of automatic traits. The line of a type that is *not* `Send`,
/// for example, is kept.
fn text(json: &Path) -> anyhow::Result<String> {
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .build()
        .with_context(|| json.display().to_string())?;
    let lines = api.items().map(ToString::to_string);
    let mut text: String = lines
        .filter(|line| !is_automatic(line))
        .map(|line| line + "\n")
        .collect();
    ensure!(!text.is_empty(), "the library has no public item");
    text.insert_str(0, HEAD);
    Ok(text)
}

const HEAD: &str =
    "# The public API of firstlight with all features. `cargo xtask api` writes this file.\n";

/// Whether a line implements an automatic trait, or an unstable one.
fn is_automatic(line: &str) -> bool {
    const TRAITS: [&str; 5] = [
        "core::marker::Send",
        "core::marker::Sync",
        "core::marker::Unpin",
        "core::panic::unwind_safe::RefUnwindSafe",
        "core::panic::unwind_safe::UnwindSafe",
    ];
    let is_of = |it: &&str| line.contains(&format!(" {it} for "));
    line.starts_with("impl")
        && (line.contains("core::marker::Freeze for ") || TRAITS.iter().any(is_of))
}

/// Compares the API with the committed text.
pub(crate) fn compare(current: &str) -> anyhow::Result<()> {
    let committed = fs::read_to_string(committed()).context("docs/public-api.txt")?;
    if committed == current {
        return Ok(());
    }
    let missing = lines_of(&committed, current).map(|line| format!("  - {line}"));
    let new = lines_of(current, &committed).map(|line| format!("  + {line}"));
    let changes: Vec<_> = missing.chain(new).collect();
    bail!(
        "the public API has changed; if this is intended, run `cargo xtask api`, and add a line to CHANGELOG.md:\n{}",
        changes.join("\n")
    );
}

/// The lines of `text` that `other` lacks.
fn lines_of<'a>(text: &'a str, other: &'a str) -> impl Iterator<Item = &'a str> {
    let others: std::collections::HashSet<&str> = other.lines().collect();
    text.lines().filter(move |line| !others.contains(line))
}

/// Checks that no line names a type of `package`.
///
/// Packages that begin with its name count as well.
pub(crate) fn has_no_type_of(package: &str, api: &str) -> anyhow::Result<()> {
    let is_start =
        |before: Option<char>| !before.is_some_and(|it| it.is_alphanumeric() || it == '_');
    let names_it = |line: &&str| {
        line.match_indices(package).any(|(at, _)| {
            let rest = &line[at..];
            let end = rest.find(|it: char| !it.is_alphanumeric() && it != '_');
            let is_path = end.is_some_and(|end| rest[end..].starts_with("::"));
            // A path below `firstlight::` is of this crate.
            is_path && is_start(line[..at].chars().next_back()) && !line[..at].ends_with("::")
        })
    };
    let found: Vec<_> = api.lines().filter(names_it).collect();
    ensure!(
        found.is_empty(),
        "the public API has types of {package}, which break with its releases:\n  {}",
        found.join("\n  ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_a_package_are_found() {
        for line in [
            "pub fn firstlight::f() -> opentelemetry::Context",
            "pub fn firstlight::f(opentelemetry_sdk::trace::Config)",
            "impl core::convert::From<opentelemetry::trace::TraceId> for firstlight::Id",
        ] {
            assert!(has_no_type_of("opentelemetry", line).is_err(), "{line}");
        }
        for line in [
            "pub mod firstlight::opentelemetry",
            "pub fn firstlight::opentelemetry::f()",
            "pub fn firstlight::f(my_opentelemetry::Context)",
        ] {
            assert!(has_no_type_of("opentelemetry", line).is_ok(), "{line}");
        }
    }

    #[test]
    fn only_lost_automatic_traits_are_kept() {
        assert!(is_automatic("impl core::marker::Send for firstlight::A"));
        assert!(is_automatic(
            "impl<T> core::marker::Sync for firstlight::A<T> where T: core::marker::Sync"
        ));
        assert!(is_automatic("impl !core::marker::Freeze for firstlight::A"));
        assert!(!is_automatic("impl !core::marker::Send for firstlight::A"));
        assert!(!is_automatic("impl core::clone::Clone for firstlight::A"));
        assert!(!is_automatic("pub fn firstlight::f() -> A"));
    }
}
