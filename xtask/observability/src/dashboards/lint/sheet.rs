//! A dashboard's JSON, as rules read it.

use promql_parser::parser::Expr;
use serde_json::Value;

use crate::{addresses::RUNBOOKS, expr};

#[derive(Debug, Clone, Copy)]
pub(super) struct Sheet<'a> {
    pub(super) json: &'a Value,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct PanelSheet<'a> {
    pub(super) json: &'a Value,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(json: &'a Value) -> Self {
        Self { json }
    }

    /// All panels, also those in closed rows; rows are none.
    pub(super) fn panels(&self) -> Vec<PanelSheet<'a>> {
        let mut panels = Vec::new();
        for panel in items(&self.json["panels"]) {
            if panel["type"] == "row" {
                panels.extend(items(&panel["panels"]).map(|json| PanelSheet { json }));
            } else {
                panels.push(PanelSheet { json: panel });
            }
        }
        panels
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = &'a Value> {
        items(&self.json["templating"]["list"])
    }

    pub(super) fn variable(&self, name: &str) -> Option<&'a Value> {
        self.variables().find(|variable| variable["name"] == name)
    }

    /// What `check` objects to in any panel, with the panel's title.
    pub(super) fn each_panel(&self, check: impl Fn(PanelSheet<'a>) -> Vec<String>) -> Vec<String> {
        let objections = |panel: PanelSheet<'a>| {
            let title = panel.title();
            check(panel)
                .into_iter()
                .map(move |objection| format!("{title:?}: {objection}"))
        };
        self.panels().into_iter().flat_map(objections).collect()
    }

    /// What `check` objects to in any query, with the query.
    pub(super) fn each_query(&self, check: impl Fn(&str) -> Vec<String>) -> Vec<String> {
        self.each_panel(|panel| {
            let queries = panel.targets().map(|target| text(&target["expr"]));
            queries
                .flat_map(|query| {
                    check(query)
                        .into_iter()
                        .map(move |objection| format!("{objection}: {query}"))
                })
                .collect()
        })
    }

    /// Like [`Sheet::each_query`], of those that parse; that they do is a rule of its own.
    pub(super) fn each_tree(&self, check: impl Fn(&Expr) -> Vec<String>) -> Vec<String> {
        self.each_query(|query| expr::parse(query).map_or_else(|_| Vec::new(), |tree| check(&tree)))
    }
}

impl<'a> PanelSheet<'a> {
    pub(super) fn title(&self) -> &'a str {
        text(&self.json["title"])
    }

    pub(super) fn kind(&self) -> &'a str {
        text(&self.json["type"])
    }

    pub(super) fn targets(&self) -> impl Iterator<Item = &'a Value> {
        items(&self.json["targets"])
    }

    pub(super) fn defaults(&self) -> &'a Value {
        &self.json["fieldConfig"]["defaults"]
    }

    /// The alerts whose runbooks it links to.
    pub(super) fn runbooks(&self) -> Vec<&'a str> {
        let urls = items(&self.json["links"]).map(|link| text(&link["url"]));
        urls.filter_map(|url| {
            let page = url.strip_prefix(RUNBOOKS.as_str())?;
            page.strip_prefix('/')?.strip_suffix(".md")
        })
        .collect()
    }

    /// Whether it shows alerts themselves, each of which has a runbook and a limit of its own.
    pub(super) fn counts_alerts(&self) -> bool {
        self.targets()
            .all(|target| text(&target["expr"]).contains("ALERTS{"))
    }

    /// Its own, and those of single columns.
    pub(super) fn thresholds(&self) -> impl Iterator<Item = &'a Value> {
        let overrides = self.overrides().filter(|own| own["id"] == "thresholds");
        let overrides = overrides.map(|own| &own["value"]);
        overrides.chain([&self.defaults()["thresholds"]])
    }

    /// The thresholds of one series: its column's, or else the panel's.
    pub(super) fn steps(&self, series: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        let columns = items(&self.json["fieldConfig"]["overrides"]);
        let mut own = columns
            .filter(|entry| entry["matcher"]["options"] == series)
            .flat_map(|entry| items(&entry["properties"]))
            .filter(|property| property["id"] == "thresholds")
            .map(|property| &property["value"]);
        let steps = own.next().unwrap_or(&self.defaults()["thresholds"]);
        items(&steps["steps"])
    }

    /// Properties that single columns or series have instead.
    pub(super) fn overrides(&self) -> impl Iterator<Item = &'a Value> {
        items(&self.json["fieldConfig"]["overrides"]).flat_map(|entry| items(&entry["properties"]))
    }
}

/// Nothing, if it is no list.
pub(super) fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// Empty, if it is no text.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// One objection, if it is true.
pub(super) fn objection(when: bool, what: impl Into<String>) -> Vec<String> {
    if when { vec![what.into()] } else { Vec::new() }
}

/// Changes the first panel for which there is something to change.
pub(super) fn first_panel(dashboard: &mut Value, kind: &str, change: impl FnOnce(&mut Value)) {
    let panels = dashboard["panels"].as_array_mut();
    if let Some(panel) = panels
        .into_iter()
        .flatten()
        .find(|panel| panel["type"] == kind)
    {
        change(panel);
    }
}

/// Changes the first query.
pub(super) fn first_query(dashboard: &mut Value, query: &str) {
    first_panel(dashboard, "stat", |panel| {
        panel["targets"][0]["expr"] = Value::from(query)
    });
}

/// Changes a variable.
pub(super) fn a_variable(dashboard: &mut Value, name: &str, change: impl FnOnce(&mut Value)) {
    let variables = dashboard["templating"]["list"].as_array_mut();
    if let Some(variable) = variables
        .into_iter()
        .flatten()
        .find(|variable| variable["name"] == name)
    {
        change(variable);
    }
}
