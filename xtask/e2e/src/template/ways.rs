//! The names that the template refuses, and the ways and places in which it is generated besides the one that everything
//! else here uses.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, bail, ensure};
use support::{Cases, command, paths, process::Process, tools};

use super::combinations::is_refused;
use crate::{
    generate::{self, Answers, QUESTIONS},
    service,
};

/// What cargo could not build, or would build with a warning, is refused before anything is written.
pub(super) fn names(cases: &mut Cases, folder: &Path) {
    for name in ["9lives", "fn", "std", "tokio", "caf\u{e9}", "build"] {
        cases.check(
            &format!("the name {name:?} is refused, and leaves nothing behind"),
            || {
                let extra = generate::throwaway();
                let service = generate::Service {
                    name,
                    destination: folder,
                    answers: Answers::least(),
                    extra: &extra,
                };
                let Err(error) = command::run_quietly(&mut service.command()?) else {
                    bail!("it was accepted")
                };
                let message = format!("{error:#}");
                if !message.contains(name) || !message.contains("Allowed") {
                    bail!("the refusal does not say what is allowed:\n{message}");
                }
                if folder.join(name).exists() {
                    bail!("{} was left behind", folder.join(name).display());
                }
                Ok(())
            },
        );
    }
}

/// Answers that contradict each other: both ways to generate refuse them, with the same sentence.
pub(super) fn contradictions(cases: &mut Cases, folder: &Path) {
    for store in generate::choices("store") {
        for worker in generate::choices("worker") {
            for deploy in generate::choices("deploy") {
                let answers = Answers::least()
                    .with("store", store)
                    .with("worker", worker)
                    .with("deploy", deploy);
                if !is_refused(&answers) {
                    continue; // `combinations` generates it
                }
                let what = format!("store={store} worker={worker} deploy={deploy} is refused");
                cases.check(
                    &format!("{what} by the template and by `new`, with one sentence"),
                    || contradiction(&answers, folder),
                );
            }
        }
    }
    cases.check("`new` leaves nothing where the template refuses", || {
        let rest = ["--", "--define", "firstlight=newest"].map(str::to_owned);
        new_leaves_nothing(&rest, "Expected: a version", folder).map(drop)
    });
}

fn contradiction(answers: &Answers, folder: &Path) -> anyhow::Result<()> {
    let flags =
        ["store", "worker", "deploy"].map(|option| format!("--{option}={}", answers.get(option)));
    let message = new_leaves_nothing(&flags, "needs a", folder)?;
    let message = message.trim();
    ensure!(
        message.lines().count() == 1,
        "expected one sentence, found:\n{message}"
    );
    let sentence = message
        .split_once("error: ")
        .map_or(message, |(_, said)| said);
    refused_by_template(answers, sentence, folder)
}

fn refused_by_template(answers: &Answers, objection: &str, folder: &Path) -> anyhow::Result<()> {
    let extra = generate::throwaway();
    let service = generate::Service {
        name: "contradiction",
        destination: folder,
        answers: answers.clone(),
        extra: &extra,
    };
    let refused = command::run_quietly(&mut service.command()?);
    let made = folder.join("contradiction");
    // The message says so, and what is not empty would not go.
    fs::remove_dir(&made).with_context(|| format!("{} is not empty", made.display()))?;
    let Err(error) = refused else {
        bail!("it was accepted")
    };
    let message = format!("{error:#}");
    let leftover = format!("remove the empty folder {}", made.display());
    for needed in [objection, leftover.as_str()] {
        ensure!(
            message.contains(needed),
            "expected {needed:?}, found:\n{message}"
        );
    }
    Ok(())
}

/// What `cargo xtask new` writes to standard error when it refuses `answers`.
fn new_leaves_nothing(answers: &[String], needed: &str, folder: &Path) -> anyhow::Result<String> {
    let destination = folder.join("refused/below");
    let mut new = Command::new(std::env::current_exe()?);
    new.args(["new", "contradiction", "--destination"])
        .arg(&destination)
        .args(answers);
    let output = new.output()?;
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!output.status.success(), "it was accepted");
    ensure!(
        message.contains(needed),
        "expected {needed:?}, found:\n{message}"
    );
    let left = folder.join("refused");
    ensure!(!left.exists(), "{} was left behind", left.display());
    Ok(message)
}

/// An answer to where the library comes from, what Cargo.toml makes of it, and what the record says.
const SOURCES: [(&str, &str, &str); 4] = [
    ("0.1", "version = \"0.1\"", "0.1"),
    ("=0.1.0", "version = \"=0.1.0\"", "=0.1.0"),
    (
        "https://example.com/firstlight.git",
        "git = \"https://example.com/firstlight.git\"",
        "https://example.com/firstlight.git",
    ),
    (
        "git@example.com:owner/firstlight.git",
        "git = \"ssh://git@example.com/owner/firstlight.git\"",
        "ssh://git@example.com/owner/firstlight.git",
    ),
];

