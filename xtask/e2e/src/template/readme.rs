//! Checks the README of a generated service: its tables of files and its commands.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Context as _, ensure};
use support::{Cases, command, paths, tools};

use super::{combinations, files::Files};
use crate::{
    generate::Answers,
    service::{self, Service},
};

/// Checks that the tables of the README list exactly the files of the service.
pub(super) fn explains_every_file(files: &Files) -> anyhow::Result<()> {
    let readme = files.get("README.md").context("README.md is missing")?;
    let readme = String::from_utf8_lossy(readme);
    let mut explained = BTreeSet::new();
    let mut folder = None;
    for line in readme.lines() {
        let first = line
            .strip_prefix("| ")
            .and_then(|line| line.split(" | ").next());
        let Some(first) = first else {
            folder = None;
            continue;
        };
        let mut names = first.split('`').skip(1).step_by(2);
        if first == "file" {
            folder = Some("");
        } else if first.starts_with("file of ") {
            folder = names.next();
        } else if let Some(folder) = folder {
            explained.extend(names.map(|name| format!("{folder}{name}")));
        }
    }
    let is_missing = |name: &&String| **name != "README.md" && !explained.contains(*name);
    let missing: Vec<_> = files.keys().filter(is_missing).collect();
    ensure!(missing.is_empty(), "README.md does not explain {missing:?}");
    let exists = |name: &&String| match name.strip_suffix('/') {
        Some(_) => files.keys().any(|file| file.starts_with(*name)),
        None => files.contains_key(*name),
    };
    let extra: Vec<_> = explained.iter().filter(|name| !exists(name)).collect();
    ensure!(
        extra.is_empty(),
        "README.md explains {extra:?}, which do not exist"
    );
    Ok(())
}

/// Checks that no line of prose is much longer than the others.
pub(super) fn is_wrapped(files: &Files) -> anyhow::Result<()> {
    let readme = files.get("README.md").context("README.md is missing")?;
    let readme = String::from_utf8_lossy(readme);
    // Every second part is a block of code. Rows of tables and links cannot be wrapped.
    let prose = readme.split("```").step_by(2).flat_map(str::lines);
    let mut prose = prose.filter(|line| !line.starts_with('|') && !line.contains("://"));
    let long = prose.find(|line| line.chars().count() > MAX_COLUMNS);
    ensure!(
        long.is_none(),
        "README.md: found {long:?}, expected {MAX_COLUMNS} columns at most"
    );
    Ok(())
}

/// The length of a line of prose, with a service's name in it.
const MAX_COLUMNS: usize = 145;

/// The commands of the section "Check it", one by one.
pub(super) fn check_commands(source: &Path) -> anyhow::Result<Vec<String>> {
    let blocks = shell_blocks(source, "## Check it")?;
    let commands = blocks.first().context("no commands")?;
    let commands: Vec<_> = commands.trim().split(" && ").map(str::to_owned).collect();
    ensure!(
        commands.len() == 3,
        "found {commands:?}, expected fmt, clippy and test"
    );
    Ok(commands)
}

/// Runs the commands of the sections "Run it" and "Jobs".
///
/// Instead of `cargo run` itself, the program that `cargo test` has built is started on free ports.
/// `server` is the URL of a PostgreSQL server.
pub(super) fn commands_work(
    cases: &mut Cases,
    answers: &Answers,
    source: &Path,
    server: Option<String>,
) {
    let name = combinations::name(answers);
    let what = format!("{name}: README.md, \"Run it\"");
    if tools::on_path("curl").is_none() {
        return cases.not_run(&what, "install curl");
    }
    let database = match (answers.get("store"), server) {
        ("postgres", None) => return cases.not_run(&what, "PostgreSQL is missing, see above"),
        ("postgres", Some(server)) => server,
        _ => format!("sqlite://{}/readme.db", source.display()),
    };
    cases.check(&what, || {
        let blocks = shell_blocks(source, "## Run it")?;
        let [start, requests, check, ..] = &blocks[..] else {
            anyhow::bail!("found {blocks:?}, expected three blocks of commands")
        };
        ensure!(start.trim() == "cargo run", "found {start:?} first");
        let program = paths::generated_target().join("debug").join(&name);
        let mut service = Service::start(&program, None, &[("DATABASE_URL", &database)])?;
        let host = |url: &str| url.trim_start_matches("http://").to_owned();
        let requests = requests
            .replace("localhost:8080", &host(&service.address))
            .replace("localhost:9464", &host(&service.admin));
        let output = command::run_quietly(Command::new("sh").args(["-ec", &requests]))?;
        for needed in ["# HELP ", "logs"] {
            ensure!(output.contains(needed), "no {needed:?} in:\n{output}");
        }
        // The statuses of the README's requests, in ascending order.
        let expected: &[f64] = if !answers.has("example") {
            &[404.0]
        } else if answers.get("store") == "none" {
            &[200.0, 200.0, 201.0, 500.0]
        } else if !answers.has("worker") {
            &[200.0, 200.0, 201.0]
        } else {
            &[200.0, 200.0, 202.0]
        };
        service.wait_for_log("an access line for each request", |log| {
            let mut statuses: Vec<f64> = log.iter().filter_map(status).collect();
            statuses.sort_by(f64::total_cmp);
            statuses == expected
        })?;
        service.stop()?;

        let output = command::run_quietly(&mut service::shell(source, check))?;
        ensure!(
            output.contains("telemetry check: ok"),
            "the output of the check:\n{output}"
        );
        if answers.has("worker") {
            let blocks = shell_blocks(source, "## Jobs")?;
            let list = blocks.first().context("no commands below \"Jobs\"")?;
            let mut list = service::shell(source, list);
            command::run_quietly(list.env("DATABASE_URL", &database))?;
        }
        Ok(())
    });
}

fn status(line: &crate::log_line::LogLine) -> Option<f64> {
    line.number("http.response.status_code")
}

/// The blocks of shell commands below `heading`, up to the next heading.
pub(super) fn shell_blocks(source: &Path, heading: &str) -> anyhow::Result<Vec<String>> {
    let readme = fs::read_to_string(source.join("README.md"))?;
    let (_, section) = readme
        .split_once(&format!("{heading}\n"))
        .with_context(|| format!("README.md has no section {heading:?}"))?;
    let section = section.split("\n## ").next().unwrap_or(section);
    Ok(section
        .split("```sh\n")
        .skip(1)
        .filter_map(|block| Some(block.split_once("```")?.0.to_owned()))
        .collect())
}
