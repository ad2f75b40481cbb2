//! `docs/dashboards`: what is in it, written or compared.

use std::{collections::BTreeMap, fs, io, path::Path};

use anyhow::{Context as _, bail};

use super::{Dashboard, all};

/// From the root of the repository.
pub(super) const FOLDER: &str = "docs/dashboards";

/// Ships beside the dashboards, and is written by hand.
const BY_HAND: [&str; 1] = ["postgres_exporter.yaml"];

/// The file of a dashboard, and its text.
fn file(dashboard: &Dashboard) -> anyhow::Result<(String, String)> {
    let mut text = serde_json::to_string_pretty(&dashboard.json())?;
    text.push('\n');
    Ok((format!("{}.json", dashboard.name()), text))
}

fn generated() -> anyhow::Result<BTreeMap<String, String>> {
    let dashboards = all();
    let mut files = dashboards
        .iter()
        .map(file)
        .collect::<anyhow::Result<BTreeMap<_, _>>>()?;
    files.insert("README.md".to_owned(), readme(&dashboards));
    Ok(files)
}

fn readme(dashboards: &[Dashboard]) -> String {
    let mut rows = String::new();
    for dashboard in dashboards {
        let panels = dashboard.panels().count();
        rows.push_str(&format!(
            "| [{0}]({0}.json) | `{1}` | {2} | {panels} |\n",
            dashboard.name(),
            dashboard.uid(),
            dashboard.question(),
        ));
    }
    include_str!("readme.md").replace("{rows}\n", &rows)
}

pub(super) fn write(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, text) in generated()? {
        let file = folder.join(name);
        fs::write(&file, text).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// Fails if a file is not as it would be written, or is one that nobody writes.
pub(super) fn compare(folder: &Path) -> anyhow::Result<()> {
    let generated = generated()?;
    for (name, text) in &generated {
        let found = match fs::read_to_string(folder.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            result => result.with_context(|| format!("{FOLDER}/{name}"))?,
        };
        if found != *text {
            let line = found
                .lines()
                .zip(text.lines())
                .take_while(|(found, text)| found == text)
                .count()
                + 1;
            bail!(
                "{FOLDER}/{name} is not what the code generates, from line {line} on; \
                 run `cargo xtask dashboards` and commit it"
            );
        }
    }
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !generated.contains_key(&name) && !BY_HAND.contains(&name.as_str()) {
            bail!(
                "{FOLDER}/{name} is nothing that the code generates; \
                 delete it, or add it to the files that are written by hand"
            );
        }
    }
    Ok(())
}
