//! The generated files in `docs/dashboards` and in the template.

use super::{Dashboard, all};
use crate::folder::Folder;

/// The folder in the documentation, from which users copy the files.
pub(super) const DOCS: &str = "docs/dashboards";
/// The folder in the template, with placeholders for addresses.
const TEMPLATE: &str = "template/observability/dashboards";

/// The handwritten queries of postgres_exporter for the database dashboard.
const QUERIES: &str = "postgres_exporter.yaml";

/// Both folders, with their files.
pub(super) fn folders() -> anyhow::Result<[Folder; 2]> {
    let dashboards = all();
    let files: Vec<_> = dashboards.iter().map(file).collect::<Result<_, _>>()?;
    let readme = ("README.md".to_owned(), readme(&dashboards));
    let queries = include_str!("../../../../docs/dashboards/postgres_exporter.yaml");
    let queries = (QUERIES.to_owned(), queries.to_owned());
    let docs = files.iter().cloned().chain([readme]);
    let template = files.iter().cloned().chain([queries]);
    Ok([
        Folder::new(DOCS, "dashboards", docs).handwritten(&[QUERIES]),
        Folder::new(TEMPLATE, "dashboards", template).liquid(),
    ])
}

/// The file name and the text of a dashboard.
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
