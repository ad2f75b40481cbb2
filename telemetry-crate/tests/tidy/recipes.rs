//! Checks that the paths and commands in the pages for contributors exist.

use std::{collections::BTreeSet, fs, path::PathBuf};

use super::{path, read};

const RECIPES: &str = "docs/book/src/contributing/recipes.md";
const PAGES: [&str; 4] = [
    ".github/CONTRIBUTING.md",
    "docs/book/src/contributing/architecture.md",
    "docs/book/src/contributing/map.md",
    RECIPES,
];

/// Extensions by which a name without a folder is a file.
const EXTENSIONS: [&str; 6] = [".liquid", ".md", ".rhai", ".rs", ".toml", ".yml"];

/// Finds the paths of all files and folders; a folder ends with `/`.
fn tree() -> Vec<String> {
    let root = path("").canonicalize().unwrap();
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap().path();
            let name = entry.strip_prefix(&root).unwrap().display().to_string();
            if entry.ends_with("target") {
                // Only the folder itself is written about.
                found.push(format!("{name}/"));
            } else if entry.is_dir() && !entry.ends_with(".git") {
                found.push(format!("{name}/"));
                folders.push(entry);
            } else {
                found.push(name);
            }
        }
    }
    found
}

/// Returns whether a path of the tree ends with the written one.
///
/// `<name>` is any text in the name of a file or folder.
fn exists(tree: &[String], written: &str) -> bool {
    let folder = format!("{}/", written.trim_end_matches('/'));
    tree.iter().any(|path| {
        let is_end = |written: &str| {
            let wanted: Vec<&str> = written.split('/').collect();
            let parts: Vec<&str> = path.split('/').collect();
            let Some(start) = parts.len().checked_sub(wanted.len()) else {
                return false;
            };
            parts[start..]
                .iter()
                .zip(&wanted)
                .all(|(name, wanted)| is_name(name, wanted))
        };
        is_end(&folder) || (!written.ends_with('/') && is_end(written))
    })
}

/// Returns whether the name is the wanted one; `<name>` or `*` is any text.
fn is_name(name: &str, wanted: &str) -> bool {
    let Some((before, rest)) = wanted.split_once(['<', '*']) else {
        return name == wanted;
    };
    let after = rest.split_once('>').map_or(rest, |(_, after)| after);
    name.len() > before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
}

/// Returns the spans of code outside the blocks of code.
fn code_spans(page: &str) -> Vec<&str> {
    let outside = page.split("```").step_by(2);
    outside
        .flat_map(|text| text.split('`').skip(1).step_by(2))
        .collect()
}

fn is_path(code: &str) -> bool {
    let is_sign = |it: char| it.is_ascii_alphanumeric() || "/._-<>*".contains(it);
    let is_file = EXTENSIONS
        .iter()
        .any(|extension| code.ends_with(extension) && code.len() > extension.len());
    code.chars().all(is_sign) && !code.starts_with('/') && (code.contains('/') || is_file)
}

#[test]
fn paths_of_recipes_exist() {
    let tree = tree();
    let mut count = 0;
    let mut missing = Vec::new();
    for file in PAGES {
        let page = read(file);
        for code in code_spans(&page).into_iter().filter(|code| is_path(code)) {
            count += 1;
            if !exists(&tree, code) {
                missing.push(format!("{file}: {code}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(count > 60, "found only {count} paths");
}

/// Returns the names of the subcommands of `cargo xtask`.
fn subcommands() -> BTreeSet<String> {
    let main = read("xtask/src/main.rs");
    let start = main.find("enum Task {").unwrap();
    let variants = main[start..].lines().skip(1);
    variants
        .take_while(|line| *line != "}")
        .filter_map(|line| line.trim().split_once('('))
        .filter(|(name, _)| name.chars().all(char::is_alphanumeric))
        .map(|(name, _)| kebab(name))
        .collect()
}

fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(letter.to_lowercase());
    }
    kebab
}

/// Returns what is wrong with a command.
fn fault(command: &str, subcommands: &BTreeSet<String>, tree: &[String]) -> Option<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let after = |option: &str| {
        let at = words.iter().position(|word| *word == option)?;
        words.get(at + 1).copied()
    };
    if let Some(name) = after("xtask")
        && name != "--help"
        && !subcommands.contains(name)
    {
        return Some(format!("no subcommand {name}"));
    }
    if let Some(suite) = after("--only")
        && !read("xtask/src/test.rs").contains(&format!("\"{suite}\""))
    {
        return Some(format!("no suite {suite}"));
    }
    if let Some(package) = after("-p") {
        let folder = match package {
            "firstlight" => "telemetry-crate".to_owned(),
            other => format!("xtask/{other}"),
        };
        if !exists(tree, &format!("{folder}/Cargo.toml")) {
            return Some(format!("no package {package}"));
        }
    }
    let test = after("--test")?;
    let test = format!("telemetry-crate/tests/{test}");
    let is_found = exists(tree, &format!("{test}.rs")) || exists(tree, &format!("{test}/main.rs"));
    (!is_found).then(|| format!("no {test}"))
}

#[test]
fn commands_of_recipes_exist() {
    let (tree, subcommands) = (tree(), subcommands());
    let mut count = 0;
    let mut faults = Vec::new();
    for file in PAGES {
        let page = read(file);
        let in_blocks = page.split("```").skip(1).step_by(2).flat_map(str::lines);
        let in_blocks = in_blocks.map(|line| line.split('#').next().unwrap_or(line));
        let commands = in_blocks.chain(code_spans(&page));
        for command in commands.filter(|command| command.contains("cargo ")) {
            count += 1;
            let fault = fault(command, &subcommands, &tree);
            faults.extend(fault.map(|fault| format!("{file}: {command}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 30, "found only {count} commands");
}

#[test]
fn missing_paths_and_commands_are_found() {
    let tree = ["a/", "a/alert.rs", "a/folder/"].map(str::to_owned);
    for written in ["a/alert.rs", "alert.rs", "a/<name>.rs", "folder/", "folder"] {
        assert!(exists(&tree, written), "{written}");
    }
    for written in ["a/other.rs", "alert.rs/", "b/<name>.rs", "lert.rs"] {
        assert!(!exists(&tree, written), "{written}");
    }
    let subcommands = BTreeSet::from(["live".to_owned()]);
    let is_fault = |command| fault(command, &subcommands, &tree).is_some();
    assert!(is_fault("cargo xtask love"));
    assert!(is_fault("cargo test -p other"));
    assert!(!is_fault("cargo xtask live --write"));
}
