//! `cargo xtask tag`: checks that a tag may be released.

use std::{fs, process::ExitCode};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use support::{paths, ui};

/// Arguments of `tag`.
#[derive(Debug, Args)]
pub(crate) struct TagArgs {
    /// The tag, such as `v0.1.0`.
    tag: String,
}

pub(crate) fn run(args: &TagArgs) -> anyhow::Result<ExitCode> {
    let changelog = changelog()?;
    check(&args.tag, env!("CARGO_PKG_VERSION"), &changelog)?;
    ui::line(format!("{} may be released", args.tag));
    Ok(ExitCode::SUCCESS)
}

/// The version of the workspace, if the changelog begins with it.
pub(crate) fn unreleased_version() -> anyhow::Result<String> {
    let changelog = changelog()?;
    let (version, _) = heading(&changelog)?;
    ensure!(
        version == env!("CARGO_PKG_VERSION"),
        "Cargo.toml has the version {}, but the first heading of CHANGELOG.md is of {version}",
        env!("CARGO_PKG_VERSION")
    );
    Ok(version.to_owned())
}

fn changelog() -> anyhow::Result<String> {
    fs::read_to_string(paths::root().join("CHANGELOG.md")).context("CHANGELOG.md")
}

/// The version and the date of the first heading, as in `## 0.1.0 (2026-12-01)`.
fn heading(changelog: &str) -> anyhow::Result<(&str, &str)> {
    let mut headings = changelog
        .lines()
        .filter_map(|line| line.strip_prefix("## "));
    let heading = headings.next().context("CHANGELOG.md has no heading")?;
    heading
        .split_once(" (")
        .and_then(|(version, date)| Some((version, date.strip_suffix(')')?)))
        .with_context(|| {
            format!("CHANGELOG.md: found the heading {heading:?}, expected `<version> (<date>)`")
        })
}

/// Checks that tag, `Cargo.toml` and changelog name the same release.
fn check(tag: &str, version: &str, changelog: &str) -> anyhow::Result<()> {
    if tag.strip_prefix('v') != Some(version) {
        bail!("found the tag {tag}, expected v{version}, the version in Cargo.toml");
    }
    let (described, date) = heading(changelog)?;
    ensure!(
        described == version,
        "the first heading of CHANGELOG.md is of {described}, expected {version}"
    );
    let is_date = date.len() == 10
        && date
            .char_indices()
            .all(|(index, it)| matches!((index, it), (4 | 7, '-') | (_, '0'..='9')));
    ensure!(
        is_date,
        "CHANGELOG.md: found ({date}) after {version}, expected the date of the release, as in (2026-12-01)"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    const RELEASED: &str = "# Changelog\n\n## 0.2.0 (2026-12-01)\n\n## 0.1.0 (2026-11-01)\n";

    #[test]
    fn only_the_described_version_is_released() {
        assert!(check("v0.2.0", "0.2.0", RELEASED).is_ok());
        for (tag, version, changelog, found) in [
            ("0.2.0", "0.2.0", RELEASED, "expected v0.2.0"),
            ("v0.1.0", "0.2.0", RELEASED, "expected v0.2.0"),
            ("v0.3.0", "0.3.0", RELEASED, "is of 0.2.0, expected 0.3.0"),
            ("v0.2.0", "0.2.0", "## 0.2.0 (unreleased)\n", "(unreleased)"),
            ("v0.2.0", "0.2.0", "## 0.2.0\n", "expected `<version>"),
            ("v0.2.0", "0.2.0", "# Changelog\n", "no heading"),
        ] {
            let error = check(tag, version, changelog).map_err(|error| format!("{error:#}"));
            let error = error.err().unwrap_or_default();
            assert!(error.contains(found), "{tag} {version}: {error:?}");
        }
    }
}
