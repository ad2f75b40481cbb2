//! The generated files in `docs/dashboards` and in the template.

use super::{Dashboard, all};
use crate::folder::Folder;

/// The folder in the documentation, from which users copy the files.
pub(super) const DOCS: &str = "docs/dashboards";
/// The folder of the template that compose mounts, with placeholders for addresses.
const COMPOSE: &str = "template/deploy/compose/platform/dashboards";

/// The handwritten queries of postgres_exporter for the database dashboard.
const QUERIES: &str = "postgres_exporter.yaml";

/// Both folders, with their files.
pub(super) fn folders() -> anyhow::Result<[Folder; 2]> {
    let queries = include_str!("../../../../docs/dashboards/postgres_exporter.yaml");
    let queries = (QUERIES.to_owned(), queries.to_owned());
    let compose = files()?.into_iter().chain([queries]);
    Ok([
        docs()?,
        Folder::new(COMPOSE, "dashboards", compose).liquid(),
    ])
}

/// The folder that users copy.
pub(super) fn docs() -> anyhow::Result<Folder> {
    let dashboards = all();
    let others = [
        ("README.md".to_owned(), readme(&dashboards)),
        ("kustomization.yaml".to_owned(), kustomization(&dashboards)),
    ];
    let files = files()?.into_iter().chain(others);
    Ok(Folder::new(DOCS, "dashboards", files).handwritten(&[QUERIES]))
}

/// The file names and the texts of all dashboards.
fn files() -> anyhow::Result<Vec<(String, String)>> {
    all().iter().map(file).collect()
}

fn file(dashboard: &Dashboard) -> anyhow::Result<(String, String)> {
    let mut text = serde_json::to_string_pretty(&dashboard.json())?;
    text.push('\n');
    Ok((format!("{}.json", dashboard.name()), text))
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

fn kustomization(dashboards: &[Dashboard]) -> String {
    let mut text = include_str!("kustomization.yaml").to_owned();
    for dashboard in dashboards {
        let (name, uid) = (dashboard.name(), dashboard.uid());
        text.push_str(&format!(
            "  - name: firstlight-dashboard-{name}\n    files: [{uid}.json={name}.json]\n"
        ));
    }
    text
}
