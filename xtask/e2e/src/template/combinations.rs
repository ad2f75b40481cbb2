//! Every combination of options. `deploy` and `ci` only add files, so a combination must be the sum of its parts, byte for
//! byte: then it is enough to build the code once and to validate each part once.

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
    generate::{self, Options, Service},
    service,
};

/// Where every combination is.
pub(super) struct Generated(PathBuf);

impl Generated {
    /// The folder of the service with these options.
    pub(super) fn folder(&self, options: Options<'_>) -> PathBuf {
        self.parent(options).join(name(options))
    }

    /// With this value of `deploy`, and nothing else.
    pub(super) fn deployed(&self, deploy: &str) -> PathBuf {
        self.folder(Options {
            deploy,
            ..Options::BARE
        })
    }

    /// With these values of `deploy` and `ci`, and a database.
    pub(super) fn with_store(&self, store: &str, deploy: &str, ci: &str) -> PathBuf {
        self.folder(Options {
            store,
            deploy,
            ci,
            ..Options::BARE
        })
    }

    /// With this value of `ci`, and nothing else.
    pub(super) fn checked(&self, ci: &str) -> PathBuf {
        self.folder(Options {
            ci,
            ..Options::BARE
        })
    }

    fn parent(&self, options: Options<'_>) -> PathBuf {
        let Options { deploy, ci, .. } = options;
        self.0.join(format!("deploy-{deploy}-ci-{ci}"))
    }
}

