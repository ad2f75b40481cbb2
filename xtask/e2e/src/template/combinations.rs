//! Generates every combination of options, and builds those that differ in code.
//!
//! `deploy` and `ci` only add files, so a combination must be the sum of its parts, byte for byte. Then it is sufficient
//! to build the code once and to validate each part once.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use support::{
    Cases,
    tools::{self, PostgresServer},
};

use super::{
    compose,
    files::{self, Files},
    readme,
};
use crate::{
    generate::{self, Answers, QUESTIONS, Question, Service},
    service,
};

/// The folder of all combinations.
pub(super) struct Generated(PathBuf);

impl Generated {
    /// The folder of the service with these answers.
    pub(super) fn folder(&self, answers: &Answers) -> PathBuf {
        self.parent(answers).join(name(answers))
    }

    /// The folder of the service with only this value of `deploy`.
    pub(super) fn deployed(&self, deploy: &str) -> PathBuf {
        self.folder(&Answers::least().with("deploy", deploy))
    }

    /// The folder of the service with these values of `store`, `deploy` and `ci`.
    pub(super) fn with_store(&self, store: &str, deploy: &str, ci: &str) -> PathBuf {
        let answers = Answers::least().with("store", store);
        self.folder(&answers.with("deploy", deploy).with("ci", ci))
    }

    /// The folder of the service with only this value of `ci`.
    pub(super) fn checked(&self, ci: &str) -> PathBuf {
        self.folder(&Answers::least().with("ci", ci))
    }

    fn parent(&self, answers: &Answers) -> PathBuf {
        let (deploy, ci) = (answers.get("deploy"), answers.get("ci"));
        self.0.join(format!("deploy-{deploy}-ci-{ci}"))
    }
}

/// Options that add files and do not change code.
const ADD_FILES: [&str; 2] = ["deploy", "ci"];

/// The options that change code: all others with choices.
fn code_options() -> impl Iterator<Item = &'static Question> {
    QUESTIONS.iter().filter(|question| {
        !question.choices.is_empty() && !ADD_FILES.contains(&question.name.as_str())
    })
}

/// The name of a service, which differs for different code.
///
/// All services share a target folder.
pub(super) fn name(answers: &Answers) -> String {
    let least = Answers::least();
    let parts = code_options().filter_map(|question| match answers.get(&question.name) {
        answer if answer == least.get(&question.name) => None,
        "true" => Some(question.name.clone()),
        answer => Some(format!("{}-{answer}", question.name)),
    });
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() {
        "bare".to_owned()
    } else {
        parts.join("-")
    }
}

/// The combinations that differ in code, the one without options first.
fn codes() -> Vec<Answers> {
    let mut codes = vec![Answers::least()];
    for question in code_options() {
        let with_each = |answers: &Answers| {
            let choices = question.choices.iter();
            let with = choices.map(|choice| answers.clone().with(&question.name, choice));
            with.collect::<Vec<_>>()
        };
        codes = codes.iter().flat_map(with_each).collect();
    }
    codes.retain(|answers| !is_refused(answers));
    codes
}

/// Whether the answers contradict each other.
///
/// [`super::ways`] tests that `hooks/options.rhai` rejects them.
pub(super) fn is_refused(answers: &Answers) -> bool {
    let (store, deploy) = (answers.get("store"), answers.get("deploy"));
    (answers.has("worker") && store == "none") || (deploy == "kubernetes" && store == "sqlite")
}

/// Whether the commands of the README are tested with these answers.
///
/// `cargo run` builds the library again without the features of tests, so only services whose commands differ are tested.
fn runs_readme_commands(answers: &Answers) -> bool {
    answers.get("store") == "none" || (answers.has("worker") && answers.has("example"))
}

/// Files that depend on several options, and so are not part of the sum.
const OF_ALL_OPTIONS: [&str; 3] = ["README.md", ".firstlight.toml", ".github/dependabot.yml"];

/// Whether a file belongs to a service with these options.
type Belongs = fn(&Answers) -> bool;

