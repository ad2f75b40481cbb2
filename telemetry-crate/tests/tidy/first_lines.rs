//! Checks that the first line of each doc comment is a short paragraph.

use std::fs;

use super::{lengths::rust_files, path};

/// Number of characters that a first line must not reach.
///
/// The first line must be a short paragraph, because tools that list items show only the first paragraph.
const FIRST_LINE_LIMIT: usize = 80;

/// Returns the number of the first line of each doc comment, and its lines.
///
/// Lines of Liquid, as in the files of the template, are skipped.
fn doc_comments(source: &str) -> Vec<(usize, Vec<&str>)> {
    let mut comments = Vec::new();
    let mut before = "";
    for (number, line) in source.lines().enumerate() {
        let line = line.trim_start();
        if line.starts_with("{%") {
            continue;
        }
        let marker = marker(line);
        if marker.is_some() && marker == self::marker(before) {
            let (_, lines): &mut (usize, Vec<&str>) = comments.last_mut().unwrap();
            lines.push(line[3..].trim());
        } else if marker.is_some() {
            comments.push((number + 1, vec![line[3..].trim()]));
        }
        before = line;
    }
    comments
}

/// Returns `//!` or `///` if the line belongs to a doc comment.
fn marker(line: &str) -> Option<&str> {
    let marker = line
        .get(..3)
        .filter(|marker| ["//!", "///"].contains(marker));
    marker.filter(|_| !line.starts_with("////"))
}

/// Returns the fault of a doc comment's first line.
fn fault(lines: &[&str]) -> Option<&'static str> {
    match lines {
        // The comment is in an `else` of Liquid, and continues the comment that begins before the `if`.
        ["", ..] => None,
        [first, ..] if first.chars().count() >= FIRST_LINE_LIMIT => Some("80 characters or more"),
        [_, second, ..] if !second.is_empty() => Some("no blank line after it"),
        _ => None,
    }
}

#[test]
fn first_lines_are_short_and_apart() {
    let mut faults = Vec::new();
    for folder in ["telemetry-crate", "xtask", "template"] {
        for file in rust_files(path(folder)) {
            let source = fs::read_to_string(&file).unwrap();
            for (number, lines) in doc_comments(&source) {
                if let Some(fault) = fault(&lines) {
                    faults.push(format!("{}:{number}: {fault}", file.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A line with another marker starts a new comment.
#[test]
fn doc_comments_end_with_another_marker() {
    let source = "//! Of the module.\n/// Of an item.\n///\n/// More.\nfn item() {}\n// A reason.";
    let comments = doc_comments(source);
    let expected = [
        (1, vec!["Of the module."]),
        (2, vec!["Of an item.", "", "More."]),
    ];
    assert_eq!(comments, expected);
    assert_eq!(fault(&["One.", "Two."]), Some("no blank line after it"));
}
