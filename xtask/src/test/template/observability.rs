//! The dashboards and alerts of a generated service: all there, found by what shows and evaluates them, and the same as in `docs/`.
//!
//! Left out: what they say, which `observability` checks once for `docs/`, and a running Grafana.

mod applied;
mod mounted;

use std::{collections::BTreeSet, path::Path, process::Command};

use anyhow::{Context as _, ensure};

use super::{combinations::Generated, readme};
use crate::{
    command,
    files::{self, Files},
    paths,
    test::Cases,
};

pub(super) fn cases(cases: &mut Cases, generated: &Generated) {
    for deploy in ["compose", "kubernetes"] {
        let source = generated.with_store("postgres", deploy, "none");
        cases.check(
            &format!("with {deploy}, the dashboards of a service are those of docs/dashboards, byte for byte"),
            || {
                let mut expected = files::of(&paths::root().join("docs/dashboards"))?;
                expected.remove("README.md");
                files::same(&files::of(&source.join(DASHBOARDS))?, &expected)
            },
        );
        cases.check(
            &format!("with {deploy}, the commands of README.md, \"Watch it\", leave no address that is not the reader's"),
            || addresses(&source),
        );
    }
    mounted::cases(cases, generated);
    applied::cases(cases, generated);
}

/// Of a service.
const DASHBOARDS: &str = "observability/dashboards";

/// The files of dashboards, without the folder.
fn dashboards() -> anyhow::Result<BTreeSet<String>> {
    let files = files::of(&paths::root().join("docs/dashboards"))?;
    let names = files.into_keys().filter(|name| name.ends_with(".json"));
    Ok(names.collect())
}

/// On a copy, as somebody would who has just generated it.
fn addresses(source: &Path) -> anyhow::Result<()> {
    let copy = paths::fresh("template-observability")?;
    let observability = copy.join("observability");
    files::write(&observability, &files::of(&source.join("observability"))?)?;
    let ours = |files: &Files| {
        let text = |content: &Vec<u8>| String::from_utf8_lossy(content).into_owned();
        let is_ours = |text: String| OURS.iter().any(|ours| text.contains(ours));
        let found = files.iter().filter(|(_, content)| is_ours(text(content)));
        found.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let before = ours(&files::of(&observability)?);
    ensure!(before.len() > 8, "found {OURS:?} only in {before:?}");
    for block in readme::shell_blocks(source, "## Watch it")? {
        let mut shell = Command::new("sh");
        shell.args(["-ec", &block]).current_dir(&copy);
        command::run_quietly(&mut shell).with_context(|| block)?;
    }
    let after = ours(&files::of(&observability)?);
    ensure!(after.is_empty(), "found {OURS:?} in {after:?}");
    Ok(())
}

/// Beginnings of addresses that are an example, or belong to firstlight.
const OURS: [&str; 2] = [
    "https://github.com/firstlight-rs/firstlight/blob/main/docs/runbooks",
    "https://grafana.example.com",
];
