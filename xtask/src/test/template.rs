//! The template, as those meet it who generate a service: every combination of its options is generated, looked through,
//! linted and tested.

mod ways;

use std::{fs, path::Path};

use anyhow::{Context as _, bail};

use crate::{generate, paths, service, test::Cases};

pub(super) fn run(cases: &mut Cases) -> anyhow::Result<()> {
    let folder = paths::fresh("template-tests").context("cannot empty target/template-tests")?;
    for (name, example, ci) in [
        ("orders-with-workflow", true, "github"),
        ("orders-only", true, "none"),
        ("bare-with-workflow", false, "github"),
        ("bare-only", false, "none"),
    ] {
        let extra = generate::throwaway();
        let service = generate::Service {
            name,
            destination: &folder,
            example,
            ci,
            extra: &extra,
        };
        combination(cases, &service);
    }
    ways::names(cases, &folder);
    ways::places(cases, &folder)?;
    ways::terminal(cases, &folder);
    Ok(())
}

fn combination(cases: &mut Cases, service: &generate::Service<'_>) {
    let name = service.name;
    let source = service.destination.join(name);
    let generated = cases.check(
        &format!("{name} is generated, and holds what was asked for"),
        || {
            service.generate()?;
            complete(&source, service)
        },
    );
    if !generated {
        return;
    }
    cases.command(
        &format!("{name} is formatted"),
        service::cargo(&source).args(["fmt", "--check"]),
        |_| Ok(()),
    );
    let mut clippy = service::cargo(&source);
    clippy.args(["clippy", "--all-targets", "--", "--deny", "warnings"]);
    cases.command(
        &format!("{name} builds without warnings"),
        &mut clippy,
        |_| Ok(()),
    );
    cases.cargo_test(
        &format!("{name}'s own tests"),
        service::cargo(&source).args(["test", "--no-fail-fast"]),
    );
}

/// The options decided which files are there; nothing is left of the template's own machinery.
fn complete(source: &Path, service: &generate::Service<'_>) -> anyhow::Result<()> {
    let workflow = ".github/workflows/ci.yml";
    for (file, expected) in [
        ("src/main.rs", true),
        ("README.md", true),
        ("Dockerfile", true),
        (".env.example", true),
        (".gitignore", true),
        ("src/orders.rs", service.example),
        ("tests/orders.rs", service.example),
        (workflow, service.ci == "github"),
        ("cargo-generate.toml", false),
        ("hooks", false),
        ("Cargo.toml.liquid", false),
    ] {
        if source.join(file).exists() != expected {
            bail!(
                "{file}: {}",
                if expected {
                    "missing"
                } else {
                    "should not be there"
                }
            );
        }
    }
    if service.ci == "github" {
        let (made, original) = (
            fs::read(source.join(workflow))?,
            fs::read(paths::template().join(workflow))?,
        );
        if made != original {
            bail!("{workflow} is not the template's, byte for byte; `${{{{ }}}}` has not survived");
        }
    }
    no_placeholders(source, source)
}

fn no_placeholders(folder: &Path, root: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let shown = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .display()
            .to_string();
        if path.is_dir() {
            // Workflows and dashboards have double braces of their own.
            if !shown.starts_with(".github") {
                no_placeholders(&path, root)?;
            }
            continue;
        }
        let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        for mark in ["{%", "%}", "project-name", "crate_name"] {
            if text.contains(mark) {
                bail!("{shown} still holds {mark:?}");
            }
        }
    }
    Ok(())
}
