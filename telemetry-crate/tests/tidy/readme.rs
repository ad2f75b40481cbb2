//! The README is short, and its links lead somewhere.

use crate::{path, read};

/// Largest number of lines that a newcomer reads.
const MAX_LINES: usize = 150;

/// The targets of all Markdown links and images of a text.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    let after = text.split("](").skip(1);
    after.filter_map(|rest| Some(rest.split_once(')')?.0))
}

#[test]
fn readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= MAX_LINES, "{lines} lines");
}

#[test]
fn readme_shows_the_console_first() {
    let readme = read("README.md");
    let (introduction, _) = readme.split_once("\n## ").unwrap();
    let picture = targets(introduction).next().unwrap();
    assert_eq!(picture, "docs/book/src/images/console-now.png");
}

#[test]
fn readme_links_exist() {
    let readme = read("README.md");
    let files = targets(&readme).filter(|target| !target.starts_with("https://"));
    for target in files {
        let file = target.split('#').next().unwrap();
        assert!(path(file).exists(), "{target}");
    }
}

#[test]
fn readme_claims_link_to_tests() {
    let readme = read("README.md");
    let (_, section) = readme.split_once("\n## What you get\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let claims: Vec<_> = section
        .lines()
        .filter(|line| line.starts_with("| **"))
        .collect();
    assert!(claims.len() > 4, "{claims:?}");
    for claim in claims {
        let tests = claim.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        assert!(targets(tests).next().is_some(), "{claim}");
    }
}
