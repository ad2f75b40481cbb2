//! A panel of lines over time, and its form in Grafana's JSON.
//!
//! The keys of every object are sorted, because their order in the file would otherwise depend on a feature of
//! `serde_json` that other crates may enable.

use serde_json::{Value, json};

/// The number of columns of Grafana's grid.
pub(super) const COLUMNS: usize = 24;

/// The height of a panel in rows of Grafana's grid.
pub(super) const HEIGHT: usize = 9;

/// The data source that the dashboard's variable selects.
pub(super) fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// A panel.
#[derive(Debug)]
pub(super) struct Panel {
    /// The title, which is unique on the dashboard.
    pub(super) title: String,
    /// What the values mean.
    pub(super) means: String,
    pub(super) normally: String,
    pub(super) otherwise: String,
    /// Grafana's id of the unit.
    pub(super) unit: &'static str,
    /// Whether the axis may begin below or above 0.
    pub(super) is_free: bool,
    pub(super) targets: Vec<Target>,
}

/// A query of a panel.
#[derive(Debug)]
pub(super) struct Target {
    /// The legend, in which `{{label}}` is the value of a label.
    pub(super) legend: String,
    pub(super) expr: String,
    /// Whether dots link to the traces of samples.
    pub(super) has_exemplars: bool,
}

impl Target {
    /// A query without exemplars.
    pub(super) fn new(legend: impl Into<String>, expr: impl Into<String>) -> Self {
        Self {
            legend: legend.into(),
            expr: expr.into(),
            has_exemplars: false,
        }
    }

    /// Shows exemplars.
    pub(super) fn with_exemplars(mut self) -> Self {
        self.has_exemplars = true;
        self
    }

    fn json(&self, index: u8) -> Value {
        json!({
            "datasource": datasource(),
            "editorMode": "code",
            "exemplar": self.has_exemplars,
            "expr": self.expr,
            "format": "time_series",
            "instant": false,
            "legendFormat": self.legend,
            "range": true,
            "refId": char::from(b'A' + index % 26).to_string(),
        })
    }
}

impl Panel {
    /// The panel as Grafana loads it, in a dashboard.
    pub(super) fn json(&self, id: usize, position: &Value) -> Value {
        let targets: Vec<Value> = (0..)
            .zip(&self.targets)
            .map(|(index, target)| target.json(index))
            .collect();
        json!({
            "datasource": datasource(),
            "description": format!(
                "{}\n\n**Normal:** {}\n\n**Otherwise:** {}",
                self.means, self.normally, self.otherwise
            ),
            "fieldConfig": {
                "defaults": self.defaults(),
                "overrides": self.overrides(),
            },
            "gridPos": position,
            "id": id,
            "links": [],
            "options": {
                "legend": {
                    "calcs": ["lastNotNull", "max", "mean"],
                    "displayMode": "table",
                    "placement": "bottom",
                    "showLegend": true,
                    "sortBy": "Max",
                    "sortDesc": true,
                },
                "tooltip": { "mode": "multi", "sort": "desc" },
            },
            "targets": targets,
            "title": self.title,
            "transformations": [],
            "type": "timeseries",
        })
    }

    fn defaults(&self) -> Value {
        let custom = json!({
            "axisPlacement": "auto",
            "drawStyle": "line",
            "fillOpacity": 8,
            "lineInterpolation": "linear",
            "lineWidth": 2,
            "showPoints": "never",
            "spanNulls": false,
            "stacking": { "group": "A", "mode": "none" },
            "thresholdsStyle": { "mode": "off" },
        });
        let color = json!({ "mode": "palette-classic-by-name" });
        let thresholds = json!({
            "mode": "absolute",
            "steps": [{ "color": "green", "value": null }],
        });
        let unit = self.unit;
        if self.is_free {
            return json!({
                "color": color, "custom": custom, "links": [], "mappings": [], "noValue": "no data",
                "thresholds": thresholds, "unit": unit,
            });
        }
        json!({
            "color": color, "custom": custom, "links": [], "mappings": [], "min": 0,
            "noValue": "no data", "thresholds": thresholds, "unit": unit,
        })
    }

    /// Reference lines are purple, as on firstlight's dashboards.
    fn overrides(&self) -> Vec<Value> {
        let lines = self.targets.iter();
        let lines = lines.filter(|target| [LIMIT, OBJECTIVE].contains(&&*target.legend));
        let purple = |target: &Target| {
            json!({
                "matcher": { "id": "byName", "options": target.legend },
                "properties": [{
                    "id": "color",
                    "value": { "fixedColor": "purple", "mode": "fixed" },
                }],
            })
        };
        lines.map(purple).collect()
    }
}

/// The legend of a limit.
pub(super) const LIMIT: &str = "limit";

/// The legend of an objective.
pub(super) const OBJECTIVE: &str = "objective";
