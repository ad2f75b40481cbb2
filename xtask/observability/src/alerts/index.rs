//! The index of the runbooks: all alerts by severity, with their summaries.

use std::{collections::BTreeSet, fs};

use anyhow::{Context as _, bail, ensure};
use support::paths;

use super::{
    Alert,
    alert::Severity::{self, Critical, Info, Warning},
    alerts, names,
};

/// The file that contains the index, between two comments.
const FILE: &str = "docs/runbooks/README.md";
const BEGIN: &str = "<!-- Written by `cargo xtask alerts`, from here -->\n";
const END: &str = "<!-- to here. -->\n";

const HEADINGS: [(Severity, &str); 3] = [
    (Critical, "Pages: at any hour"),
    (Warning, "Tickets: this week"),
    (Info, "Neither a page nor a ticket"),
];

/// Replaces the text between the comments.
pub(super) fn write() -> anyhow::Result<()> {
    let (found, expected) = found_and_expected()?;
    if found != expected {
        fs::write(paths::root().join(FILE), expected)?;
    }
    Ok(())
}

/// Fails if the committed index is out of date.
pub(super) fn compare() -> anyhow::Result<()> {
    let (found, expected) = found_and_expected()?;
    ensure!(found == expected, "{FILE} is stale; run cargo xtask alerts");
    Ok(())
}

/// The committed file, and the expected one.
fn found_and_expected() -> anyhow::Result<(String, String)> {
    let found = fs::read_to_string(paths::root().join(FILE)).context(FILE)?;
    let parts = found.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else {
        bail!("{FILE} does not have the lines {BEGIN:?} and {END:?}");
    };
    let expected = format!("{before}{BEGIN}{}{END}{after}", text());
    Ok((found, expected))
}

/// The index, with one table for each severity.
///
/// An alert that is both a page and a ticket is listed among the pages.
fn text() -> String {
    let alerts = alerts();
    let mut text = String::new();
    for (severity, heading) in HEADINGS {
        text += &format!("\n## {heading}\n\n| alert | summary |\n| --- | --- |\n");
        for name in names() {
            let same: Vec<_> = alerts.iter().filter(|alert| alert.name == name).collect();
            let highest = [Critical, Warning, Info]
                .into_iter()
                .find(|severity| same.iter().any(|alert| alert.severity == *severity));
            if highest == Some(severity) {
                text += &row(name, severity, &same);
            }
        }
    }
    text + "\n"
}

/// A row of the table, with the summaries of all alerts of the name.
fn row(name: &str, severity: Severity, same: &[&Alert]) -> String {
    let mut seen = BTreeSet::new();
    let summaries = same.iter().map(|alert| alert.summary);
    let summaries: Vec<_> = summaries.filter(|summary| seen.insert(*summary)).collect();
    let also = if same.iter().any(|alert| alert.severity != severity) {
        " Without a declared objective it is a ticket."
    } else {
        ""
    };
    format!("| [{name}]({name}.md) | {}{also} |\n", summaries.join(" "))
}
