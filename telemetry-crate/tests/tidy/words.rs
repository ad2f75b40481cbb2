//! Checks that texts name the actor.
//!
//! The actor is the caller, the client, the operator, the scraper or the other process, for example.

use std::{fs, path::PathBuf};

use super::path;

const FOLDERS: [&str; 4] = ["telemetry-crate", "xtask", "template", "docs"];
const FILES: [&str; 2] = ["README.md", "CHANGELOG.md"];
const EXTENSIONS: [&str; 6] = ["rs", "md", "liquid", "yml", "yaml", "toml"];

/// Returns the words that do not name an actor.
///
/// They are assembled, so that this file does not contain them.
fn vague() -> Vec<String> {
    let mut words = ["some", "no", "any", "every"]
        .map(|it| format!("{it}body"))
        .to_vec();
    words.push(format!("who{}", "ever"));
    words
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
            } else if extension.is_some_and(|it| EXTENSIONS.contains(&it)) {
                found.push(entry);
            }
        }
    }
    found
}

#[test]
fn sentences_name_who_acts() {
    let vague = vague();
    let mut found = Vec::new();
    for file in texts() {
        let text = fs::read_to_string(&file).unwrap();
        for (line, words) in text.lines().enumerate() {
            let mut words = words.split(|it: char| !it.is_alphanumeric());
            if let Some(word) = words.find(|word| vague.contains(&word.to_lowercase())) {
                found.push(format!("{}:{}: {word}", file.display(), line + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
