//! A strict parser of the text format.
//!
//! It rejects what the exposition must not contain, such as a series that occurs twice. The parser of the end-to-end tests is
//! in another package, which cannot import a module of tests, and reads exemplars.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a failed check panics")]

use std::collections::{BTreeMap, BTreeSet};

pub(in crate::metrics) type Labels = BTreeMap<String, String>;

/// Parses one sample line into its name, its labels, and the rest of the line.
fn parse(line: &str) -> (String, Labels, String) {
    let name_end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(name_end);
    let mut labels = Labels::new();
    if let Some(mut body) = rest.strip_prefix('{') {
        loop {
            let (label, after) = body.split_once("=\"").unwrap();
            let mut value = String::new();
            let mut chars = after.char_indices();
            let end = loop {
                match chars.next().unwrap() {
                    (end, '"') => break end,
                    (_, '\\') => match chars.next().unwrap().1 {
                        'n' => value.push('\n'),
                        c @ ('\\' | '"') => value.push(c),
                        other => panic!("escape of {other:?} in {line}"),
                    },
                    (_, c) => value.push(c),
                }
            };
            let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
            assert!(label.chars().all(valid) && !label.starts_with(|c: char| c.is_ascii_digit()));
            assert_eq!(
                labels.insert(label.to_owned(), value),
                None,
                "label twice: {line}"
            );
            rest = &after[end + 1..];
            match rest.strip_prefix(',') {
                Some(next) => body = next,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').unwrap();
    }
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    assert!(
        name.chars().all(valid) && !name.starts_with(|c: char| c.is_ascii_digit()),
        "{line}"
    );
    (
        name.to_owned(),
        labels,
        rest.strip_prefix(' ').unwrap().to_owned(),
    )
}

/// All samples of an exposition.
///
/// Asserts that no series and no `# TYPE` occurs twice, and that every value is a number.
pub(in crate::metrics) fn samples(exposition: &str) -> Vec<(String, Labels, String)> {
    let comments: Vec<_> = exposition
        .split('\n')
        .filter(|line| line.starts_with("# "))
        .collect();
    assert_eq!(
        comments.iter().collect::<BTreeSet<_>>().len(),
        comments.len(),
        "{exposition}"
    );
    assert!(!exposition.contains("\n\n") && exposition.ends_with('\n'));
    let lines = exposition
        .strip_suffix('\n')
        .unwrap()
        .split('\n')
        .filter(|line| !line.starts_with('#'));
    let samples: Vec<_> = lines.map(parse).collect();
    let series: BTreeSet<_> = samples
        .iter()
        .map(|(name, labels, _)| (name, labels))
        .collect();
    assert_eq!(
        series.len(),
        samples.len(),
        "a series occurs twice:\n{exposition}"
    );
    for (_, _, value) in &samples {
        assert!(
            value.split(" # ").next().unwrap().parse::<f64>().is_ok(),
            "{value}"
        );
    }
    samples
}
