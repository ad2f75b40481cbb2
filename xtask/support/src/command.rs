//! Runs commands to their end, shows their progress, and returns their output.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
};

use anyhow::{Context as _, bail};

use crate::{paths, ui};

/// Runs `command` and returns the output of both streams, in order of arrival.
///
/// Prints the command and how long it took.
///
/// # Errors
///
/// If the command cannot be started or fails. The message of a failure holds the whole output.
pub fn run(what: &str, command: &mut Command) -> anyhow::Result<String> {
    let shown = display(command);
    let step = ui::Step::start(what, &shown);
    match output_of(command, |line| step.doing(line)) {
        Ok(output) => {
            step.done("");
            Ok(output)
        }
        Err(error) => {
            step.failed();
            Err(error.context(format!("{what}: {shown}")))
        }
    }
}

/// Like [`run`], but the caller prints the result.
pub fn watched(what: &str, command: &mut Command) -> anyhow::Result<String> {
    let step = ui::Step::start(what, &display(command));
    output_of(command, |line| step.doing(line))
}

/// Like [`run`], but prints nothing.
pub fn run_quietly(command: &mut Command) -> anyhow::Result<String> {
    output_of(command, |_| ())
}

fn output_of(command: &mut Command, watch: impl Fn(&str) + Sync) -> anyhow::Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        // CI sets `always`, and callers search the output.
        .env("CARGO_TERM_COLOR", "never")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let output = Mutex::new(String::new());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(|| collect(stdout, &output, &watch));
        scope.spawn(|| collect(stderr, &output, &watch));
    });
    let status = child
        .wait()
        .with_context(|| format!("cannot wait for {program}"))?;
    let output = output.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !status.success() {
        bail!("{program} ended with {status}; its output:\n{output}");
    }
    Ok(output)
}

fn collect(stream: Option<impl Read>, output: &Mutex<String>, watch: &impl Fn(&str)) {
    let Some(stream) = stream else { return };
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while matches!(stream.read_until(b'\n', &mut line), Ok(1..)) {
        let text = String::from_utf8_lossy(&line);
        watch(&text);
        output
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_str(&text);
        line.clear();
    }
}

/// The command as a shell line that works in the root of the checkout.
///
/// The line includes the environment variables that are set for the command.
pub fn display(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy().into_owned();
        Some(format!("{}={}", name.to_string_lossy(), shown(&value)))
    });
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    variables
        .chain(words.map(|word| shown(&OsStr::to_string_lossy(word))))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The word without the root of the checkout, for a shell.
fn shown(word: &str) -> String {
    let root = format!("{}/", paths::root().display());
    quoted(word.strip_prefix(&root).unwrap_or(word))
}

/// The word as a shell reads it, in quotes if it needs them.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=/.,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
