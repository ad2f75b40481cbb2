//! Validates the files of `deploy` and `ci` with official schemas and linters.

use std::{path::Path, process::Command};

use anyhow::ensure;
use support::{
    Cases, command,
    tools::{self, builtin_schema as schema},
    validate,
};

use super::combinations::Generated;

pub(super) fn cases(cases: &mut Cases, generated: &Generated) {
    validate(
        cases,
        "schema: compose.yaml",
        &generated.deployed("compose").join("deploy/compose"),
        &["compose.yaml"],
        ("image:", "imago:"),
        || schema(&["vendor.compose-spec"]),
    );
    validate(
        cases,
        "schema: GitHub workflow",
        &generated.checked("github").join(".github/workflows"),
        &["ci.yml"],
        ("runs-on:", "runs-at:"),
        || schema(&["vendor.github-workflows"]),
    );
    validate(
        cases,
        "schema: GitHub jobs have a time limit",
        &generated.checked("github").join(".github/workflows"),
        &["ci.yml"],
        ("timeout-minutes: 30", "continue-on-error: true"),
        || schema(&["custom.github-workflows-require-timeout"]),
    );
    validate(
        cases,
        "schema: GitLab pipeline",
        &generated.checked("gitlab"),
        &[".gitlab-ci.yml"],
        ("  script:", "  skript:"),
        || schema(&["vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
    );
    for deploy in ["none", "compose"] {
        validate(
            cases,
            &format!("schema: dependabot.yml with deploy={deploy}"),
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
        "schema: renovate.json",
        &generated.checked("gitlab"),
        &["renovate.json"],
        ("[\"config:recommended\"]", "7"),
        || schema(&["vendor.renovate"]),
    );
    let manifests = generated.deployed("kubernetes").join("deploy/kubernetes");
    validate(
        cases,
        "schema: Kubernetes manifests without unknown keys",
        &manifests,
        &KUBERNETES,
        ("containerPort: 8080", "containerPort: http"),
        tools::kubernetes_validate,
    );
    validate(
        cases,
        "schema: Kubernetes deployment with postgres",
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

/// Lints workflows and Dockerfiles.
fn linted(cases: &mut Cases, generated: &Generated) {
    for store in ["none", "postgres"] {
        let workflows = generated.with_store(store, "compose", "github");
        validate(
            cases,
            &format!("zizmor: no findings with store={store}"),
            &workflows.join(".github/workflows"),
            &["ci.yml", "../dependabot.yml"],
            ("persist-credentials: false", "fetch-depth: 1"),
            tools::zizmor,
        );
    }
    for store in ["none", "sqlite", "postgres"] {
        validate(
            cases,
            &format!("hadolint: no findings with store={store}"),
            &generated.with_store(store, "none", "none"),
            &["Dockerfile"],
            ("WORKDIR /src", "WORKDIR src"),
            tools::hadolint,
        );
    }
}

/// Validates the files that a database changes.
fn with_stores(cases: &mut Cases, generated: &Generated) {
    for store in ["sqlite", "postgres"] {
        let folder = |deploy, ci| generated.with_store(store, deploy, ci);
        validate(
            cases,
            &format!("schema: compose.yaml with {store}"),
            &folder("compose", "none").join("deploy/compose"),
            &["compose.yaml"],
            ("image:", "imago:"),
            || schema(&["vendor.compose-spec"]),
        );
        validate(
            cases,
            &format!("schema: GitHub workflow with {store}"),
            &folder("none", "github").join(".github/workflows"),
            &["ci.yml"],
            ("runs-on:", "runs-at:"),
            || schema(&["vendor.github-workflows"]),
        );
        validate(
            cases,
            &format!("schema: GitLab pipeline with {store}"),
            &folder("none", "gitlab"),
            &[".gitlab-ci.yml"],
            ("  script:", "  skript:"),
            || schema(&["vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
        );
    }
}

/// Manifests of Kubernetes' own kinds.
///
/// PodMonitor and PrometheusRule are custom resources, and kustomization.yaml is not applied to the cluster.
const KUBERNETES: [&str; 5] = [
    "deployment.yaml",
    "service.yaml",
    "horizontalpodautoscaler.yaml",
    "poddisruptionbudget.yaml",
    "networkpolicy.yaml",
];

/// Renders the manifests with kustomize.
fn kustomize(cases: &mut Cases, manifests: &Path) {
    let what = "kustomize: renders the manifests with the image";
    let Some(kubectl) = tools::on_path("kubectl") else {
        return cases.not_run(what, "install kubectl; no cluster is needed");
    };
    cases.check(what, || {
        let rendered = command::run_quietly(Command::new(kubectl).arg("kustomize").arg(manifests))?;
        let image = "image: localhost:5000/bare:0.1.0";
        ensure!(rendered.contains(image), "no {image:?} in:\n{rendered}");
        let kinds = rendered.lines().filter(|line| line.starts_with("kind: "));
        let count = kinds.count();
        // The service's own rules; those for every service are applied once per cluster.
        ensure!(
            count == 7,
            "found {count} resources, expected 7:\n{rendered}"
        );
        Ok(())
    });
}
