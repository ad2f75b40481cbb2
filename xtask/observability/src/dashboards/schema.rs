//! Dashboards against Grafana's own types: each becomes a constant of that type, and TypeScript's compiler says what does not fit.
//!
//! It is the strictest check that there is without a Grafana: the compiler refuses keys that a type does not have, and knows each
//! plugin's options.

use std::fs;

use anyhow::bail;
use serde_json::{Value, json};
use support::{command, tools};

use super::{Dashboard, all};

/// Every dashboard has Grafana's type.
pub(super) fn fits() -> anyhow::Result<()> {
    let boards: Vec<(String, Value)> = all()
        .iter()
        .map(|dashboard| (dashboard.name().to_owned(), Dashboard::json(dashboard)))
        .collect();
    compile(&boards)
}

/// The check objects to what it should: to a key that no type has, to a word that is none of an enum's, and to a text for a number.
pub(super) fn objects() -> anyhow::Result<()> {
    let Some(overview) = all().first().map(Dashboard::json) else {
        bail!("there is no dashboard")
    };
    let mistakes: [(&str, &str, Value); 4] = [
        ("key", "/panels/1/options/colourMode", json!("background")),
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
            bail!("{pointer} was changed, and the types did not object; they said:\n{objections}");
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
