//! Checks the lengths of files, and that one name of a file means one thing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use super::{lengths::rust_files, path};

/// Maximum number of lines in a file, which is read in one sitting.
const MAX_LINES: usize = 400;

/// The source folders of the automation, which are read together.
const XTASK: [&str; 5] = [
    "xtask/bench",
    "xtask/src",
    "xtask/e2e/src",
    "xtask/observability/src",
    "xtask/support/src",
];

/// Names that several files of the automation have, with the reason.
const SHARED: &[(&str, &str)] = &[
    (
        "alert_tests",
        "the tests of a group of alerts, in its folder",
    ),
    ("alertmanager", "the program in `tools`, and its use"),
    ("conventions", "the packages in `tools`, and their use"),
    ("cron", "alerts and dashboard of one subject"),
    ("database", "alerts and dashboard of one subject"),
    ("lib", "the root of a crate"),
    ("main", "the root of a program"),
    ("objectives", "alerts and dashboard of one subject"),
    ("postgresql", "alerts and dashboard of one subject"),
    ("prometheus", "the program in `tools`, and its use"),
    ("runtime", "alerts and dashboard of one subject"),
    ("schemas", "the packages in `tools`, and their use"),
    ("slo", "alerts and dashboard of one subject"),
    ("telemetry", "alerts and dashboard of one subject"),
    ("worker", "alerts and dashboard of one subject"),
];

/// Modules of the library that have a file for each other module.
const OF_EACH: [&str; 4] = ["catalog", "config", "status", "testing"];

/// Names of modules that other modules have for their own part of it.
const OWN_PART: [&str; 7] = [
    "collector",
    "error",
    "export",
    "grpc",
    "gzip",
    "layer",
    "metrics",
];

/// Folders of tests, the folders of their files' modules, and their other files.
const MIRRORS: [(&str, &[&str], &[&str]); 3] = [
    ("isolated", &[""], &["harness", "main"]),
    (
        "process",
        &[""],
        &["losses", "main", "records", "serve", "wiring"],
    ),
    (
        "queries",
        &["db", "sqlx"],
        &[
            "explain",
            "main",
            "postgres",
            "service",
            "sqlite",
            "telemetry",
            "workers",
        ],
    ),
];

/// Returns the path of each file below a folder, without the extension, as words.
fn stems(folder: &str) -> Vec<Vec<String>> {
    let root = path(folder);
    let words = |file: PathBuf| {
        let file = file.strip_prefix(&root).unwrap().with_extension("");
        let words = file.iter().map(|it| it.to_str().unwrap().to_owned());
        words.collect()
    };
    rust_files(root.clone()).into_iter().map(words).collect()
}

#[test]
fn files_have_at_most_400_lines() {
    let mut too_long = Vec::new();
    for folder in ["telemetry-crate", "xtask", "template"] {
        for file in rust_files(path(folder)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            if lines > MAX_LINES {
                too_long.push(format!("{}: {lines} lines", file.display()));
            }
        }
    }
    assert!(too_long.is_empty(), "{}", too_long.join("\n"));
}

#[test]
fn file_names_of_xtask_are_of_one_thing() {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in XTASK {
        for words in stems(folder) {
            let file = format!("{folder}/{}.rs", words.join("/"));
            files
                .entry(words.last().unwrap().clone())
                .or_default()
                .push(file);
        }
    }
    files.retain(|_, files| files.len() > 1);
    let shared: BTreeSet<&str> = SHARED.iter().map(|(name, _)| *name).collect();
    for (name, files) in &files {
        assert!(
            shared.contains(name.as_str()),
            "the name {name} is of {}; rename one, or add a reason to SHARED",
            files.join(" and ")
        );
    }
    let stale: Vec<_> = shared
        .iter()
        .filter(|name| !files.contains_key(**name))
        .collect();
    assert!(
        stale.is_empty(),
        "only one file has each of {stale:?} of SHARED"
    );
}

#[test]
fn no_file_is_named_as_another_module() {
    let files = stems("telemetry-crate/src");
    let modules: Vec<&String> = files
        .iter()
        .filter(|it| it.len() == 1)
        .map(|it| &it[0])
        .collect();
    let is_named_as_another = |words: &&Vec<String>| {
        let [module, .., name] = words.as_slice() else {
            return false;
        };
        modules.contains(&name)
            && !words.contains(&"tests".to_owned())
            && !OF_EACH.contains(&module.as_str())
            && !OWN_PART.contains(&name.as_str())
    };
    let found: Vec<_> = files.iter().filter(is_named_as_another).collect();
    assert!(
        found.is_empty(),
        "named as another module of the library: {found:?}"
    );
}

#[test]
fn test_files_are_named_after_modules() {
    for (tests, folders, others) in MIRRORS {
        for words in stems(&format!("telemetry-crate/tests/{tests}")) {
            let name = words[0].as_str();
            let is_in =
                |folder: &&str| path(&format!("telemetry-crate/src/{folder}/{name}.rs")).is_file();
            assert!(
                folders.iter().any(is_in) != others.contains(&name),
                "tests/{tests}/{name}.rs: name it after a module of {folders:?}, or add it to MIRRORS"
            );
        }
    }
}
