//! Checks that documented `jq` commands work on logs with lines that are not JSON.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};
use support::{Cases, files, paths, tools};

pub(super) fn cases(cases: &mut Cases) {
    let what = "jq commands: read a log with lines that are not JSON";
    let Some(jq) = tools::on_path("jq") else {
        return cases.not_run(what, "install jq");
    };
    cases.check(what, || {
        ensure!(
            run_on_log(&jq, "jq -c 'select(.level)'").is_err(),
            "the check accepts a command that stops at the first such line"
        );
        let mut found = 0;
        let mut wrong = Vec::new();
        for (name, text) in pages()? {
            for command in commands(&text) {
                found += 1;
                if let Err(error) = run_on_log(&jq, &command) {
                    wrong.push(format!("{name}: {command}\n{error:#}"));
                }
            }
        }
        if !wrong.is_empty() {
            bail!("{}", wrong.join("\n"));
        }
        ensure!(found > 10, "found {found} commands, expected more than 10");
        Ok(())
    });
}

/// All Markdown files of the docs and the template, and the README.
fn pages() -> anyhow::Result<BTreeMap<String, String>> {
    let mut pages = BTreeMap::new();
    for folder in ["docs", "template"] {
        for (name, content) in files::read(&paths::root().join(folder))? {
            if name.ends_with(".md") {
                let text = String::from_utf8_lossy(&content).into_owned();
                pages.insert(format!("{folder}/{name}"), text);
            }
        }
    }
    let readme = paths::root().join("README.md");
    pages.insert("README.md".to_owned(), std::fs::read_to_string(readme)?);
    Ok(pages)
}

/// The `jq` commands in a text, each from `jq` to the end of its quoted program.
fn commands(text: &str) -> Vec<String> {
    // A pipe in a cell of a table is escaped.
    let text = text.replace("\\|", "|");
    let command = |rest: &str| {
        let mut parts = rest.lines().next()?.splitn(3, '\'');
        let (options, program) = (parts.next()?, parts.next()?);
        // Otherwise `jq` is a word in a sentence.
        let are_options = options.trim().is_empty() || options.starts_with('-');
        are_options.then(|| format!("jq {options}'{program}'"))
    };
    text.split("jq ").skip(1).filter_map(command).collect()
}

/// A log with a line of the service among others.
///
/// The others are text, JSON that is not an object, a truncated line, an empty line, and a line of
/// another service.
const LOG: &str = r#"error: DATABASE_URL: found "x", expected an address
thread 'main' panicked at src/main.rs:1:1
42
null
"text"
[]
{"level":"INFO","mess

{"other":"service"}
{"timestamp":"2026-11-28T00:00:00Z","level":"ERROR","target":"firstlight","message":"budget"}
"#;

/// Runs a command on [`LOG`], and fails if it fails or writes to standard error.
fn run_on_log(jq: &Path, command: &str) -> anyhow::Result<()> {
    let folder = jq.parent().context("jq is in no folder")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh")
        .args(["-c", command])
        .env("PATH", format!("{}:{path}", folder.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut log = shell.stdin.take().context("no standard input")?;
    // The write fails if the command has already ended. The status below then decides.
    let _ = log.write_all(LOG.as_bytes());
    drop(log);
    let output = shell.wait_with_output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && complaint.is_empty(),
        "{}, with standard error: {complaint}",
        output.status
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn commands_are_found_in_blocks_and_tables() {
        let text =
            "logs | jq -c 'a | b' | tail\n| x | `logs \\| jq 'c \\| d'` |\nwith jq it isn't one\n";
        assert_eq!(commands(text), ["jq -c 'a | b'", "jq 'c | d'"]);
    }
}
