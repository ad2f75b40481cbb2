//! `.firstlight.toml`, the record of the answers: what is made from it is what it came from.

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
    cases.check(
        "from the record of its answers, the same service is made again",
        || {
            let original = generated.folder(&answers);
            // Deeper down, where `auto` and relative paths would mean something else.
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
            files::same(
                &files::of(&again.join(combinations::name(&answers)))?,
                &files::of(&original)?,
            )
        },
    );
    cases.check(
        "the record says which version of the template it was",
        || {
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
        },
    );
}

const RECORD: &str = ".firstlight.toml";