/// Versions and git URLs. Nothing is built: neither may be there yet.
pub(super) fn sources(cases: &mut Cases, folder: &Path) {
    for (index, (answer, keys, recorded)) in SOURCES.into_iter().enumerate() {
        cases.check(&format!("firstlight={answer} becomes {keys}"), || {
            let name = format!("source-{index}");
            from(answer, &name, folder)?;
            for (file, line) in [
                (
                    "Cargo.toml",
                    format!("firstlight = {{ {keys}, features = [\"axum\"] }}"),
                ),
                (
                    "Cargo.toml",
                    format!("firstlight = {{ {keys}, features = [\"testing\"] }}"),
                ),
                (".firstlight.toml", format!("firstlight = \"{recorded}\"")),
            ] {
                let text = fs::read_to_string(folder.join(&name).join(file))
                    .with_context(|| file.to_owned())?;
                ensure!(
                    text.lines().any(|found| found == line),
                    "{file}: found no line {line}:\n{text}"
                );
            }
            Ok(())
        });
    }
    cases.check(
        "firstlight=newest is refused, with what is expected",
        || {
            let Err(error) = from("newest", "source-refused", folder) else {
                bail!("it was accepted")
            };
            let message = format!("{error:#}");
            for needed in ["firstlight=\"newest\"", "Expected: a version"] {
                ensure!(message.contains(needed), "it said:\n{message}");
            }
            Ok(())
        },
    );
}

fn from(answer: &str, name: &str, folder: &Path) -> anyhow::Result<String> {
    let mut extra = generate::throwaway();
    // Of two definitions the last one counts.
    extra.extend(["--define".to_owned(), format!("firstlight={answer}")]);
    let service = generate::Service {
        name,
        destination: folder,
        answers: Answers::least(),
        extra: &extra,
    };
    command::run_quietly(&mut service.command()?)
}

/// The combinations above lie outside of any workspace; these do not.
pub(super) fn places(cases: &mut Cases, folder: &Path) -> anyhow::Result<()> {
    let workspace = folder.join("workspace");
    fs::create_dir_all(&workspace)?;
    fs::write(
        workspace.join("Cargo.toml"),
        "[workspace]\nresolver = \"3\"\nmembers = []\n",
    )?;
    cases.check(
        "inside a workspace, the service becomes a member and builds there",
        || {
            let extra = ["--vcs", "none"].map(str::to_owned);
            let service = generate::Service {
                name: "member",
                destination: &workspace,
                answers: Answers::least(),
                extra: &extra,
            };
            service.generate()?;
            let mut clippy = service::cargo(&workspace);
            clippy.args(["clippy", "--package", "member", "--", "--deny", "warnings"]);
            command::run("clippy of the workspace", &mut clippy).map(drop)
        },
    );
    // Not below this checkout, whose repository and whose folders would do for the service as well.
    let elsewhere = std::env::temp_dir().join(format!("firstlight-xtask-{}", std::process::id()));
    let service = elsewhere.join("fresh-service");
    let made = cases.check(
        "`cargo xtask new` makes a service in a repository of its own",
        || {
            let mut new = Command::new(std::env::current_exe()?);
            new.args(["new", "fresh-service", "--destination"])
                .arg(&elsewhere);
            command::run_quietly(&mut new)?;
            if !service.join(".git").exists() || !service.join("src/main.rs").exists() {
                bail!(
                    "{} is no repository with a service in it",
                    service.display()
                );
            }
            Ok(())
        },
    );
    if made {
        let mut test = service::cargo(&service);
        cases.cargo_test("its tests pass there, on its own", test.arg("test"));
    }
    cases.check(
        "far from a checkout, firstlight=auto becomes its git URL, because no registry has it",
        || {
            from("auto", "on-its-own", &elsewhere)?;
            let manifest = fs::read_to_string(elsewhere.join("on-its-own/Cargo.toml"))?;
            let keys = concat!("git = \"", env!("CARGO_PKG_REPOSITORY"), "\"");
            ensure!(manifest.contains(keys), "found no {keys}:\n{manifest}");
            Ok(())
        },
    );
    // If nothing was made, there is nothing to remove.
    let _ = fs::remove_dir_all(elsewhere);
    Ok(())
}

/// At a terminal it asks, and Return takes the default.
pub(super) fn terminal(cases: &mut Cases, folder: &Path) {
    let name =
        "at a terminal it asks, and its defaults make a service that uses the checkout around it";
    let Some(script) = tools::on_path("script") else {
        return cases.not_run(
            name,
            "install util-linux, whose program `script` lends it a terminal",
        );
    };
    cases.check(name, || {
        let mut plain = Command::new(tools::cargo_generate()?);
        plain
            .args(["generate", "--name", "asked", "--path"])
            .arg(paths::template());
        plain
            .args(generate::throwaway())
            .arg("--destination")
            .arg(folder);
        let mut terminal = Command::new(script);
        terminal
            .args(["-qec", &command::display(&plain), "/dev/null"])
            .current_dir(paths::root());
        let mut asking = Process::start("cargo-generate", &mut terminal)?;
        // One for each question.
        asking.type_in(&"\r".repeat(QUESTIONS.len()))?;
        let status = asking.wait(ANSWERED)?;
        ensure!(
            status.success(),
            "found {status}, expected 0:\n{}",
            asking.lines().join("\n")
        );
        let manifest = folder.join("asked").join("Cargo.toml");
        let manifest =
            fs::read_to_string(&manifest).with_context(|| manifest.display().to_string())?;
        let library = format!("path = \"{}\"", paths::library().display());
        ensure!(
            manifest.contains(&library),
            "Cargo.toml does not use {library}:\n{manifest}"
        );
        ensure!(
            !folder.join("asked/src/orders.rs").exists(),
            "the example is there, which is not the default"
        );
        for default in [".github", "deploy/compose"] {
            ensure!(
                folder.join("asked").join(default).exists(),
                "{default} is missing, which is the default"
            );
        }
        Ok(())
    });
}

const ANSWERED: Duration = Duration::from_secs(60);
