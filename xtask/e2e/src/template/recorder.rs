//! Checks the token and the recorder's file in deploy files.
//!
//! A file in the container itself would be lost with it, and a token in a file would be in the repository.

use std::{fs, path::Path};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use support::{Cases, yaml};

use super::{
    combinations::Generated,
    compose::{Mount, mounts},
    kubernetes::{at, container, variable},
};

const TOKEN: &str = "FIRSTLIGHT_ADMIN_TOKEN";
const FILE: &str = "FIRSTLIGHT_RECORDER_FILE";

pub(super) fn cases(cases: &mut Cases, generated: &Generated) {
    for store in ["none", "postgres"] {
        let source = generated.with_store(store, "kubernetes", "none");
        cases.check(
            &format!("recorder: pods have token and file, store={store}"),
            || pods(&source),
        );
    }
    for store in ["none", "sqlite", "postgres"] {
        let source = generated.with_store(store, "compose", "none");
        cases.check(
            &format!("recorder: compose has token and file, store={store}"),
            || compose(&source),
        );
    }
}

/// Checks the token and the volume of the pods.
fn pods(source: &Path) -> anyhow::Result<()> {
    let deployment = yaml::read(&source.join("deploy/kubernetes/deployment.yaml"))?;
    let container = container(&deployment)?;
    let env = at(&container, "/env")?;
    let mut entries = env.as_array().into_iter().flatten();
    let token = entries.find(|entry| entry["name"] == TOKEN);
    let token = token.with_context(|| format!("no {TOKEN}"))?;
    let key = at(token, "/valueFrom/secretKeyRef/key")?;
    ensure!(key == "admin-token", "found the key {key} of {token}");

    let file = variable(&container, FILE)?;
    let mounts = at(&container, "/volumeMounts")?;
    let mut mounts = mounts.as_array().into_iter().flatten();
    let mount = mounts.find(|mount| is_in(&file, &mount["mountPath"]));
    let mount = mount.with_context(|| format!("{file} is not on a volume"))?;
    ensure!(mount["readOnly"] != true, "{mount} is read-only");
    let pod = at(&deployment, "/spec/template/spec")?;
    let mut volumes = pod["volumes"].as_array().into_iter().flatten();
    let volume = volumes.find(|volume| volume["name"] == mount["name"]);
    let volume = volume.with_context(|| format!("no volume for {mount}"))?;
    let limit = at(volume, "/emptyDir/sizeLimit")?;
    ensure!(limit == "1Mi", "found {limit}, expected 1Mi for 128 KiB");
    // The group of the volume, to which the user of the container belongs.
    let security = at(&pod, "/securityContext")?;
    ensure!(
        security["fsGroup"] == security["runAsGroup"],
        "found {security}, expected a volume of the user's group"
    );
    Ok(())
}

/// Checks the token and the volume of the compose service.
fn compose(source: &Path) -> anyhow::Result<()> {
    let compose = yaml::read(&source.join("deploy/compose/compose.yaml"))?;
    let service = at(&compose, "/services/service")?;
    let token = at(&service, &format!("/environment/{TOKEN}"))?;
    let token = token.as_str().unwrap_or_default();
    let required = format!("${{{TOKEN}:?");
    ensure!(
        token.starts_with(&required),
        "found {token:?}, expected {required:?} and an explanation"
    );
    let start = fs::read_to_string(source.join("deploy/compose/compose.yaml"))?;
    let command = format!("echo \"{TOKEN}=$(openssl rand -hex 32)\" > deploy/compose/.env");
    let readme = fs::read_to_string(source.join("README.md"))?;
    ensure!(
        start.contains(&command) && readme.contains(&command),
        "found no {command:?} in compose.yaml or in README.md"
    );
    let ignored = fs::read_to_string(source.join(".gitignore"))?;
    ensure!(
        ignored.lines().any(|line| line == ".env"),
        "git does not ignore the file with the token: {ignored}"
    );

    let file = at(&service, &format!("/environment/{FILE}"))?;
    let file = file.as_str().unwrap_or_default();
    let mut mounts = mounts(&service)?.into_iter();
    let mount = mounts.find(|mount| is_in(file, &Value::from(&*mount.target)));
    let mount: Mount = mount.with_context(|| format!("{file} is not on a volume"))?;
    at(&compose, &format!("/volumes/{}", mount.source))?;
    // A new volume takes the owner of the folder in the image, so that its user may write.
    let dockerfile = fs::read_to_string(source.join("Dockerfile"))?;
    let owner = format!("--chown=nonroot:nonroot {0} {0}", mount.target);
    ensure!(dockerfile.contains(&owner), "Dockerfile: no {owner:?}");
    Ok(())
}

/// Whether a file is below the folder of a mount.
fn is_in(file: &str, folder: &Value) -> bool {
    let folder = folder.as_str().map(Path::new);
    folder.is_some_and(|folder| Path::new(file).parent() == Some(folder))
}
