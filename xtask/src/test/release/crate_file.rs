//! The file that `cargo publish` uploads.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{bail, ensure};
use support::{Cases, command, paths};

/// Files that a package has beside its code.
const OTHERS: [&str; 8] = [
    ".cargo_vcs_info.json",
    "Cargo.lock",
    "Cargo.toml",
    "Cargo.toml.orig",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "examples/quickstart.rs",
];

/// The largest package, in bytes.
///
/// crates.io refuses more than 10 MiB, and each build of a service downloads it.
const MAX_BYTES: u64 = 1024 * 1024;

pub(super) fn cases(cases: &mut Cases) -> anyhow::Result<()> {
    let mut output = String::new();
    let is_made = cases.command(
        "package: cargo package succeeds",
        &mut package(),
        |printed| {
            output = printed.to_owned();
            Ok(())
        },
    );
    if !is_made {
        return Ok(());
    }
    let name = "dependencies: no version is yanked";
    if std::env::var_os("CARGO_NET_OFFLINE").is_some() {
        cases.unchecked(
            name,
            "CARGO_NET_OFFLINE is set, so cargo does not ask the registry",
        );
    } else {
        cases.check(name, || no_warning(&output));
    }
    cases.check("package: code and licenses, nothing else", contents);
    cases.check("package: compiles without the repository", || {
        let mut check = in_package("cargo")?;
        check.args(["check", "--locked"]);
        command::watched("check of the package", &mut check).map(drop)
    });
    Ok(())
}

/// Makes the package.
fn package() -> Command {
    let mut package = Command::new("cargo");
    package
        .args(["package", "--package", "firstlight", "--locked"])
        // A developer runs it before the commit. The build is a case of its own, with a folder that is kept.
        .args(["--no-verify", "--allow-dirty"])
        .current_dir(paths::root());
    package
}

/// Makes the package for another suite.
pub(super) fn make() -> anyhow::Result<()> {
    command::run_quietly(&mut package()).map(drop)
}

/// Checks the package with all features.
pub(super) fn with_all_features(cases: &mut Cases) -> anyhow::Result<()> {
    let mut check = in_package("cargo")?;
    check.args(["check", "--locked", "--all-features"]);
    cases.command(
        "package: compiles with all features",
        &mut check,
        |_| Ok(()),
    );
    Ok(())
}

/// Cargo warns of a yanked version in the lock file of the package.
fn no_warning(output: &str) -> anyhow::Result<()> {
    let warnings: Vec<_> = output
        .lines()
        .filter(|line| line.trim_start().starts_with("warning"))
        // Tests read other files of the repository, and are not in the package.
        .filter(|line| !line.contains("ignoring test") && !line.contains("ignoring benchmark"))
        .collect();
    if !warnings.is_empty() {
        bail!("cargo package warns:\n{}", warnings.join("\n"));
    }
    Ok(())
}

fn file() -> PathBuf {
    let name = format!("firstlight-{}.crate", env!("CARGO_PKG_VERSION"));
    paths::target().join("package").join(name)
}

fn contents() -> anyhow::Result<()> {
    let file = file();
    let bytes = file.metadata()?.len();
    ensure!(bytes <= MAX_BYTES, "{bytes} bytes, {MAX_BYTES} at most");
    let list = command::run_quietly(Command::new("tar").arg("-tzf").arg(&file))?;
    let names: Vec<_> = list
        .lines()
        .filter_map(|line| Some(line.split_once('/')?.1))
        .collect();
    let missing: Vec<_> = OTHERS.iter().filter(|name| !names.contains(name)).collect();
    ensure!(missing.is_empty(), "the package lacks {missing:?}");
    let is_code = |name: &str| {
        ["src/", "console/", "examples/"]
            .iter()
            .any(|folder| name.starts_with(folder))
    };
    let others: Vec<_> = names
        .iter()
        .filter(|name| !is_code(name) && !OTHERS.contains(name))
        .collect();
    ensure!(others.is_empty(), "the package also has {others:?}");
    Ok(())
}

/// A command in the unpacked package, outside the workspace.
pub(super) fn in_package(program: &str) -> anyhow::Result<Command> {
    let folder = paths::target().join("packaged");
    let unpacked = unpack(&file(), &folder)?;
    let mut command = Command::new(program);
    command
        .current_dir(unpacked)
        .env("CARGO_TARGET_DIR", folder.join("build"));
    Ok(command)
}

/// Unpacks the package into `folder`, and returns its own folder there.
fn unpack(file: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let unpacked = folder.join(file.file_stem().unwrap_or_default());
    if unpacked.exists() {
        std::fs::remove_dir_all(&unpacked)?;
    }
    std::fs::create_dir_all(folder)?;
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(file).arg("-C").arg(folder);
    command::run_quietly(&mut tar)?;
    // Outside the workspace around it.
    let manifest = unpacked.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest)?;
    std::fs::write(&manifest, text + "\n[workspace]\n")?;
    Ok(unpacked)
}
