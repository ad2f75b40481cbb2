//! One answer on a dashboard: what is shown, and what it says to its reader at night.
//!
//! Left out: everything about how it is drawn, which is in [`kind`](super::kind), and where, which is the row's.

use serde_json::{Map, Value, json};

use super::{Ask, Colour, Column, Kind, Target, Thresholds, Unit, datasource, link, runbook};

/// One panel: its queries, its words and how its values are drawn.
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
    /// Series that have a colour of their own, by name.
    colours: Vec<(String, Colour)>,
    /// The same for all series whose names end like this.
    shades: Vec<(&'static str, Colour)>,
    /// Words for values.
    words: Vec<(f64, &'static str, Colour)>,
    /// Links on the values.
    links: Vec<Value>,
    /// What is written where there is no value.
    nothing: &'static str,
    signed: bool,
}

impl Panel {
    /// One number, which turns red.
    pub fn stat(title: &str) -> Self {
        Self::new(title, Kind::Stat)
    }

    /// Lines over time.
    pub fn timeseries(title: &str) -> Self {
        Self::new(title, Kind::Timeseries { stacked: false })
    }

    /// Areas over time, on top of each other: parts of a whole.
    pub(crate) fn stack(title: &str) -> Self {
        Self::new(title, Kind::Timeseries { stacked: true })
    }

    /// How a histogram's samples are spread, over time.
    pub(crate) fn heatmap(title: &str) -> Self {
        Self::new(title, Kind::Heatmap)
    }

    /// One row per series; see [`Panel::by`] and [`Panel::column`].
    pub fn table(title: &str) -> Self {
        Self::new(title, Kind::Table(Vec::new(), Vec::new()))
    }

    /// States over time, one line per series.
    pub fn state_timeline(title: &str) -> Self {
        Self::new(title, Kind::StateTimeline)
    }

    /// The newest value of each series, as a bar.
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
            colours: Vec::new(),
            shades: Vec::new(),
            words: Vec::new(),
            links: Vec::new(),
            nothing: "no data",
            signed: false,
        }
    }

    /// What the numbers are.
    pub(crate) fn means(mut self, text: &str) -> Self {
        text.clone_into(&mut self.means);
        self
    }

    /// What it looks like on a good day.
    pub(crate) fn normally(mut self, text: &str) -> Self {
        text.clone_into(&mut self.normally);
        self
    }

    /// What to do on any other.
    pub(crate) fn otherwise(mut self, text: &str) -> Self {
        text.clone_into(&mut self.otherwise);
        self
    }

    /// The alert that fires when this panel turns red, whose page says more. A test compares it with the alerts' names.
    pub(crate) fn runbook(mut self, alert: &'static str) -> Self {
        self.runbooks.push(alert);
        self
    }

    /// The unit of its values.
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// Red from `value` on.
    pub fn red_from(mut self, value: f64) -> Self {
        self.thresholds.from(value, Colour::Red);
        self
    }

    pub(crate) fn orange_from(mut self, value: f64) -> Self {
        self.thresholds.from(value, Colour::Orange);
        self
    }

    pub(crate) fn red_below(mut self, value: f64) -> Self {
        self.thresholds.below(value, Colour::Red);
        self
    }

    /// A query, in the order of the legend.
    pub fn shows(mut self, mut target: Target) -> Self {
        target.ask = match self.kind {
            // One window is the whole range: there is one value, and no curve.
            Kind::Stat if target.expr().contains("$__range") => Ask::Now,
            Kind::Stat | Kind::Timeseries { .. } | Kind::StateTimeline => Ask::Range,
            Kind::BarGauge => Ask::Now,
            Kind::Heatmap => Ask::Buckets,
            Kind::Table(..) => Ask::Rows,
        };
        self.targets.push(target);
        self
    }

    /// Of a table: what a row is, as a label and as the heading of its column.
    pub fn by(mut self, label: &'static str, heading: &'static str) -> Self {
        if let Kind::Table(keys, _) = &mut self.kind {
            keys.push((label, heading));
        }
        self
    }

    /// Of a table: rows say which service they are of, before anything else.
    pub(crate) fn by_service(self) -> Self {
        self.by("cluster", "Cluster")
            .by("namespace", "Namespace")
            .by("job", "Service")
    }

    /// Of a table: one more value for each row. Rows are sorted by the first.
    pub fn column(mut self, column: Column) -> Self {
        let target = column.target.clone();
        if let Kind::Table(_, columns) = &mut self.kind {
            columns.push(column);
        }
        self.shows(target)
    }

    /// The series of this name always has this colour.
    pub(crate) fn colour(mut self, series: &str, colour: Colour) -> Self {
        self.colours.push((series.to_owned(), colour));
        self
    }

    /// The series of each service whose name ends with this word have shades of this colour.
    pub(crate) fn shades(mut self, word: &'static str, colour: Colour) -> Self {
        self.shades.push((word, colour));
        self
    }

    /// The value is written as this word.
    pub fn word(mut self, value: f64, word: &'static str, colour: Colour) -> Self {
        self.words.push((value, word, colour));
        self
    }

    /// From each value to another dashboard; `more` is added to the query, such as `&var-route=…`.
    pub(crate) fn leads_to(mut self, title: &str, uid: &str, more: &str) -> Self {
        let of_row = matches!(&self.kind, Kind::Table(keys, _) if keys.iter().any(|(label, _)| *label == "job"));
        let job = if of_row {
            link::Job::OfRow
        } else {
            link::Job::Chosen
        };
        self.links.push(link::detail(title, uid, job, more));
        self
    }

    /// What is written where there is no value, and why.
    pub(crate) fn nothing(mut self, text: &'static str) -> Self {
        self.nothing = text;
        self
    }

    /// Values below 0 mean something, so the axis may begin there.
    pub fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    /// The title, which is unique on its dashboard.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Its queries.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    pub(crate) fn runbooks(&self) -> &[&'static str] {
        &self.runbooks
    }

    /// The text behind the panel's `i`.
    fn description(&self) -> String {
        let mut text = format!(
            "{}\n\n**Normal:** {}\n\n**Otherwise:** {}",
            self.means, self.normally, self.otherwise
        );
        for alert in &self.runbooks {
            text.push_str(&format!(
                "\n\nRunbook: [{alert}]({})",
                runbook::address(alert)
            ));
        }
        text
    }

    /// The panel as part of its dashboard.
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
        set("color", self.kind.colour(&self.thresholds));
        set("custom", self.kind.custom(&self.thresholds));
        set("links", Value::from(self.links.clone()));
        set("mappings", self.mappings());
        if !self.signed && self.kind.has_axis() {
            set("min", json!(0));
        }
        // Without it the longest bar is as long as the panel, however short it should be.
        if self.unit == Unit::Part && matches!(self.kind, Kind::BarGauge) {
            set("max", json!(1));
        }
        set("noValue", json!(self.nothing));
        set("thresholds", self.thresholds.json());
        set("unit", json!(self.unit.id()));
        Value::Object(defaults)
    }

    fn mappings(&self) -> Value {
        let words: Map<String, Value> = (0..)
            .zip(&self.words)
            .map(|(index, (value, word, colour))| {
                let index: u32 = index;
                let word = json!({ "color": colour.name(), "index": index, "text": word });
                (value.to_string(), word)
            })
            .collect();
        if words.is_empty() {
            return json!([]);
        }
        json!([{ "options": words, "type": "value" }])
    }

    fn overrides(&self) -> Vec<Value> {
        let colours = self.colours.iter().map(|(series, colour)| {
            json!({
                "matcher": { "id": "byName", "options": series },
                "properties": [{
                    "id": "color",
                    "value": { "fixedColor": colour.name(), "mode": "fixed" },
                }],
            })
        });
        let shades = self.shades.iter().map(|(word, colour)| {
            json!({
                "matcher": { "id": "byRegexp", "options": format!("/ {word}$/") },
                "properties": [{
                    "id": "color",
                    "value": { "fixedColor": colour.name(), "mode": "shades" },
                }],
            })
        });
        let fixed = colours.chain(shades);
        fixed.chain(self.kind.overrides()).collect()
    }
}
