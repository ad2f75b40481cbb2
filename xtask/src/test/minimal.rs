//! Builds with each direct dependency at its lower bound.
//!
//! A lower bound that is too low breaks programs whose lock file has that version. The builds run in a copy of the
//! workspace without tests, so the lock file of this workspace does not change.

use std::{fs, path::Path, process::Command};

use anyhow::Context as _;
use e2e::generate::{self, Answers, Service};
use support::{
    Cases,
    files::{self, Files},
    paths,
};

/// The library's folder in the copy.
const LIBRARY: &str = "telemetry-crate";

/// The tables of a manifest for tests, examples and benchmarks.
const FOR_TESTS: [&str; 4] = ["[dev-dependencies]", "[[test]]", "[[example]]", "[[bench]]"];

/// The stores whose services together have every dependency of the template.
const SERVICES: [&str; 2] = ["sqlite", "postgres"];

pub(super) fn run(cases: &mut Cases) -> anyhow::Result<()> {
    let folder = paths::fresh("minimal/workspace").context("cannot empty target/minimal")?;
    copy_library(&folder)?;
    for store in SERVICES {
        generate_service(store, &folder)?;
    }
    let cargo = |arguments: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo
            .args(arguments)
            .current_dir(&folder)
            .env("CARGO_TARGET_DIR", paths::target().join("minimal/build"));
        cargo
    };
    let mut lock = cargo(&["generate-lockfile", "-Z", "direct-minimal-versions"]);
    // `-Z` needs a nightly compiler or this variable. The builds below run without the variable, because build
    // scripts would take the compiler for a nightly one.
    lock.env("RUSTC_BOOTSTRAP", "1");
    let no_check = |_: &str| Ok(());
    if !cases.command("lower bounds: resolve together", &mut lock, no_check) {
        return Ok(());
    }
    for (what, arguments) in [
        (
            "with all features",
            &["-p", "firstlight", "--all-features"][..],
        ),
        ("with default features", &["-p", "firstlight"]),
    ] {
        let name = format!("lower bounds: the library compiles {what}");
        let mut check = cargo(&["check", "--locked"]);
        cases.command(&name, check.args(arguments), no_check);
    }
    for store in SERVICES {
        let name = format!("lower bounds: a service with {store} compiles");
        let mut check = cargo(&["check", "--locked", "-p", store]);
        cases.command(&name, &mut check, no_check);
    }
    Ok(())
}

/// Copies the library and the parts of the root manifest that it inherits.
fn copy_library(folder: &Path) -> anyhow::Result<()> {
    let root = fs::read_to_string(paths::root().join("Cargo.toml"))?;
    let mut members = vec![LIBRARY];
    members.extend(SERVICES);
    let workspace = format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n\n");
    let root = workspace + without_tables(&root, &["[workspace]"]).as_str();
    let manifest = fs::read_to_string(paths::library().join("Cargo.toml"))?;
    let copy = Files::from([
        ("Cargo.toml".to_owned(), root.into_bytes()),
        (
            format!("{LIBRARY}/Cargo.toml"),
            without_tables(&manifest, &FOR_TESTS).into_bytes(),
        ),
    ]);
    files::write(folder, &copy)?;
    // The console is a part of the program.
    for part in ["src", "console"] {
        let sources = files::read(&paths::library().join(part))?;
        files::write(&folder.join(LIBRARY).join(part), &sources)?;
    }
    Ok(())
}

/// Generates a service named after its store that uses the copy of the library.
fn generate_service(store: &'static str, folder: &Path) -> anyhow::Result<()> {
    let service = Service {
        name: store,
        destination: folder,
        answers: Answers::least()
            .with("example", "true")
            .with("store", store)
            .with("worker", "true"),
        extra: &generate::throwaway(),
    };
    let manifest = service.generate()?.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)?;
    let library = paths::library().display().to_string();
    let text = without_tables(&text, &FOR_TESTS).replace(&library, &format!("../{LIBRARY}"));
    fs::write(&manifest, text).with_context(|| manifest.display().to_string())
}

/// The manifest without the tables that have any of `headers`.
fn without_tables(manifest: &str, headers: &[&str]) -> String {
    let mut is_kept = true;
    let mut kept = String::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_kept = !headers.contains(&line.trim_end());
        }
        if is_kept {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_tables_are_kept() {
        let manifest = "[package]\nname = \"a\"\n[dev-dependencies]\nb = \"1\"\n\n[[test]]\nname = \"c\"\n[lints]\nworkspace = true\n";
        assert_eq!(
            without_tables(manifest, &FOR_TESTS),
            "[package]\nname = \"a\"\n[lints]\nworkspace = true\n"
        );
        let root =
            "[workspace]\nmembers = [\n    \"a\",\n]\n[workspace.package]\nversion = \"1\"\n";
        assert_eq!(
            without_tables(root, &["[workspace]"]),
            "[workspace.package]\nversion = \"1\"\n"
        );
    }
}
