//! Checks that decisions name source files that exist.

use std::{collections::BTreeSet, fs, path::Path};

use super::{lengths::rust_files, path};

/// Files that decisions name, but that are of another project or were removed.
const ABSENT: [(&str, &str); 3] = [
    ("0008", "decimal.rs"),
    ("0008", "logs/decimal.rs"),
    ("0021", "src/collector.rs"),
];

/// Returns the paths of a page that look like those of source files.
///
/// `sqlx/{lexer,quotes}.rs` is two paths.
fn source_paths(page: &str) -> Vec<String> {
    let quoted = page.split('`').skip(1).step_by(2);
    let words = quoted.flat_map(str::split_whitespace);
    words
        .filter(|it| it.ends_with(".rs"))
        .flat_map(expanded)
        .collect()
}

/// Returns each path of `a/{b,c}.rs`.
fn expanded(word: &str) -> Vec<String> {
    let parts = word.split_once('{').and_then(|(before, rest)| {
        let (names, after) = rest.split_once('}')?;
        Some((before, names, after))
    });
    let Some((before, names, after)) = parts else {
        return vec![word.to_owned()];
    };
    let names = names.split(',');
    names.map(|it| format!("{before}{it}{after}")).collect()
}

#[test]
fn source_paths_of_decisions_exist() {
    let files: Vec<_> = ["telemetry-crate", "xtask", "template"]
        .into_iter()
        .flat_map(|folder| rust_files(path(folder)))
        .collect();
    let mut missing = BTreeSet::new();
    for page in fs::read_dir(path("docs/book/src/adr")).unwrap() {
        let page = page.unwrap().path();
        let name = page.file_name().unwrap().to_str().unwrap().to_owned();
        for found in source_paths(&fs::read_to_string(&page).unwrap()) {
            let is_absent = ABSENT
                .iter()
                .any(|(number, path)| name.starts_with(number) && *path == found);
            if !is_absent && !files.iter().any(|file| file.ends_with(Path::new(&found))) {
                missing.insert(format!("{name}: {found}"));
            }
        }
    }
    assert!(missing.is_empty(), "no such file: {missing:#?}");
}

#[test]
fn braces_in_paths_are_expanded() {
    let page = "see `sqlx/{lexer,text}.rs` and `grep -r x src/lib.rs`, not x.rs or `a.rs::b`";
    let expected = ["sqlx/lexer.rs", "sqlx/text.rs", "src/lib.rs"];
    assert_eq!(source_paths(page), expected);
}
