//! Checks the words of all texts: code, documents, manifests and configuration.
//!
//! Each text names the actor, uses one word for one thing, and is spelled in American English. This file is not checked,
//! because it contains the words.

use std::{fs, path::PathBuf};

use super::path;

const FOLDERS: [&str; 7] = [
    ".cargo",
    ".ci",
    ".github",
    "docs",
    "telemetry-crate",
    "template",
    "xtask",
];
const FILES: [&str; 4] = [".deny.toml", "CHANGELOG.md", "Cargo.toml", "README.md"];
/// Extensions of texts; a file without an extension is a text, too.
const EXTENSIONS: [&str; 11] = [
    "example", "liquid", "md", "py", "rhai", "rs", "sh", "sql", "toml", "yaml", "yml",
];
const THIS_FILE: &str = "tests/tidy/words.rs";

/// Words that do not name an actor, such as the caller or the scraper.
const NO_ACTORS: [&str; 9] = [
    "anybody",
    "anyone",
    "everybody",
    "everyone",
    "nobody",
    "somebody",
    "someone",
    "we",
    "whoever",
];

/// Words and phrases, and what is written instead.
///
/// A phrase is also found in the parts of a name, such as `given_up`.
const INSTEAD: &[(&str, &str)] = &[
    ("blip", "transient"),
    ("blips", "transients"),
    ("cardinality budget", "cardinality limit"),
    ("culprit", "offending label"),
    ("drill", "alert test"),
    ("drills", "alert tests"),
    ("given up", "dead-lettered, of a job"),
    ("handover", "the name of what is handed over"),
    ("here and now", "current"),
    ("in its own trace", "in a new, linked trace"),
    ("known ids", "explicit span ids"),
    ("manieth", "attempt number"),
    ("metrics page", "exposition"),
    ("observe runtime", "instrument_runtime"),
    ("page of metrics", "exposition"),
    ("patience", "timeout"),
    ("pillar", "signal"),
    ("pillars", "signals"),
    ("proof", "end-to-end test"),
    ("prove", "verify"),
    ("proven", "verified"),
    ("proves", "verifies"),
    ("rest series", "overflow series"),
    ("see the module", "the fact itself"),
    ("stranger", "client"),
    ("strangers", "clients"),
    ("toucher", "what registers the globals"),
    ("what it leaves out", "the fact itself"),
    // American spelling. `cancelled` is a value of `error_type` and a method of tokio-util, so it is not in the list.
    ("afterwards", "afterward"),
    ("amongst", "among"),
    ("analyse", "analyze"),
    ("analysed", "analyzed"),
    ("artefact", "artifact"),
    ("artefacts", "artifacts"),
    ("cancelling", "canceling"),
    ("catalogue", "catalog"),
    ("catalogues", "catalogs"),
    ("centre", "center"),
    ("defence", "defense"),
    ("fulfil", "fulfill"),
    ("grey", "gray"),
    ("labelled", "labeled"),
    ("labelling", "labeling"),
    ("licence", "license"),
    ("licences", "licenses"),
    ("modelled", "modeled"),
    ("signalled", "signaled"),
    ("signalling", "signaling"),
    ("towards", "toward"),
    ("travelled", "traveled"),
    ("whilst", "while"),
];

/// British beginnings of words.
const OUR: [&str; 7] = [
    "behaviour",
    "colour",
    "favour",
    "flavour",
    "honour",
    "labour",
    "neighbour",
];

/// Beginnings of verbs that end in `ize`.
const VERBS: [&str; 30] = [
    "author", "capital", "categor", "central", "custom", "deserial", "emphas", "final", "general",
    "initial", "local", "maxim", "minim", "modern", "neutral", "normal", "optim", "organ",
    "parallel", "penal", "priorit", "random", "real", "recogn", "serial", "special", "standard",
    "summar", "synchron", "util",
];
const ISE: [&str; 6] = ["ise", "ised", "iser", "ises", "ising", "isation"];

