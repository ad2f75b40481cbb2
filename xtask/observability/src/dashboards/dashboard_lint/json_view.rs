//! Views of a dashboard's JSON, which rules read.

use promql_parser::parser::Expr;
use serde_json::Value;

use crate::{addresses::RUNBOOKS, expr};

/// A view of a dashboard.
#[derive(Debug, Clone, Copy)]
pub(super) struct DashboardView<'a> {
    pub(super) json: &'a Value,
}

/// A view of a panel.
#[derive(Debug, Clone, Copy)]
pub(super) struct PanelView<'a> {
    pub(super) json: &'a Value,
}

impl<'a> DashboardView<'a> {
    pub(super) fn new(json: &'a Value) -> Self {
        Self { json }
    }

    /// All panels, including those in collapsed rows, but not the rows themselves.
    pub(super) fn panels(&self) -> Vec<PanelView<'a>> {
        let mut panels = Vec::new();
        for panel in items(&self.json["panels"]) {
            if panel["type"] == "row" {
                panels.extend(items(&panel["panels"]).map(|json| PanelView { json }));
            } else {
                panels.push(PanelView { json: panel });
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

    /// The objections of `check` to all panels, each with the panel's title.
    pub(super) fn each_panel(&self, check: impl Fn(PanelView<'a>) -> Vec<String>) -> Vec<String> {
        let objections = |panel: PanelView<'a>| {
            let title = panel.title();
            check(panel)
                .into_iter()
                .map(move |objection| format!("{title:?}: {objection}"))
        };
        self.panels().into_iter().flat_map(objections).collect()
    }

    /// The objections of `check` to all queries, each with the query.
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

    /// Like [`DashboardView::each_query`], for the queries that parse.
    ///
    /// Another rule checks that all queries parse.
    pub(super) fn each_tree(&self, check: impl Fn(&Expr) -> Vec<String>) -> Vec<String> {
        self.each_query(|query| expr::parse(query).map_or_else(|_| Vec::new(), |tree| check(&tree)))
    }
}

impl<'a> PanelView<'a> {
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

    /// The names of the alerts whose runbooks the panel links to.
    pub(super) fn runbooks(&self) -> Vec<&'a str> {
        let urls = items(&self.json["links"]).map(|link| text(&link["url"]));
        urls.filter_map(|url| {
            let file = url.strip_prefix(RUNBOOKS.as_str())?;
            file.strip_prefix('/')?.strip_suffix(".md")
        })
        .collect()
    }

    /// Whether the panel shows alerts, each of which has its own runbook and limit.
    pub(super) fn counts_alerts(&self) -> bool {
        self.targets()
            .all(|target| text(&target["expr"]).contains("ALERTS{"))
    }

    /// The thresholds of the panel and of single columns.
    pub(super) fn thresholds(&self) -> impl Iterator<Item = &'a Value> {
        let overrides = self.overrides().filter(|own| own["id"] == "thresholds");
        let overrides = overrides.map(|own| &own["value"]);
        overrides.chain([&self.defaults()["thresholds"]])
    }

    /// The threshold steps of one series: those of its column, or of the panel.
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

    /// The overridden properties of single columns or series.
    pub(super) fn overrides(&self) -> impl Iterator<Item = &'a Value> {
        items(&self.json["fieldConfig"]["overrides"]).flat_map(|entry| items(&entry["properties"]))
    }
}

/// The items of a list, or none for other values.
pub(super) fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// The text of a string, or an empty one for other values.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// One objection if `when` is true.
pub(super) fn objection(when: bool, what: impl Into<String>) -> Vec<String> {
    if when { vec![what.into()] } else { Vec::new() }
}

/// Changes the first panel of a kind.
pub(super) fn change_first_panel(
    dashboard: &mut Value,
    kind: &str,
    change: impl FnOnce(&mut Value),
) {
    let panels = dashboard["panels"].as_array_mut();
    if let Some(panel) = panels
        .into_iter()
        .flatten()
        .find(|panel| panel["type"] == kind)
    {
        change(panel);
    }
}

/// Replaces the query of the first stat panel.
pub(super) fn replace_first_query(dashboard: &mut Value, query: &str) {
    change_first_panel(dashboard, "stat", |panel| {
        panel["targets"][0]["expr"] = Value::from(query)
    });
}

/// Changes the variable of this name.
pub(super) fn change_variable(dashboard: &mut Value, name: &str, change: impl FnOnce(&mut Value)) {
    let variables = dashboard["templating"]["list"].as_array_mut();
    if let Some(variable) = variables
        .into_iter()
        .flatten()
        .find(|variable| variable["name"] == name)
    {
        change(variable);
    }
}
