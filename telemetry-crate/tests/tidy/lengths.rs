//! Checks the lengths of the names of functions, cases in tables and test files.
//!
//! The name of a test can be short, because its module carries the context.

use std::{
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Expr, ExprLit, ExprTuple, Lit,
    visit::{self, Visit},
};

use super::path;

/// Maximum number of characters in the name of a function or of a case.
const MAX_NAME: usize = 40;

/// Maximum number of characters in the name of a test file.
const MAX_FILE_NAME: usize = 35;

/// Finds the Rust files of a folder and of its subfolders.
pub(super) fn rust_files(folder: PathBuf) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap().path();
            if entry.is_dir() && !entry.ends_with("target") {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                files.push(entry);
            }
        }
    }
    files
}

/// Finds function names without parsing.
///
/// The template's files contain Liquid and cannot be parsed.
fn functions(source: &str) -> Vec<String> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let names = source.split("fn ").skip(1);
    names
        .map(|rest| rest.chars().take_while(|&it| is_part(it)).collect())
        .collect()
}

/// Collects the cases of harnesses: pairs of a name and a function in a table.
#[derive(Default)]
struct Cases(Vec<String>);

impl<'ast> Visit<'ast> for Cases {
    fn visit_expr_tuple(&mut self, tuple: &'ast ExprTuple) {
        let mut elements = tuple.elems.iter();
        if let (
            Some(Expr::Lit(ExprLit {
                lit: Lit::Str(name),
                ..
            })),
            Some(Expr::Path(_)),
            None,
        ) = (elements.next(), elements.next(), elements.next())
        {
            let name = name.value();
            // A string with spaces is a text, such as a query.
            if !name.contains(' ') {
                self.0.push(name);
            }
        }
        visit::visit_expr_tuple(self, tuple);
    }
}

/// Returns the names of the cases in a file.
fn cases(file: &Path, source: &str) -> Vec<String> {
    let parsed =
        syn::parse_file(source).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut cases = Cases::default();
    cases.visit_file(&parsed);
    cases.0
}

#[test]
fn test_names_have_at_most_40_characters() {
    let own = path("telemetry-crate/tests");
    let mut too_long = Vec::new();
    for folder in ["telemetry-crate", "xtask", "template"] {
        for file in rust_files(path(folder)) {
            let source = fs::read_to_string(&file).unwrap();
            let mut names = functions(&source);
            if file.starts_with(&own) {
                names.extend(cases(&file, &source));
            }
            names.retain(|name| name.rsplit("::").next().map_or(0, str::len) > MAX_NAME);
            too_long.extend(names.iter().map(|it| format!("{}: {it}", file.display())));
        }
    }
    assert!(too_long.is_empty(), "{}", too_long.join("\n"));
}

#[test]
fn test_files_have_at_most_35_characters() {
    for file in rust_files(path("telemetry-crate/tests")) {
        let length = file.file_name().unwrap().len();
        assert!(length <= MAX_FILE_NAME, "{}", file.display());
    }
}

#[test]
fn cases_are_found_in_tables() {
    let table = r#"const TESTS: &[(&str, fn())] = &[("of::one", one), ("a", 1), ("no case", x)];"#;
    assert_eq!(cases(Path::new("table.rs"), table), ["of::one"]);
    assert_eq!(functions("async fn of<T>() {}\nfn two()"), ["of", "two"]);
}
