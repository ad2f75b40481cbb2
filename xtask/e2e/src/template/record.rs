//! `.firstlight.toml`, the record of the answers of a generated service.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, ensure};
use support::{Cases, command, paths, tools};

use super::{
    combinations::{self, Generated},
    files,
};
use crate::generate::{self, Answers};

pub(super) fn cases(cases: &mut Cases, generated: &Generated, folder: &Path) {
    let answers = Answers::most();
    cases.check("record: regenerates the same service", || {
        let original = generated.folder(&answers);
        // In another folder, `auto` and relative paths would have another meaning.
        let again = folder.join("again/and/again");
        fs::create_dir_all(&again)?;
        let mut generate = Command::new(tools::cargo_generate()?);
        generate
            .args(["generate", "--silent", "--path"])
            .arg(paths::template());
        generate
            .arg("--template-values-file")
            .arg(original.join(RECORD));
        generate.args(["--name", &combinations::name(&answers), "--destination"]);
        generate.arg(&again).args(generate::throwaway());
        command::run_quietly(&mut generate)?;
        files::check_same(
            &files::read(&again.join(combinations::name(&answers)))?,
            &files::read(&original)?,
        )
    });
    cases.check("record: has no path of this machine", || {
        let record = fs::read_to_string(generated.folder(&answers).join(RECORD))?;
        let root = paths::root().display().to_string();
        ensure!(!record.contains(&root), "found {root} in:\n{record}");
        let source = "firstlight = \"auto\"";
        ensure!(
            record.lines().any(|line| line == source),
            "no {source} in:\n{record}"
        );
        Ok(())
    });
    cases.check("record: has the version of the template", || {
        let record = fs::read_to_string(paths::template().join(RECORD))?;
        let manifest = fs::read_to_string(paths::root().join("Cargo.toml"))?;
        let manifest: toml::Table = toml::from_str(&manifest)?;
        let version = manifest["workspace"]["package"]["version"]
            .as_str()
            .context("no version in Cargo.toml")?;
        let line = format!("template = \"{version}\"");
        ensure!(
            record.lines().any(|found| found == line),
            "template/{RECORD} has no line {line}"
        );
        Ok(())
    });
}

const RECORD: &str = ".firstlight.toml";
