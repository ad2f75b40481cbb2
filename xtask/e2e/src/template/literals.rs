//! Double braces that are not placeholders of Liquid.
//!
//! Liquid replaces an unknown `{{ name }}` by nothing and reports no error.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, ensure};
use support::{command, paths};

use super::files;
use crate::generate::{self, Answers, Service};

/// Placeholders of cargo-generate itself.
const BUILT_IN: [&str; 2] = ["project-name", "crate_name"];

/// Files that `exclude` in cargo-generate.toml excludes from Liquid.
const EXCLUDED: [&str; 2] = [".github/workflows/", ".gitlab-ci.yml"];

/// Checks that each placeholder in the template has a value.
pub(super) fn are_known() -> anyhow::Result<()> {
    let config = fs::read_to_string(paths::template().join("cargo-generate.toml"))?;
    let config: toml::Table = toml::from_str(&config)?;
    let excluded: Vec<_> = config["template"]["exclude"]
        .as_array()
        .context("exclude is not an array")?
        .iter()
        .filter_map(|name| name.as_str())
        .collect();
    ensure!(
        excluded == EXCLUDED,
        "found exclude = {excluded:?}, expected {EXCLUDED:?}"
    );
    let known = known_placeholders(&config)?;
    for (name, content) in files::read(&paths::template())? {
        let is_removed = name == "cargo-generate.toml" || name.starts_with("hooks/");
        if is_removed || EXCLUDED.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let text = String::from_utf8_lossy(&content).into_owned();
        for placeholder in outside_raw(&text).split("{{").skip(1) {
            let placeholder = placeholder.split("}}").next().unwrap_or_default();
            // Liquid's filters follow after a bar: `{{ name | slice: 0, 40 }}`.
            let placeholder = placeholder.split('|').next().unwrap_or_default().trim();
            ensure!(
                known.contains(placeholder),
                "{name}: found {{{{{placeholder}}}}}, expected one of {known:?}, or {{% raw %}} around it"
            );
        }
    }
    Ok(())
}

/// The placeholders of cargo-generate, of its configuration, and of the hooks.
fn known_placeholders(config: &toml::Table) -> anyhow::Result<BTreeSet<String>> {
    let mut known: BTreeSet<String> = BUILT_IN.map(str::to_owned).into();
    let conditional = config["conditional"].as_table().context("no conditional")?;
    let tables = conditional
        .values()
        .filter_map(|condition| condition.get("placeholders"))
        .chain(config.get("placeholders"));
    for table in tables.filter_map(toml::Value::as_table) {
        known.extend(table.keys().cloned());
    }
    for (name, content) in files::read(&paths::template().join("hooks"))? {
        let hook = String::from_utf8(content).with_context(|| name)?;
        let set = hook.split("variable::set(\"").skip(1);
        known.extend(set.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
    }
    Ok(known)
}

/// The text outside `{% raw %}` and `{% endraw %}`.
fn outside_raw(text: &str) -> String {
    let mut parts = text.split("{% raw %}");
    let mut outside = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        outside.push_str(part.split_once("{% endraw %}").map_or("", |(_, rest)| rest));
    }
    outside
}

/// Literals of a workflow, a pipeline, an alert, a legend, Liquid, and Grafana.
const LITERALS: &str = "a: ${{ github.ref }} $[[ inputs.x ]] {{ $labels.instance }} {{http_route}} {% if x %} $${__tags}\n";

/// Checks that literals in all kinds of files are generated unchanged.
pub(super) fn survive(folder: &Path) -> anyhow::Result<()> {
    let template = folder.join("template-with-literals");
    for (name, content) in files::read(&paths::template())? {
        write(&template, &name, &content)?;
    }
    let workflow = ".github/workflows/literals.yml";
    write(&template, workflow, LITERALS.as_bytes())?;
    let gitlab = fs::read_to_string(template.join(".gitlab-ci.yml"))? + LITERALS;
    write(&template, ".gitlab-ci.yml", gitlab.as_bytes())?;
    let rendered = "deploy/kubernetes/literals.yaml";
    let raw = format!("{{{{project-name}}}} {{% raw %}}{LITERALS}{{% endraw %}}");
    write(&template, rendered, raw.as_bytes())?;

    for ci in ["github", "gitlab"] {
        let name = format!("literals-{ci}");
        let service = Service {
            name: &name,
            destination: folder,
            answers: Answers::least().with("deploy", "kubernetes").with("ci", ci),
            extra: &generate::throwaway(),
        };
        command::run_quietly(&mut service.command_for(&template)?)?;
        let made = files::read(&folder.join(&name))?;
        let holds = |file: &str, text: &str| {
            let found = made
                .get(file)
                .with_context(|| format!("{file} is missing"))?;
            let found = String::from_utf8_lossy(found);
            ensure!(found == text, "{file}: found\n{found}expected\n{text}");
            Ok(())
        };
        if ci == "github" {
            holds(workflow, LITERALS)?;
        } else {
            holds(".gitlab-ci.yml", &gitlab)?;
        }
        holds(rendered, &format!("{name} {LITERALS}"))?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, content: &[u8]) -> anyhow::Result<()> {
    let file = folder.join(name);
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&file, content).with_context(|| file.display().to_string())
}
