//! What `deploy` and `ci` add, against the official schemas. Each validator has to find a mistake first, so that one that
//! looks at nothing cannot pass.

use std::{fs, path::Path, process::Command};

use anyhow::{bail, ensure};
use support::{Cases, command, tools};

use super::combinations::Generated;

pub(super) fn cases(cases: &mut Cases, generated: &Generated) {
    validate(
        cases,
        "compose.yaml is what the Compose specification allows",
        &generated.deployed("compose").join("deploy/compose"),
        &["compose.yaml"],
        ("image:", "imago:"),
        || schema(&["vendor.compose-spec"]),
    );
    validate(
        cases,
        "the workflow is one for GitHub",
        &generated.checked("github").join(".github/workflows"),
        &["ci.yml"],
        ("runs-on:", "runs-at:"),
        || schema(&["vendor.github-workflows"]),
    );
    validate(
        cases,
        "every job of GitHub's has a time limit",
        &generated.checked("github").join(".github/workflows"),
        &["ci.yml"],
        ("timeout-minutes: 30", "continue-on-error: true"),
        || schema(&["custom.github-workflows-require-timeout"]),
    );
    validate(
        cases,
        "the pipeline is one for GitLab",
        &generated.checked("gitlab"),
        &[".gitlab-ci.yml"],
        ("  script:", "  skript:"),
        || schema(&["vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
    );
    for deploy in ["none", "compose"] {
        validate(
            cases,
            &format!("the update bot of GitHub understands its file, with deploy = {deploy}"),
            &generated
                .with_store("none", deploy, "github")
                .join(".github"),
            &["dependabot.yml"],
            ("interval: weekly", "interval: sometimes"),
            || schema(&["vendor.dependabot"]),
        );
    }
    validate(
        cases,
        "the update bot of GitLab understands its file",
        &generated.checked("gitlab"),
        &["renovate.json"],
        ("[\"config:recommended\"]", "7"),
        || schema(&["vendor.renovate"]),
    );
    let manifests = generated.deployed("kubernetes").join("deploy/kubernetes");
    validate(
        cases,
        "the manifests are what Kubernetes' own schemas allow, without an unknown key",
        &manifests,
        &KUBERNETES,
        ("containerPort: 8080", "containerPort: http"),
        tools::kubernetes_validate,
    );
    validate(
        cases,
        "the deployment is what Kubernetes' own schema allows, with postgres",
        &generated
            .with_store("postgres", "kubernetes", "none")
            .join("deploy/kubernetes"),
        &["deployment.yaml"],
        ("containerPort: 8080", "containerPort: http"),
        tools::kubernetes_validate,
    );
    linted(cases, generated);
    with_stores(cases, generated);
    kustomize(cases, &manifests);
}

/// What schemas allow, and linters advise against.
fn linted(cases: &mut Cases, generated: &Generated) {
    for store in ["none", "postgres"] {
        let workflows = generated.with_store(store, "compose", "github");
        validate(
            cases,
            &format!("zizmor finds no fault with the workflow, with store = {store}"),
            &workflows.join(".github/workflows"),
            &["ci.yml", "../dependabot.yml"],
            ("persist-credentials: false", "fetch-depth: 1"),
            tools::zizmor,
        );
    }
    for store in ["none", "sqlite", "postgres"] {
        validate(
            cases,
            &format!("hadolint finds no fault with the Dockerfile, with store = {store}"),
            &generated.with_store(store, "none", "none"),
            &["Dockerfile"],
            ("WORKDIR /src", "WORKDIR src"),
            tools::hadolint,
        );
    }
}

/// What a database changes in these files.
fn with_stores(cases: &mut Cases, generated: &Generated) {
    for store in ["sqlite", "postgres"] {
        let folder = |deploy, ci| generated.with_store(store, deploy, ci);
        validate(
            cases,
            &format!("compose.yaml is what the Compose specification allows, with {store}"),
            &folder("compose", "none").join("deploy/compose"),
            &["compose.yaml"],
            ("image:", "imago:"),
            || schema(&["vendor.compose-spec"]),
        );
        validate(
            cases,
            &format!("the workflow is one for GitHub, with {store}"),
            &folder("none", "github").join(".github/workflows"),
            &["ci.yml"],
            ("runs-on:", "runs-at:"),
            || schema(&["vendor.github-workflows"]),
        );
        validate(
            cases,
            &format!("the pipeline is one for GitLab, with {store}"),
            &folder("none", "gitlab"),
            &[".gitlab-ci.yml"],
            ("  script:", "  skript:"),
            || schema(&["vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
        );
    }
}

/// Of Kubernetes' own kinds. PodMonitor and PrometheusRule are none, and kustomization.yaml never reaches the cluster.
const KUBERNETES: [&str; 5] = [
    "deployment.yaml",
    "service.yaml",
    "horizontalpodautoscaler.yaml",
    "poddisruptionbudget.yaml",
    "networkpolicy.yaml",
];

fn schema(arguments: &[&str]) -> anyhow::Result<Command> {
    let mut check = tools::check_jsonschema()?;
    check.arg("--builtin-schema").args(arguments);
    Ok(check)
}

/// `mistake` is made in a copy of the first of the `files`.
fn validate(
    cases: &mut Cases,
    what: &str,
    folder: &Path,
    files: &[&str],
    mistake: (&str, &str),
    validator: impl Fn() -> anyhow::Result<Command>,
) {
    if let Err(error) = validator() {
        return cases.not_run(what, &format!("{error:#}"));
    }
    cases.check(what, || {
        let wrong = folder.join("wrong.yml");
        let text = fs::read_to_string(folder.join(files[0]))?;
        let (right, mistaken) = mistake;
        ensure!(text.contains(right), "{} has no {right:?}", files[0]);
        fs::write(&wrong, text.replacen(right, mistaken, 1))?;
        let found = command::run_quietly(validator()?.arg(&wrong));
        fs::remove_file(&wrong)?;
        if found.is_ok() {
            bail!("with {mistaken:?} for {right:?} it passes as well");
        }
        let files = files.iter().map(|file| folder.join(file));
        command::run_quietly(validator()?.args(files)).map(drop)
    });
}

fn kustomize(cases: &mut Cases, manifests: &Path) {
    let what = "kustomize renders the manifests, with the image that it is told";
    let Some(kubectl) = tools::on_path("kubectl") else {
        return cases.not_run(what, "install kubectl; no cluster is needed");
    };
    cases.check(what, || {
        let said = command::run_quietly(Command::new(kubectl).arg("kustomize").arg(manifests))?;
        let image = "image: registry.example.com/bare:0.1.0";
        ensure!(said.contains(image), "no {image:?} in:\n{said}");
        let kinds = said.lines().filter(|line| line.starts_with("kind: "));
        let count = kinds.count();
        // Rules and dashboards are applied once for a cluster, not with each service.
        ensure!(count == 6, "found {count} resources, expected 6:\n{said}");
        Ok(())
    });
}