/// Files of each option, and when a service has them.
const FILES: [(&str, Belongs); 28] = [
    ("docs/metrics.md", |_| true),
    ("tests/metrics.rs", |_| true),
    ("src/orders.rs", |answers| answers.has("example")),
    ("tests/orders.rs", |answers| answers.has("example")),
    ("src/orders/table.rs", |answers| {
        answers.has("example") && answers.get("store") != "none"
    }),
    ("src/orders/bank.rs", |answers| {
        answers.has("example") && answers.has("worker")
    }),
    ("src/orders/charge.rs", |answers| {
        answers.has("example") && answers.has("worker")
    }),
    ("tests/bank.rs", |answers| {
        answers.has("example") && answers.has("worker")
    }),
    ("migrations/0001_orders.sql", |answers| {
        answers.has("example") && answers.get("store") != "none"
    }),
    ("migrations/README.md", |answers| {
        answers.get("store") != "none"
    }),
    ("src/store.rs", |answers| answers.get("store") != "none"),
    ("clippy.toml", |answers| answers.get("store") != "none"),
    ("src/jobs.rs", |answers| answers.has("worker")),
    ("tests/worker.rs", |answers| answers.has("worker")),
    ("deploy/compose/compose.yaml", |answers| {
        answers.get("deploy") == "compose"
    }),
    ("deploy/compose/postgres.sql", |answers| {
        answers.get("deploy") == "compose" && answers.get("store") == "postgres"
    }),
    ("deploy/kubernetes/deployment.yaml", |answers| {
        answers.get("deploy") == "kubernetes"
    }),
    (
        "deploy/compose/platform/dashboards/overview.json",
        |answers| answers.get("deploy") == "compose",
    ),
    (
        "deploy/compose/platform/dashboards/postgres_exporter.yaml",
        |answers| answers.get("deploy") == "compose" && answers.get("store") == "postgres",
    ),
    (
        "deploy/compose/platform/alerts/firstlight.rules.yml",
        |answers| answers.get("deploy") == "compose",
    ),
    ("observability/rules.yaml", |answers| {
        answers.get("deploy") != "none"
    }),
    ("tests/observability.rs", |answers| {
        answers.get("deploy") != "none"
    }),
    ("observability/kustomization.yaml", |answers| {
        answers.get("deploy") == "kubernetes"
    }),
    (".github/workflows/ci.yml", |answers| {
        answers.get("ci") == "github"
    }),
    (".github/dependabot.yml", |answers| {
        answers.get("ci") == "github"
    }),
    (".gitlab-ci.yml", |answers| answers.get("ci") == "gitlab"),
    ("renovate.json", |answers| answers.get("ci") == "gitlab"),
    ("deny.toml", |answers| answers.get("ci") != "none"),
];

/// Generates all combinations; returns `None` if one fails.
pub(super) fn generate(cases: &mut Cases, folder: &Path) -> Option<Generated> {
    let generated = Generated(folder.to_owned());
    let mut all_passed = true;
    for code in codes() {
        all_passed &= cases.check(
            &format!("{}: combinations are the sums of their parts", name(&code)),
            || check_sums(&generated, &code),
        );
    }
    all_passed.then_some(generated)
}

fn check_sums(generated: &Generated, code: &Answers) -> anyhow::Result<()> {
    let mut all: BTreeMap<(&str, &str), Files> = BTreeMap::new();
    for deploy in generate::choices("deploy") {
        for ci in generate::choices("ci") {
            let answers = code.clone().with("deploy", deploy).with("ci", ci);
            if is_refused(&answers) {
                continue;
            }
            let files = generate_and_check(generated, &answers)
                .with_context(|| format!("deploy = {deploy}, ci = {ci}"))?;
            all.insert((deploy, ci), files);
        }
    }
    let plain = &all[&("none", "none")];
    for ((deploy, ci), files) in &all {
        let mut sum = all[&(*deploy, "none")].clone();
        let added = |(name, _): &(&String, &Vec<u8>)| !plain.contains_key(*name);
        let of_ci = all[&("none", *ci)].iter().filter(added);
        sum.extend(of_ci.map(|(name, content)| (name.clone(), content.clone())));
        files::check_same(files, &sum).with_context(|| format!("deploy = {deploy}, ci = {ci}"))?;
    }
    Ok(())
}

