//! Checks the versions in generated files against `docs/book/src/versions.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::{Context as _, ensure};
use support::{Cases, paths};

use super::{combinations::Generated, files, observability::PLATFORM};

pub(super) fn cases(cases: &mut Cases, generated: &Generated) {
    cases.check(
        "versions: files and versions.md agree",
        || {
            let page = fs::read_to_string(paths::root().join("docs/book/src/versions.md"))?;
            let listed = listed_versions(&page);
            let mut used = BTreeSet::new();
            for (store, deploy, ci) in [
                ("postgres", "compose", "github"),
                ("postgres", "kubernetes", "gitlab"),
                ("none", "none", "github"),
                ("none", "none", "gitlab"),
            ] {
                let folder = generated.with_store(store, deploy, ci);
                let own = folder.file_name().context("no name")?.to_string_lossy();
                let mut all = files::read(&folder)?;
                all.extend(files::read(&paths::root().join(COLLECTORS))?);
                for (file, content) in all {
                    // These files name no image, action or tool with its version.
                    if file.starts_with("observability/") || file.starts_with(PLATFORM) {
                        continue;
                    }
                    for line in String::from_utf8_lossy(&content).lines() {
                        for (name, version) in versions_in(line, &listed) {
                            // The image of the service itself has no listed version.
                            if name == own {
                                continue;
                            }
                            let versions = listed.get(&name);
                            ensure!(
                                versions.is_some_and(|versions| versions.contains(&version)),
                                "{file}: found version {version:?} of {name}, but versions.md lists {versions:?}"
                            );
                            used.insert((name, version));
                        }
                    }
                }
            }
            let pairs = listed.iter().flat_map(|(name, versions)| {
                versions.iter().map(|version| (name.clone(), version.clone()))
            });
            let unused: Vec<_> = pairs.filter(|pair| !used.contains(pair)).collect();
            ensure!(unused.is_empty(), "versions.md lists {unused:?}, which no file names");
            Ok(())
        },
    );
}

/// The configurations of the collectors of a cluster.
pub(super) const COLLECTORS: &str = "docs/platform/collectors";

/// Versions by name.
///
/// The table has both in backticks, in its first two columns.
type Versions = BTreeMap<String, BTreeSet<String>>;

fn listed_versions(page: &str) -> Versions {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| {
        let mut cells = row.split(" | ");
        let name = cells.next()?.trim_end_matches('`').to_owned();
        let versions = cells.next()?.split('`').skip(1).step_by(2);
        Some((name, versions.map(str::to_owned).collect()))
    })
    .collect()
}

/// The names and versions in a line of a generated file.
fn versions_in(line: &str, listed: &Versions) -> Vec<(String, String)> {
    let line = line.trim();
    let item = line.strip_prefix("- ").unwrap_or(line);
    if let Some(action) = item.strip_prefix("uses: ") {
        return vec![split(action, '@')];
    }
    for image in ["image: ", "FROM ", "# syntax="] {
        if let Some(image) = item.strip_prefix(image) {
            let image = image.split(' ').next().unwrap_or_default();
            return vec![split(image, ':')];
        }
    }
    // A service of a pipeline has an image alone in its line. Elsewhere, only listed names count.
    let is_service = |word: &str| {
        let (name, tag) = split(word, ':');
        let is_tag = tag.starts_with(|first: char| first.is_ascii_digit());
        item == word && line != item && is_tag && !name.contains([':', '='])
    };
    item.split([' ', '`', '"', '\'', ',', ';', '(', ')'])
        .filter_map(|word| {
            let at = split(word, '@');
            let image = split(word, ':');
            if listed.contains_key(&at.0) && !at.1.is_empty() {
                return Some(at);
            }
            let is_tag = image
                .1
                .starts_with(|first: char| first.is_ascii_alphanumeric());
            let known = listed.contains_key(&image.0) && is_tag;
            (known || is_service(word)).then_some(image)
        })
        .collect()
}

/// Splits at the last `separator`; without one, the second part is empty.
fn split(text: &str, separator: char) -> (String, String) {
    let (name, version) = text.rsplit_once(separator).unwrap_or((text, ""));
    (name.to_owned(), version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Versions, versions_in};

    fn known() -> Versions {
        super::listed_versions("| `postgres` | `18.6` | x |\n| `cargo-deny` | `0.20.2` | x |\n")
    }

    fn one(line: &str) -> Option<(String, String)> {
        versions_in(line, &known()).pop()
    }

    fn pair(name: &str, version: &str) -> Option<(String, String)> {
        Some((name.to_owned(), version.to_owned()))
    }

    #[test]
    fn every_form_of_a_version_is_read() {
        for (line, name, version) in [
            (
                "  - uses: actions/cache@abc # v6",
                "actions/cache",
                "abc # v6",
            ),
            ("    image: grafana/loki:3.7.8", "grafana/loki", "3.7.8"),
            ("image: untagged", "untagged", ""),
            ("FROM rust:1-slim AS build", "rust", "1-slim"),
            ("# syntax=docker/dockerfile:1", "docker/dockerfile", "1"),
            ("    - docker:29-dind", "docker", "29-dind"),
            ("needs `docker run postgres:17`", "postgres", "17"),
            ("- cargo install cargo-deny@1", "cargo-deny", "1"),
        ] {
            assert_eq!(one(line), pair(name, version), "{line}");
        }
    }

    #[test]
    fn addresses_and_mounts_are_not_versions() {
        for line in [
            "- ./tempo.yaml:/etc/tempo.yaml:ro",
            "DATABASE_URL: postgres://postgres@database/postgres",
            "ports: [\"127.0.0.1:9090:9090\"]",
            "see http://localhost:3000",
            "- --web.external-url=http://localhost:9090",
        ] {
            assert_eq!(one(line), None, "{line}");
        }
    }
}