/// Options that decide about code have a name of their own each: all of them share a target folder.
pub(super) fn name(options: Options<'_>) -> &'static str {
    match (options.store, options.worker, options.example) {
        ("none", _, false) => "bare",
        ("none", _, true) => "orders",
        ("sqlite", false, false) => "sqlite-bare",
        ("sqlite", false, true) => "sqlite-orders",
        ("sqlite", true, false) => "sqlite-worker",
        ("sqlite", true, true) => "sqlite-worker-orders",
        (_, false, false) => "postgres-bare",
        (_, false, true) => "postgres-orders",
        (_, true, false) => "postgres-worker",
        (_, true, true) => "postgres-worker-orders",
    }
}

const fn code(store: &'static str, worker: bool, example: bool) -> Options<'static> {
    Options {
        example,
        store,
        worker,
        ..Options::BARE
    }
}

/// The combinations that differ in code.
const CODE: [Options<'static>; 10] = [
    code("none", false, false),
    code("none", false, true),
    code("sqlite", false, false),
    code("sqlite", false, true),
    code("sqlite", true, false),
    code("sqlite", true, true),
    code("postgres", false, false),
    code("postgres", false, true),
    code("postgres", true, false),
    code("postgres", true, true),
];

/// Whether the commands of its README are run. `cargo run` builds the library once more, without what tests need of it, so
/// it is those whose commands differ.
fn has_commands_of_its_own(options: Options<'_>) -> bool {
    options.store == "none" || (options.worker && options.example)
}

/// Files that speak about all options, and are no part of the sum.
const OF_ALL_OPTIONS: [&str; 3] = ["README.md", ".firstlight.toml", ".github/dependabot.yml"];

/// Whether a file belongs to a service with these options.
type Belongs = fn(Options<'_>) -> bool;

/// A file of every answer.
const FILES: [(&str, Belongs); 23] = [
    ("src/orders.rs", |options| options.example),
    ("tests/orders.rs", |options| options.example),
    ("src/orders/table.rs", |options| {
        options.example && options.store != "none"
    }),
    ("src/orders/bank.rs", |options| {
        options.example && options.worker
    }),
    ("src/orders/charge.rs", |options| {
        options.example && options.worker
    }),
    ("tests/bank.rs", |options| options.example && options.worker),
    ("migrations/0001_orders.sql", |options| {
        options.example && options.store != "none"
    }),
    ("migrations/README.md", |options| options.store != "none"),
    ("src/store.rs", |options| options.store != "none"),
    ("src/jobs.rs", |options| options.worker),
    ("tests/worker.rs", |options| options.worker),
    ("deploy/compose/compose.yaml", |options| {
        options.deploy == "compose"
    }),
    ("deploy/compose/postgres.sql", |options| {
        options.deploy == "compose" && options.store == "postgres"
    }),
    ("deploy/kubernetes/deployment.yaml", |options| {
        options.deploy == "kubernetes"
    }),
    ("observability/dashboards/overview.json", |options| {
        options.deploy != "none"
    }),
    (
        "observability/dashboards/postgres_exporter.yaml",
        |options| options.deploy != "none" && options.store == "postgres",
    ),
    ("observability/alerts/firstlight.rules.yml", |options| {
        options.deploy == "compose"
    }),
    ("observability/kustomization.yaml", |options| {
        options.deploy == "kubernetes"
    }),
    (".github/workflows/ci.yml", |options| options.ci == "github"),
    (".github/dependabot.yml", |options| options.ci == "github"),
    (".gitlab-ci.yml", |options| options.ci == "gitlab"),
    ("renovate.json", |options| options.ci == "gitlab"),
    ("deny.toml", |options| options.ci != "none"),
];

/// Makes all of them; nothing if that fails.
pub(super) fn generate(cases: &mut Cases, folder: &Path) -> Option<Generated> {
    let generated = Generated(folder.to_owned());
    let all_well = CODE.map(|code| {
        let name = name(code);
        cases.check(
            &format!("{name}: each combination of deploy and ci is the sum of its parts"),
            || sums_of_parts(&generated, code),
        )
    });
    all_well.iter().all(|well| *well).then_some(generated)
}

fn sums_of_parts(generated: &Generated, code: Options<'static>) -> anyhow::Result<()> {
    let mut made: BTreeMap<(&str, &str), Files> = BTreeMap::new();
    for deploy in generate::DEPLOY {
        for ci in generate::CI {
            let options = Options { deploy, ci, ..code };
            if options.objection().is_some() {
                continue;
            }
            let files = make(generated, options)
                .with_context(|| format!("deploy = {deploy}, ci = {ci}"))?;
            made.insert((deploy, ci), files);
        }
    }
    let plain = &made[&("none", "none")];
    for ((deploy, ci), files) in &made {
        let mut sum = made[&(*deploy, "none")].clone();
        let added = |(name, _): &(&String, &Vec<u8>)| !plain.contains_key(*name);
        let of_ci = made[&("none", *ci)].iter().filter(added);
        sum.extend(of_ci.map(|(name, content)| (name.clone(), content.clone())));
        files::same(files, &sum).with_context(|| format!("deploy = {deploy}, ci = {ci}"))?;
    }
    Ok(())
}

/// Generates one, and returns its files but for those that speak about all options.
fn make(generated: &Generated, options: Options<'_>) -> anyhow::Result<Files> {
    let parent = generated.parent(options);
    std::fs::create_dir_all(&parent)?;
    let service = Service {
        name: name(options),
        destination: &parent,
        options,
        extra: &generate::throwaway(),
    };
    support::command::run_quietly(&mut service.command()?)?;
    let mut files = files::of(&generated.folder(options))?;
    for (file, belongs) in FILES {
        ensure!(
            files.contains_key(file) == belongs(options),
            "{file}: {}",
            if belongs(options) {
                "missing"
            } else {
                "should not be there"
            }
        );
    }
    let lines = files["src/main.rs"].iter().filter(|byte| **byte == b'\n');
    let lines = lines.count();
    ensure!(
        lines <= 30,
        "src/main.rs: found {lines} lines, expected 30 at most"
    );
    nothing_of_the_template(&files)?;
    readme::explains_every_file(&files)?;
    files.retain(|name, _| !OF_ALL_OPTIONS.contains(&name.as_str()));
    Ok(files)
}

fn nothing_of_the_template(files: &Files) -> anyhow::Result<()> {
    for (name, content) in files {
        if ["cargo-generate.toml", "Cargo.toml.liquid"].contains(&name.as_str())
            || name.starts_with("hooks/")
        {
            bail!("{name} is the template's own");
        }
        let text = String::from_utf8_lossy(content);
        for mark in ["{%", "%}", "project-name", "crate_name", "dns_name"] {
            ensure!(!text.contains(mark), "{name} still holds {mark:?}");
        }
    }
    Ok(())
}

/// The code of each, linted, tested and started with the commands that its README gives.
pub(super) fn build(cases: &mut Cases, generated: &Generated) {
    // Held until the tests are over.
    let server = tools::postgres().and_then(|postgres| {
        let server = PostgresServer::start_with(&postgres, compose::SETTINGS)?;
        compose::script(cases, generated, &server);
        Ok(server)
    });
    for options in CODE {
        let source = generated.folder(options);
        let name = name(options);
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
                Err(error) if options.store == "postgres" => {
                    cases.not_run(&what, &format!("{error:#}"));
                }
                Err(_) => cases.cargo_test(&what, &mut shell),
                Ok(server) => {
                    cases.cargo_test(&what, shell.env("TEST_DATABASE_URL", server.url()));
                }
            }
        }
        if has_commands_of_its_own(options) {
            let server = server.as_ref().ok().map(PostgresServer::url);
            readme::commands_work(cases, options, &source, server);
        }
    }
}
