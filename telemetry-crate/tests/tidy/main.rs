//! Checks that facts in several places of the repository agree.
//!
//! `UPDATE=1 cargo test -p firstlight --test tidy` regenerates the generated parts.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod benchmarks;
mod cfg;
mod console;
mod conventions;
mod decisions;
mod files;
mod first_lines;
mod imports;
mod layers;
mod lengths;
mod module_tree;
mod names;
mod own;
mod readme;
mod recipes;
mod suite_names;
mod words;

use std::{
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use firstlight::{
    config::{VARIABLES, Variable},
    metrics::catalog,
};

/// Returns the path of a file or folder of the repository.
fn path(relative: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(relative)
}

fn read(relative: &str) -> String {
    fs::read_to_string(path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// Checks, or with `UPDATE` writes, a generated part of a file.
///
/// The part is between `<!-- name: ... -->` and `<!-- end -->`.
fn generated(file: &str, name: &str, expected: &str) {
    // Only one test writes at a time, because two tests may write the same file.
    static WRITING: Mutex<()> = Mutex::new(());
    let _locked = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let text = read(file);
    let marker = format!("<!-- {name}: ");
    let start = text
        .find(&marker)
        .unwrap_or_else(|| panic!("{file} has no {marker}"));
    let start = start + text[start..].find("-->\n").unwrap() + "-->\n".len();
    let end = start + text[start..].find("<!-- end -->").unwrap();
    if text[start..end] == *expected {
        return;
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(
            path(file),
            format!("{}{expected}{}", &text[..start], &text[end..]),
        )
        .unwrap();
    } else {
        panic!(
            "{file}: the part {name} is out of date; run UPDATE=1 cargo test -p firstlight --test tidy"
        );
    }
}

#[test]
fn variable_tables_match_the_code() {
    let table = |variables: &[&Variable]| {
        let mut table = "| variable | default | effect |\n| --- | --- | --- |\n".to_owned();
        for variable in variables {
            table += &format!(
                "| `{}` | {} | {} |\n",
                variable.name, variable.default, variable.effect
            );
        }
        table
    };
    let all: Vec<&Variable> = VARIABLES.iter().collect();
    generated("docs/book/src/configuration.md", "variables", &table(&all));
}

/// The page that users read has each version that the code supports.
#[test]
fn supported_versions_are_on_their_page() {
    let page = read("docs/book/src/supported.md");
    let code = read("telemetry-crate/src/status/integrations.rs");
    let (table, _) = code.split_once("#[cfg(test)]").unwrap();
    let mut name = "";
    let mut found = 0;
    for line in table.lines() {
        if let Some(rest) = line.trim().strip_prefix("name: \"") {
            name = rest.trim_end_matches("\",");
        }
        for call in line.split("supported!(").skip(1) {
            let arguments: Vec<_> = call.split('"').collect();
            let (version, feature) = (arguments[1], arguments[3]);
            // Programs depend on sqlx or apalis, and these on the crate that is looked for.
            let name = name.strip_suffix("-core").unwrap_or(name);
            let is_row = |line: &str| {
                line.starts_with(&format!("| `{name}` | {version}"))
                    && line.contains(&format!("| `{feature}` |"))
            };
            assert!(page.lines().any(is_row), "no row of {name} {version}");
            found += 1;
        }
    }
    assert_eq!(found, 8);
}

#[test]
fn catalog_lists_every_metric() {
    let mut found = 0;
    for entry in fs::read_dir(path("telemetry-crate/src/catalog")).unwrap() {
        let file = entry.unwrap().path();
        let text = fs::read_to_string(&file).unwrap();
        for metric in text.split(": Metric = Metric {").skip(1) {
            let name = metric.split('"').nth(1).unwrap();
            assert!(
                catalog::ALL.iter().any(|listed| listed.name == name),
                "{name} of {} is not in ALL of telemetry-crate/src/catalog.rs",
                file.display()
            );
            found += 1;
        }
    }
    assert_eq!(found, catalog::ALL.len(), "the files of the catalog");
}

#[test]
fn features_are_documented() {
    let manifest = read("telemetry-crate/Cargo.toml");
    let (_, features) = manifest.split_once("\n[features]\n").unwrap();
    let features = features.split("\n[").next().unwrap();
    let root = read("telemetry-crate/src/lib.rs");
    for line in features.lines().filter(|line| !line.starts_with('#')) {
        let Some((feature, _)) = line.split_once(" = ") else {
            continue;
        };
        assert!(
            feature == "default" || root.contains(&format!("//! | `{feature}` | ")),
            "telemetry-crate/src/lib.rs has no row of the feature {feature}"
        );
    }
}

/// Two providers let rustls panic.
///
/// They would be `ring` of this crate and `aws-lc-rs`, the default of the program's rustls.
#[test]
fn default_features_have_no_rustls() {
    let mut tree = std::process::Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "--edges", "normal", "--prefix", "none"]);
    let output = tree.output().unwrap();
    let crates = String::from_utf8_lossy(&output.stdout);
    assert!(crates.contains("tracing-subscriber v"), "{output:?}");
    assert!(!crates.contains("rustls"), "{crates}");
}

#[test]
fn metrics_table_matches_the_catalog() {
    let mut table =
        "| metric | kind | unit | labels | help |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for metric in catalog::ALL {
        let labels: Vec<String> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let kind = format!("{:?}", metric.kind).to_lowercase();
        table += &format!(
            "| `{}` | {kind} | `{}` | {} | {} |\n",
            metric.name,
            metric.unit,
            labels.join(" "),
            metric.help
        );
    }
    generated("docs/book/src/metrics.md", "metrics", &table);
}

