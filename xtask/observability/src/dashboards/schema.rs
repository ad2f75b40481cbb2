//! Checks of dashboards against Grafana's TypeScript types.
//!
//! Each dashboard becomes a constant of Grafana's type. The compiler rejects unknown keys and
//! checks the options of each plugin, which is the strictest check without a running Grafana.

use std::fs;

use anyhow::bail;
use serde_json::{Value, json};
use support::{command, tools};

use super::{Dashboard, all, own_metrics};
use crate::example_metrics;

/// Checks that every dashboard has Grafana's type.
///
/// The one of a service's own metrics is among them.
pub(super) fn all_boards_conform() -> anyhow::Result<()> {
    let mut boards: Vec<(String, Value)> = all()
        .iter()
        .map(|dashboard| (dashboard.name().to_owned(), Dashboard::json(dashboard)))
        .collect();
    let own = own_metrics::dashboard("orders", example_metrics::ALL)?;
    boards.push(("own".to_owned(), own));
    compile(&boards)
}

/// Checks that the compiler rejects mistakes.
///
/// They are an unknown key, an unknown word of an enum, a string instead of a number, and a wrong
/// key in a query.
pub(super) fn mistakes_are_rejected() -> anyhow::Result<()> {
    let Some(overview) = all().first().map(Dashboard::json) else {
        bail!("there is no dashboard")
    };
    let mistakes: [(&str, &str, Value); 4] = [
        ("key", "/panels/1/options/colorModes", json!("background")),
        ("word", "/panels/1/options/colorMode", json!("backdrop")),
        ("type", "/panels/1/gridPos/w", json!("3")),
        ("query", "/panels/1/targets/0/expression", json!("up")),
    ];
    let mut boards = Vec::new();
    for (name, pointer, value) in &mistakes {
        let mut broken = overview.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap_or_default();
        match broken.pointer_mut(parent).and_then(Value::as_object_mut) {
            Some(object) => object.insert(key.to_owned(), value.clone()),
            None => bail!("the overview has no {parent}"),
        };
        boards.push((format!("broken_{name}"), broken));
    }
    let objections = compile(&boards)
        .err()
        .map(|error| format!("{error:#}"))
        .unwrap_or_default();
    for (name, pointer, _) in mistakes {
        if !objections.contains(&format!("broken_{name}.ts(")) {
            bail!("the types accept a change of {pointer}; the compiler printed:\n{objections}");
        }
    }
    Ok(())
}

fn compile(boards: &[(String, Value)]) -> anyhow::Result<()> {
    let typescript = tools::typescript_with_grafana()?;
    fs::write(
        typescript.folder.join("board.ts"),
        include_str!("schema.ts"),
    )?;
    let mut check = typescript.check();
    for (name, json) in boards {
        let file = format!("{name}.ts");
        let json = serde_json::to_string_pretty(json)?;
        let text = format!(
            "import type {{ Board }} from \"./board\";\n\nexport const board: Board = {json};\n"
        );
        fs::write(typescript.folder.join(&file), text)?;
        check.arg(file);
    }
    command::run_quietly(&mut check)?;
    Ok(())
}
