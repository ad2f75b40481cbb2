//! Rejected names and answers, and other ways and places to generate a service.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, bail, ensure};
use support::{Cases, command, paths, process::Process, tools};

use super::combinations::is_refused;
use crate::{
    generate::{self, Answers, QUESTIONS},
    service,
};

/// Checks that names with which cargo would fail or warn are rejected.
///
/// No file may be written before the rejection.
pub(super) fn names(cases: &mut Cases, folder: &Path) {
    for name in ["9lives", "fn", "std", "tokio", "caf\u{e9}", "build", "on"] {
        cases.check(
            &format!("name {name:?}: rejected without leftovers"),
            || {
                let extra = generate::throwaway();
                let service = generate::Service {
                    name,
                    destination: folder,
                    answers: Answers::least(),
                    extra: &extra,
                };
                let Err(error) = command::run_quietly(&mut service.command()?) else {
                    bail!("the answer was accepted")
                };
                let message = format!("{error:#}");
                if !message.contains(name) || !message.contains("Allowed") {
                    bail!("the message does not list allowed names:\n{message}");
                }
                if folder.join(name).exists() {
                    bail!("{} was left behind", folder.join(name).display());
                }
                Ok(())
            },
        );
    }
}

/// Checks that contradictory answers are rejected.
///
/// The template and `cargo xtask new` must reject them with the same message.
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
                let what = format!("store={store} worker={worker} deploy={deploy}");
                cases.check(&format!("{what}: rejected"), || {
                    contradiction(&answers, folder)
                });
            }
        }
    }
    cases.check(
        "new: leaves nothing if the template rejects answers",
        || {
            let rest = ["--", "--define", "firstlight=newest"].map(str::to_owned);
            new_leaves_nothing(&rest, "Expected: a version", folder).map(drop)
        },
    );
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
        .map_or(message, |(_, sentence)| sentence);
    rejected_by_template(answers, sentence, folder)
}

/// Checks that the template rejects `answers` with `expected` in its message.
fn rejected_by_template(answers: &Answers, expected: &str, folder: &Path) -> anyhow::Result<()> {
    let extra = generate::throwaway();
    let service = generate::Service {
        name: "contradiction",
        destination: folder,
        answers: answers.clone(),
        extra: &extra,
    };
    let result = command::run_quietly(&mut service.command()?);
    let left = folder.join("contradiction");
    // cargo-generate leaves an empty folder, which the message mentions.
    fs::remove_dir(&left).with_context(|| format!("{} is not empty", left.display()))?;
    let Err(error) = result else {
        bail!("the answer was accepted")
    };
    let message = format!("{error:#}");
    let leftover = format!("remove the empty folder {}", left.display());
    for needed in [expected, leftover.as_str()] {
        ensure!(
            message.contains(needed),
            "expected {needed:?}, found:\n{message}"
        );
    }
    Ok(())
}

/// Checks that `cargo xtask new` rejects `answers` and leaves no folder.
///
/// Returns its standard error.
fn new_leaves_nothing(answers: &[String], needed: &str, folder: &Path) -> anyhow::Result<String> {
    let destination = folder.join("refused/below");
    let mut new = Command::new(paths::program()?);
    new.args(["new", "contradiction", "--destination"])
        .arg(&destination)
        .args(answers);
    let output = new.output()?;
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!output.status.success(), "the answers were accepted");
    ensure!(
        message.contains(needed),
        "expected {needed:?}, found:\n{message}"
    );
    let left = folder.join("refused");
    ensure!(!left.exists(), "{} was left behind", left.display());
    Ok(message)
}