/// Generates and checks a service.
///
/// Returns its files without [`OF_ALL_OPTIONS`].
fn generate_and_check(generated: &Generated, answers: &Answers) -> anyhow::Result<Files> {
    let parent = generated.parent(answers);
    std::fs::create_dir_all(&parent)?;
    let service = Service {
        name: &name(answers),
        destination: &parent,
        answers: answers.clone(),
        extra: &generate::throwaway(),
    };
    support::command::run_quietly(&mut service.command()?)?;
    let mut files = files::read(&generated.folder(answers))?;
    for (file, belongs) in FILES {
        ensure!(
            files.contains_key(file) == belongs(answers),
            "{file}: {}",
            if belongs(answers) {
                "missing"
            } else {
                "unexpected"
            }
        );
    }
    let lines = files["src/main.rs"].iter().filter(|byte| **byte == b'\n');
    let lines = lines.count();
    ensure!(
        lines <= 30,
        "src/main.rs: found {lines} lines, expected 30 at most"
    );
    has_no_template_files(&files)?;
    readme::explains_every_file(&files)?;
    readme::is_wrapped(&files)?;
    files.retain(|name, _| !OF_ALL_OPTIONS.contains(&name.as_str()));
    Ok(files)
}

/// Checks that no file or placeholder of the template is left.
fn has_no_template_files(files: &Files) -> anyhow::Result<()> {
    for (name, content) in files {
        if ["cargo-generate.toml", "Cargo.toml.liquid"].contains(&name.as_str())
            || name.starts_with("hooks/")
        {
            bail!("{name} belongs to the template");
        }
        let text = String::from_utf8_lossy(content);
        for mark in ["{%", "%}", "project-name", "crate_name", "dns_name"] {
            ensure!(!text.contains(mark), "{name} contains {mark:?}");
        }
    }
    Ok(())
}

/// Lints, tests and runs each code with the commands of its README.
pub(super) fn build(cases: &mut Cases, generated: &Generated) {
    // The server runs until the end of this function.
    let server = tools::postgres().and_then(|postgres| {
        let server = PostgresServer::start_with(&postgres, compose::SETTINGS)?;
        compose::script(cases, generated, &server);
        Ok(server)
    });
    for answers in codes() {
        let source = generated.folder(&answers);
        let name = name(&answers);
        let commands = match readme::check_commands(&source) {
            Ok(commands) => commands,
            Err(error) => return cases.failed("README.md, \"Check it\"", &error),
        };
        for command in commands {
            let mut shell = service::shell(&source, &command);
            let what = format!("{name}: {command}");
            if command != "cargo test" {
                cases.command(&what, &mut shell, |_| Ok(()));
                continue;
            }
            match &server {
                Err(error) if answers.get("store") == "postgres" => {
                    cases.not_run(&what, &format!("{error:#}"));
                }
                Err(_) => cases.cargo_test(&what, &mut shell),
                Ok(server) => {
                    cases.cargo_test(&what, shell.env("TEST_DATABASE_URL", server.url()));
                }
            }
        }
        if runs_readme_commands(&answers) {
            let server = server.as_ref().ok().map(PostgresServer::url);
            readme::commands_work(cases, &answers, &source, server);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ADD_FILES, codes, name};
    use crate::generate::{Answers, choices};

    #[test]
    fn names_of_codes_are_unique() {
        let mut names: Vec<_> = codes().iter().map(name).collect();
        assert_eq!(names.first().map(String::as_str), Some("bare"));
        assert!(
            names.contains(&"example-store-postgres-worker".to_owned()),
            "{names:?}"
        );
        names.sort();
        names.dedup();
        assert_eq!(names.len(), codes().len());
    }

    #[test]
    fn options_that_add_files_exist() {
        for option in ADD_FILES {
            assert!(!choices(option).is_empty(), "{option}");
        }
        assert_eq!(name(&Answers::least()), "bare");
    }
}