/// Returns the code of an example without its module docs.
fn example(name: &str) -> String {
    let example = read(&format!("telemetry-crate/examples/{name}.rs"));
    let code = example
        .lines()
        .skip_while(|line| line.starts_with("//!") || line.is_empty());
    code.map(|line| format!("{line}\n")).collect()
}

#[test]
fn quickstart_is_the_example() {
    let code = example("quickstart");
    generated(
        "README.md",
        "quickstart",
        &format!("```rust,no_run\n{code}```\n"),
    );
}

#[test]
fn existing_service_pages_show_examples() {
    for entry in fs::read_dir(path("docs/book/src/existing")).unwrap() {
        let page = entry.unwrap().file_name().into_string().unwrap();
        let name = page.trim_end_matches(".md").replace('-', "_");
        let code = example(&name);
        let page = format!("docs/book/src/existing/{page}");
        // The code of the book is not compiled, so it is copied from the examples, which are compiled.
        generated(&page, "example", &format!("```rust,ignore\n{code}```\n"));
    }
}

#[test]
fn pages_are_in_the_summary() {
    let summary = read("docs/book/src/SUMMARY.md");
    let mut folders = vec![path("docs/book/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap().path();
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            // Other files are images.
            if entry.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let page = entry
                .strip_prefix(path("docs/book/src"))
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/");
            assert!(
                page == "SUMMARY.md" || summary.contains(&format!("({page})")),
                "{page} is not in SUMMARY.md"
            );
        }
    }
}

#[test]
fn summary_names_existing_pages() {
    let summary = read("docs/book/src/SUMMARY.md");
    for link in summary
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
    {
        let page = format!("docs/book/src/{}", link.0);
        assert!(path(&page).is_file(), "SUMMARY.md names {page}");
    }
}

#[test]
fn changelog_has_this_version() {
    let changelog = read("CHANGELOG.md");
    let heading = format!("\n## {} ", env!("CARGO_PKG_VERSION"));
    assert!(
        changelog.contains(&heading),
        "CHANGELOG.md has no entry {heading:?}"
    );
}

#[test]
fn only_one_file_reads_the_environment() {
    let mut folders = vec![path("telemetry-crate/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap().path();
            if entry.is_dir() {
                folders.push(entry);
            } else if fs::read_to_string(&entry).unwrap().contains("env::var") {
                assert!(
                    entry.ends_with("config/process.rs"),
                    "{} reads the environment",
                    entry.display()
                );
            }
        }
    }
}

#[test]
fn user_agent_names_the_locked_exporter() {
    let lock = read("Cargo.lock");
    let package = "name = \"opentelemetry-otlp\"\nversion = \"";
    let (_, version) = lock.split_once(package).unwrap();
    let minor = version.match_indices('.').nth(1).unwrap().0;
    let agent = format!(" OTel-OTLP-Exporter-Rust/{}\"", &version[..minor]);
    assert!(
        read("telemetry-crate/src/export/client.rs").contains(&agent),
        "expected {agent} in src/export/client.rs, the version in Cargo.lock"
    );
}