/// Sources of the library: the answer, the keys in Cargo.toml, and the record.
const SOURCES: [(&str, &str, &str); 8] = [
    (
        "/src/firstlight/telemetry-crate",
        "path = \"/src/firstlight/telemetry-crate\"",
        "auto",
    ),
    (
        "../firstlight/telemetry-crate",
        "path = \"../firstlight/telemetry-crate\"",
        "auto",
    ),
    (
        "C:\\src\\firstlight",
        "path = \"C:/src/firstlight\"",
        "auto",
    ),
    (
        "file:///home/me/firstlight",
        "git = \"file:///home/me/firstlight\"",
        "auto",
    ),
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

/// Generates services with versions and git URLs as source of the library.
///
/// They are not built, because neither may exist yet.
pub(super) fn sources(cases: &mut Cases, folder: &Path) {
    for (index, (answer, keys, recorded)) in SOURCES.into_iter().enumerate() {
        cases.check(&format!("firstlight={answer}: {keys}"), || {
            let name = format!("source-{index}");
            generate_with_source(answer, &name, folder)?;
            for (file, line) in [
                (
                    "Cargo.toml",
                    format!("firstlight = {{ {keys}, features = [\"axum\", \"console\", \"otlp-tls\"] }}"),
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
        "firstlight=newest: rejected with the expected answers",
        || {
            let Err(error) = generate_with_source("newest", "source-refused", folder) else {
                bail!("the answer was accepted")
            };
            let message = format!("{error:#}");
            for needed in ["firstlight=\"newest\"", "Expected: a version"] {
                ensure!(message.contains(needed), "the message:\n{message}");
            }
            Ok(())
        },
    );
}

fn generate_with_source(answer: &str, name: &str, folder: &Path) -> anyhow::Result<String> {
    let mut extra = generate::throwaway();
    // The last definition of an option applies.
    extra.extend(["--define".to_owned(), format!("firstlight={answer}")]);
    let service = generate::Service {
        name,
        destination: folder,
        answers: Answers::least(),
        extra: &extra,
    };
    command::run_quietly(&mut service.command()?)
}

/// Generates services inside a workspace and outside this checkout.
pub(super) fn places(cases: &mut Cases, folder: &Path) -> anyhow::Result<()> {
    let workspace = folder.join("workspace");
    fs::create_dir_all(&workspace)?;
    fs::write(
        workspace.join("Cargo.toml"),
        "[workspace]\nresolver = \"3\"\nmembers = []\n",
    )?;
    cases.check("workspace: the service becomes a member and builds", || {
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
    });
    // The folder is outside this checkout, so that the checkout's repository and folders are not used.
    let elsewhere = std::env::temp_dir().join(format!("firstlight-xtask-{}", std::process::id()));
    let service = elsewhere.join("fresh-service");
    let made = cases.check("new: creates a service with its own repository", || {
        let mut new = Command::new(paths::program()?);
        new.args(["new", "fresh-service", "--destination"])
            .arg(&elsewhere);
        command::run_quietly(&mut new)?;
        if !service.join(".git").exists() || !service.join("src/main.rs").exists() {
            bail!("{} is not a repository with a service", service.display());
        }
        Ok(())
    });
    if made {
        let mut test = service::cargo(&service);
        cases.cargo_test("new: the service's tests pass", test.arg("test"));
    }
    cases.check("firstlight=auto: the git URL outside a checkout", || {
        generate_with_source("auto", "on-its-own", &elsewhere)?;
        let manifest = fs::read_to_string(elsewhere.join("on-its-own/Cargo.toml"))?;
        let keys = concat!("git = \"", env!("CARGO_PKG_REPOSITORY"), "\"");
        ensure!(manifest.contains(keys), "found no {keys}:\n{manifest}");
        Ok(())
    });
    // The folder does not exist if the cases failed.
    let _ = fs::remove_dir_all(elsewhere);
    Ok(())
}

/// Generates a service on a terminal, with Return for each question.
pub(super) fn terminal(cases: &mut Cases, folder: &Path) {
    let name = "terminal: defaults use the surrounding checkout";
    let Some(script) = tools::on_path("script") else {
        return cases.not_run(
            name,
            "install util-linux, whose program `script` provides a terminal",
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
        // One Return for each question.
        asking.type_in(&"\r".repeat(QUESTIONS.len()))?;
        let status = asking.wait(GENERATE_TIMEOUT)?;
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
            "found the example, which is not the default"
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

/// How long the questions and the generation may take.
const GENERATE_TIMEOUT: Duration = Duration::from_secs(60);
