//! A panel: its queries, description and links.
//!
//! [`kind`](super::kind) defines how it is drawn, and `row` its position.

use serde_json::{Map, Value, json};

use super::{Ask, Color, Column, Kind, Target, Thresholds, Unit, datasource, link};
use crate::addresses;

/// A builder of a panel.
#[derive(Debug, Clone)]
pub struct Panel {
    title: String,
    means: String,
    normally: String,
    otherwise: String,
    runbooks: Vec<&'static str>,
    pub(super) kind: Kind,
    pub(super) unit: Unit,
    pub(super) thresholds: Thresholds,
    pub(super) targets: Vec<Target>,
    /// Colors of single series, by name.
    colors: Vec<(String, Color)>,
    /// Colors of all series whose names end in a word.
    shades: Vec<(&'static str, Color)>,
    /// Texts and colors that replace values.
    words: Vec<(f64, &'static str, Color)>,
    /// Links on the values.
    links: Vec<Value>,
    /// The text if there is no value.
    no_value: &'static str,
    signed: bool,
}

impl Panel {
    /// A panel of one number.
    pub fn stat(title: &str) -> Self {
        Self::new(title, Kind::Stat)
    }

    /// A panel of lines over time.
    pub fn timeseries(title: &str) -> Self {
        Self::new(title, Kind::Timeseries { stacked: false })
    }

    /// A panel of stacked areas over time, as parts of a whole.
    pub(crate) fn stack(title: &str) -> Self {
        Self::new(title, Kind::Timeseries { stacked: true })
    }

    /// A panel of the distribution of a histogram's samples over time.
    pub(crate) fn heatmap(title: &str) -> Self {
        Self::new(title, Kind::Heatmap)
    }

    /// A table with one row per series; see [`Panel::by`] and [`Panel::column`].
    pub fn table(title: &str) -> Self {
        Self::new(title, Kind::Table(Vec::new(), Vec::new()))
    }

    /// A panel of states over time, with one bar per series.
    pub fn state_timeline(title: &str) -> Self {
        Self::new(title, Kind::StateTimeline)
    }

    /// A panel with one bar per series, of its newest value.
    pub(crate) fn bar_gauge(title: &str) -> Self {
        Self::new(title, Kind::BarGauge)
    }

    fn new(title: &str, kind: Kind) -> Self {
        Self {
            title: title.to_owned(),
            means: String::new(),
            normally: String::new(),
            otherwise: String::new(),
            runbooks: Vec::new(),
            kind,
            unit: Unit::Count,
            thresholds: Thresholds::None,
            targets: Vec::new(),
            colors: Vec::new(),
            shades: Vec::new(),
            words: Vec::new(),
            links: Vec::new(),
            no_value: "no data",
            signed: false,
        }
    }

    /// Sets what the values mean: the first part of the description.
    pub(crate) fn means(mut self, text: &str) -> Self {
        text.clone_into(&mut self.means);
        self
    }

    /// Sets what is normal: the second part of the description.
    pub(crate) fn normally(mut self, text: &str) -> Self {
        text.clone_into(&mut self.normally);
        self
    }

    /// Sets what to do otherwise: the third part of the description.
    pub(crate) fn otherwise(mut self, text: &str) -> Self {
        text.clone_into(&mut self.otherwise);
        self
    }

    /// Adds a link to the runbook of an alert.
    ///
    /// Tests check that the alert exists, and that thresholds of the panel are limits of its
    /// alerts.
    pub(crate) fn runbook(mut self, alert: &'static str) -> Self {
        self.runbooks.push(alert);
        self
    }

    /// Sets the unit of the values.
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// Turns the panel red from `value` on.
    pub fn red_from(mut self, value: f64) -> Self {
        self.thresholds.from(value, Color::Red);
        self
    }

    pub(crate) fn orange_from(mut self, value: f64) -> Self {
        self.thresholds.from(value, Color::Orange);
        self
    }

    pub(crate) fn red_below(mut self, value: f64) -> Self {
        self.thresholds.below(value, Color::Red);
        self
    }

    /// Adds a query.
    ///
    /// The kind of the panel determines the kind of result that Grafana requests.
    pub fn shows(mut self, mut target: Target) -> Self {
        target.ask = match self.kind {
            // A window over the whole range yields a single value.
            Kind::Stat if target.expr().contains("$__range") => Ask::Now,
            Kind::Stat | Kind::Timeseries { .. } | Kind::StateTimeline => Ask::Range,
            Kind::BarGauge => Ask::Now,
            Kind::Heatmap => Ask::Buckets,
            Kind::Table(..) => Ask::Rows,
        };
        self.targets.push(target);
        self
    }

    /// Adds a label that identifies a row of a table, with its heading.
    pub fn by(mut self, label: &'static str, heading: &'static str) -> Self {
        if let Kind::Table(keys, _) = &mut self.kind {
            keys.push((label, heading));
        }
        self
    }

    /// Adds the labels of the service as the first columns of a table.
    pub(crate) fn by_service(self) -> Self {
        self.by("cluster", "Cluster")
            .by("namespace", "Namespace")
            .by("job", "Service")
    }

    /// Adds a column of values to a table.
    ///
    /// Rows are sorted by the first column of values.
    pub fn column(mut self, column: Column) -> Self {
        let target = column.target.clone();
        if let Kind::Table(_, columns) = &mut self.kind {
            columns.push(column);
        }
        self.shows(target)
    }

    /// Sets the color of the series of this name.
    pub(crate) fn color(mut self, series: &str, color: Color) -> Self {
        self.colors.push((series.to_owned(), color));
        self
    }

    /// Sets shades of a color for all series whose names end in `word`.
    pub(crate) fn shades(mut self, word: &'static str, color: Color) -> Self {
        self.shades.push((word, color));
        self
    }

    /// Shows `value` as a word in this color.
    pub fn word(mut self, value: f64, word: &'static str, color: Color) -> Self {
        self.words.push((value, word, color));
        self
    }

    /// Adds a link from each value to another dashboard.
    ///
    /// `more` is added to the query string, such as `&var-route=…`.
    pub(crate) fn leads_to(mut self, title: &str, uid: &str, more: &str) -> Self {
        let of_row = matches!(&self.kind, Kind::Table(keys, _) if keys.iter().any(|(label, _)| *label == "job"));
        let job = if of_row {
            link::Job::OfRow
        } else {
            link::Job::Selected
        };
        self.links.push(link::detail(title, uid, job, more));
        self
    }

    /// Sets the text that replaces a missing value, and gives the reason.
    pub(crate) fn no_value(mut self, text: &'static str) -> Self {
        self.no_value = text;
        self
    }

    /// Allows negative values on the axis.
    pub fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    /// The title, which is unique on the dashboard.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The queries.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    pub(crate) fn runbooks(&self) -> &[&'static str] {
        &self.runbooks
    }

    /// The description, which Grafana shows on the panel's `i`.
    fn description(&self) -> String {
        let mut text = format!(
            "{}\n\n**Normal:** {}\n\n**Otherwise:** {}",
            self.means, self.normally, self.otherwise
        );
        for alert in &self.runbooks {
            text.push_str(&format!(
                "\n\nRunbook: [{alert}]({})",
                addresses::runbook(alert)
            ));
        }
        text
    }

    /// The panel as Grafana loads it, in a dashboard.
    pub fn json(&self, id: usize, position: Value) -> Value {
        let targets: Vec<Value> = (0..)
            .zip(&self.targets)
            .map(|(index, target)| target.json(index))
            .collect();
        let links: Vec<Value> = self
            .runbooks
            .iter()
            .map(|alert| link::runbook(alert))
            .collect();
        json!({
            "datasource": datasource(),
            "description": self.description(),
            "fieldConfig": {
                "defaults": self.defaults(),
                "overrides": self.overrides(),
            },
            "gridPos": position,
            "id": id,
            "links": links,
            "options": self.kind.options(self),
            "targets": targets,
            "title": self.title,
            "transformations": self.kind.transformations(),
            "type": self.kind.plugin(),
        })
    }

    fn defaults(&self) -> Value {
        let mut defaults = Map::new();
        let mut set = |key: &str, value: Value| defaults.insert(key.to_owned(), value);
        set("color", self.kind.color(&self.thresholds));
        set("custom", self.kind.custom(&self.thresholds));
        set("links", Value::from(self.links.clone()));
        set("mappings", self.mappings());
        if !self.signed && self.kind.has_axis() {
            set("min", json!(0));
        }
        // Without a maximum Grafana scales the longest bar to the whole width.
        if self.unit == Unit::Part && matches!(self.kind, Kind::BarGauge) {
            set("max", json!(1));
        }
        set("noValue", json!(self.no_value));
        set("thresholds", self.thresholds.json());
        set("unit", json!(self.unit.id()));
        Value::Object(defaults)
    }

    fn mappings(&self) -> Value {
        let words: Map<String, Value> = (0..)
            .zip(&self.words)
            .map(|(index, (value, word, color))| {
                let index: u32 = index;
                let word = json!({ "color": color.name(), "index": index, "text": word });
                (value.to_string(), word)
            })
            .collect();
        if words.is_empty() {
            return json!([]);
        }
        json!([{ "options": words, "type": "value" }])
    }

    fn overrides(&self) -> Vec<Value> {
        let colors = self.colors.iter().map(|(series, color)| {
            json!({
                "matcher": { "id": "byName", "options": series },
                "properties": [{
                    "id": "color",
                    "value": { "fixedColor": color.name(), "mode": "fixed" },
                }],
            })
        });
        let shades = self.shades.iter().map(|(word, color)| {
            json!({
                "matcher": { "id": "byRegexp", "options": format!("/ {word}$/") },
                "properties": [{
                    "id": "color",
                    "value": { "fixedColor": color.name(), "mode": "shades" },
                }],
            })
        });
        let fixed = colors.chain(shades);
        fixed.chain(self.kind.overrides()).collect()
    }
}