/// Phrases that are right in a file, with the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "pillars",
        "README.md",
        "the three pillars are introduced there",
    ),
    ("here and now", "CHANGELOG.md", "an old name"),
    ("in its own trace", "CHANGELOG.md", "an old name"),
    ("observe runtime", "CHANGELOG.md", "an old name"),
];

/// Returns whether the word is spelled in British English.
fn is_british(word: &str) -> bool {
    let is_ise = |verb: &str| {
        let end = word.strip_prefix(verb);
        end.is_some_and(|end| ISE.contains(&end))
    };
    (word.contains("our") && OUR.iter().any(|our| word.starts_with(our)))
        || (word.contains("is") && VERBS.iter().any(|verb| is_ise(verb)))
}

/// Finds the faults of a text, each with its line.
fn faults(text: &str) -> Vec<(usize, String)> {
    let mut words = Vec::new();
    for (line, text) in text.lines().enumerate() {
        let parts = text.split(|it: char| !it.is_alphanumeric());
        let parts = parts.filter(|it| !it.is_empty());
        words.extend(parts.map(|word| (line + 1, word.to_lowercase())));
    }
    let mut found = Vec::new();
    for (at, (line, word)) in words.iter().enumerate() {
        if NO_ACTORS.contains(&word.as_str()) {
            found.push((*line, format!("{word:?}: name the actor")));
        }
        if is_british(word) {
            found.push((*line, format!("{word:?}: spell it as in American English")));
        }
        for (phrase, instead) in INSTEAD.iter().filter(|it| it.0.starts_with(word)) {
            let mut rest = words[at..].iter().map(|(_, word)| word);
            let mut parts = phrase.split(' ');
            if parts.all(|part| rest.next().is_some_and(|word| word == part)) {
                found.push((*line, format!("{phrase:?}: write {instead}")));
            }
        }
    }
    found
}

/// Finds the files that contain texts.
fn texts() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = FILES.iter().map(|file| path(file)).collect();
    let mut folders: Vec<PathBuf> = FOLDERS.iter().map(|folder| path(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap().path();
            let extension = entry.extension().and_then(|it| it.to_str());
            if entry.is_dir() && !entry.ends_with("target") {
                folders.push(entry);
            } else if entry.is_file() && extension.is_none_or(|it| EXTENSIONS.contains(&it)) {
                found.push(entry);
            }
        }
    }
    found.retain(|file| !file.ends_with(THIS_FILE));
    found
}

#[test]
fn texts_use_the_words_of_the_style() {
    let mut found = Vec::new();
    for file in texts() {
        let text = fs::read_to_string(&file).unwrap();
        for (line, fault) in faults(&text) {
            let is_exception = EXCEPTIONS.iter().any(|(phrase, right, _)| {
                file.ends_with(right) && fault.starts_with(&format!("{phrase:?}"))
            });
            if !is_exception {
                found.push(format!("{}:{line}: {fault}", file.display()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn manifests_and_dotfiles_are_texts() {
    let texts = texts();
    for file in [
        ".cargo/config.toml",
        ".ci/run",
        ".deny.toml",
        ".github/CONTRIBUTING.md",
        "Cargo.toml",
        "docs/dashboards/postgres_exporter.yaml",
        "telemetry-crate/Cargo.toml",
        "template/Cargo.toml.liquid",
        "xtask/Cargo.toml",
        "xtask/bench/variants/bare/Cargo.toml",
    ] {
        assert!(texts.contains(&path(file)), "{file}");
    }
}

#[test]
fn banned_words_and_spellings_are_found() {
    for text in [
        "Excludes hardly Anybody.",
        "See the\n/// module.",
        "let given_up = 1;",
        "its behaviours",
        "serialised",
        "organisation",
    ] {
        assert!(!faults(text).is_empty(), "{text}");
    }
    for text in ["error_type=\"cancelled\"", "realistic", "minimal", "a size"] {
        assert_eq!(faults(text), [], "{text}");
    }
}
