//! Tests that panels and rules name existing metrics, and that rules are loaded.
//!
//! A panel on any other metric is empty, and an alert on it never fires. In a file that nothing loads, no alert fires
//! either, and a declared objective has no effect.

use std::{
    fs,
    path::{Path, PathBuf},
};

use firstlight::testing::{POSTGRES_EXPORTER, unknown_metrics};

use {{crate_name}}::metrics;

/// The folders with dashboards and rules.
{%- if deploy == "compose" %}
const FOLDERS: [&str; 2] = ["observability", "deploy/compose/platform"];

/// The list of the files of rules that Prometheus loads.
const LOADER: &str = "deploy/compose/prometheus.yml";

/// The folders with rules, and how the list names them.
const RULES: [(&str, &str); 2] = [
    ("observability", "service/"),
    ("deploy/compose/platform/alerts", "platform/"),
];
{%- else %}
const FOLDERS: [&str; 1] = ["observability"];

/// The list of the files of rules that are applied.
const LOADER: &str = "observability/kustomization.yaml";

/// The folders with rules, and how the list names them.
const RULES: [(&str, &str); 1] = [("observability", "")];
{%- endif %}

/// Further series: of other programs, and of rules outside of the folders.
///
/// A label that your Prometheus adds to all series is listed as `{datacenter}`.
const OTHERS: &[&str] = &[];

#[test]
fn panels_and_rules_name_existing_metrics() {
    let others = [OTHERS, POSTGRES_EXPORTER].concat();
    let unknown = unknown_metrics(&FOLDERS, metrics::ALL, &others).unwrap();
    let unknown: Vec<String> = unknown.iter().map(ToString::to_string).collect();
    assert!(unknown.is_empty(), "\n{}", unknown.join("\n"));
}

#[test]
fn files_of_rules_are_loaded() {
    let list = fs::read_to_string(LOADER).unwrap();
    for (folder, listed) in RULES {
        for file in files_below(Path::new(folder)) {
            let name = file.strip_prefix(folder).unwrap().to_str().unwrap();
            let entry = format!("{listed}{name}");
            assert!(
                is_listed(&list, &entry) || !has_rules(&file),
                "{}: these rules have no effect, because {LOADER} does not list {entry}",
                file.display()
            );
        }
    }
}

{%- if deploy == "kubernetes" %}

/// The sidecar of Grafana's chart never sees any other file.
#[test]
fn dashboards_are_applied() {
    let list = fs::read_to_string(LOADER).unwrap();
    let entries: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    for file in files_below(Path::new("observability/dashboards")) {
        let name = file.strip_prefix("observability").unwrap();
        let name = name.to_str().unwrap();
        let is_listed = entries.iter().any(|line| line.contains(name));
        assert!(
            is_listed || file.extension().is_none_or(|extension| extension != "json"),
            "{}: this dashboard is not applied; uncomment or add its lines in {LOADER}",
            file.display()
        );
    }
}
{%- endif %}

/// Whether a list names a file, also by a pattern such as `service/*.yaml`.
fn is_listed(list: &str, file: &str) -> bool {
    let lines = list.lines().filter(|line| !line.trim().starts_with('#'));
    let mut words = lines.flat_map(|line| line.split([' ', ',', '[', ']', '"', '\'']));
    words.any(|word| match word.split_once('*') {
        Some((start, end)) => {
            let rest = file.strip_prefix(start);
            let any = rest.and_then(|rest| rest.strip_suffix(end));
            any.is_some_and(|any| !any.contains('/'))
        }
        None => word == file,
    })
}

#[test]
fn lists_have_names_and_patterns() {
    let list = "# - a/old.yaml\n- \"a/b.yml\"\n- a/*.yaml\n- [c.yaml, 'd.yaml']\n";
    for (file, expected) in [
        ("a/b.yml", true),
        ("a/rules.yaml", true),
        ("c.yaml", true),
        ("d.yaml", true),
        ("a/sub/rules.yaml", false),
        ("a/other.yml", false),
        ("b.yml", false),
    ] {
        assert_eq!(is_listed(list, file), expected, "{file}");
    }
}

/// Whether a file has rules that are not commented out.
fn has_rules(file: &Path) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default(); // empty if it is no text
    let lines = text.lines();
    let mut lines = lines.map(|line| line.trim_start_matches([' ', '-', '{']));
    lines.any(|line| line.starts_with("alert:") || line.starts_with("record:"))
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("{}: {error}; does a constant name it?", folder.display()));
    for entry in entries.unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}
