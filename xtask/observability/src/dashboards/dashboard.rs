//! A dashboard, and its form in Grafana's classic JSON.
//!
//! Grafana 10 to 13 load it.

use serde_json::{Value, json};

use super::{Annotation, Link, Panel, Row, Variable, link};
use crate::promql::Selector;

/// The schema version of Grafana 12.
///
/// Grafana 13 migrates it on load. Grafana 10 and 11 ignore unknown properties.
const SCHEMA_VERSION: u32 = 41;

/// One dashboard: its variables, its links and its panels in rows.
#[derive(Debug, Clone)]
pub struct Dashboard {
    name: &'static str,
    title: &'static str,
    question: &'static str,
    variables: Vec<Variable>,
    links: Vec<Link>,
    rows: Vec<Row>,
    from: &'static str,
}

impl Dashboard {
    /// A dashboard without rows.
    ///
    /// `name` is part of the uid and of the file name. `present` selects series that every service
    /// with data on this dashboard has. The variables offer the labels of these series.
    pub(crate) fn new(
        name: &'static str,
        title: &'static str,
        question: &'static str,
        present: &Selector,
    ) -> Self {
        Self {
            name,
            title,
            question,
            variables: Variable::common(present),
            links: vec![Link::Dashboards],
            rows: Vec::new(),
            from: "now-1h",
        }
    }

    pub(crate) fn variable(mut self, variable: Variable) -> Self {
        self.variables.push(variable);
        self
    }

    pub(crate) fn link(mut self, link: Link) -> Self {
        self.links.push(link);
        self
    }

    pub(crate) fn row(mut self, row: Row) -> Self {
        self.rows.push(row);
        self
    }

    /// Sets the start of the default time range, which is otherwise an hour ago.
    pub(crate) fn from(mut self, from: &'static str) -> Self {
        self.from = from;
        self
    }

    /// The name, which is part of the uid and of the file name.
    pub fn name(&self) -> &str {
        self.name
    }

    /// The uid, which is stable, so that links and alerts can refer to it.
    pub(crate) fn uid(&self) -> String {
        format!("firstlight-{}", self.name)
    }

    /// The title in Grafana's list.
    pub fn title(&self) -> &str {
        self.title
    }

    /// The question that the dashboard answers.
    pub fn question(&self) -> &str {
        self.question
    }

    /// The variables, which users can set.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// All panels, row by row.
    pub fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.rows.iter().flat_map(Row::panels)
    }

    /// The dashboard as Grafana loads it.
    pub fn json(&self) -> Value {
        let mut panels = Vec::new();
        let (mut id, mut y) = (0, 0);
        for row in &self.rows {
            row.write(&mut panels, &mut id, &mut y);
        }
        let annotations: Vec<Value> = Annotation::ALL.into_iter().map(Annotation::json).collect();
        let variables: Vec<Value> = self.variables.iter().map(Variable::json).collect();
        let links: Vec<Value> = self.links.iter().map(Link::json).collect();
        json!({
            "annotations": { "list": annotations },
            "description": self.question,
            "editable": false,
            "fiscalYearStartMonth": 0,
            // All panels share the crosshair.
            "graphTooltip": 1,
            "links": links,
            "panels": panels,
            "refresh": "30s",
            "schemaVersion": SCHEMA_VERSION,
            "tags": [link::TAG],
            "templating": { "list": variables },
            "time": { "from": self.from, "to": "now" },
            "timepicker": {},
            "timezone": "browser",
            "title": self.title,
            "uid": self.uid(),
            "weekStart": "",
        })
    }
}
