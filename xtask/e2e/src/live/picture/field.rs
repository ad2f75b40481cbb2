//! Units, texts and colors of a series or column: defaults and overrides.

use serde_json::Value;

use super::{number, palette};

/// The settings of one series or column of a panel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    panel: &'a Value,
    name: &'a str,
}

impl<'a> Field<'a> {
    pub(super) fn new(panel: &'a Value, name: &'a str) -> Self {
        Self { panel, name }
    }

    /// The setting with this id, such as `custom.align`.
    pub(super) fn get(&self, id: &str) -> &'a Value {
        let config = &self.panel["fieldConfig"];
        let overrides = config["overrides"].as_array().into_iter().flatten();
        let matching = overrides.filter(|one| self.matches(&one["matcher"]));
        let properties = matching.filter_map(|one| one["properties"].as_array());
        let own = properties.flatten().rfind(|one| one["id"] == id);
        let default = || id.split('.').fold(&config["defaults"], |at, key| &at[key]);
        own.map_or_else(default, |own| &own["value"])
    }

    fn matches(&self, matcher: &Value) -> bool {
        let options = matcher["options"].as_str().unwrap_or_default();
        match matcher["id"].as_str() {
            Some("byName") => options == self.name,
            // Each pattern is `/text$/`, because the module `supported` rejects any other.
            Some("byRegexp") => {
                let end = options.trim_start_matches('/').trim_end_matches("$/");
                self.name.ends_with(end)
            }
            _ => false,
        }
    }

    pub(super) fn unit(&self) -> &'a str {
        self.get("unit").as_str().unwrap_or_default()
    }

    /// The text of a value: a mapping, or the number with its unit.
    ///
    /// Without a value, it is the panel's text for missing values.
    pub(super) fn text(&self, value: Option<f64>) -> String {
        let Some(value) = value else {
            let nothing = self.get("noValue").as_str();
            return nothing.unwrap_or_default().to_owned();
        };
        let mapped = self.mapped(value)["text"].as_str();
        mapped.map_or_else(|| number::format(value, self.unit()), str::to_owned)
    }

    fn mapped(&self, value: f64) -> &'a Value {
        let mappings = self.get("mappings").as_array().into_iter().flatten();
        let key = value.to_string();
        let mut found = mappings.map(|mapping| &mapping["options"][&key]);
        found
            .find(|found| found.is_object())
            .unwrap_or(&Value::Null)
    }

    /// The color of a value, from its mapping or threshold.
    ///
    /// A threshold applies to values that have reached it. A missing value has the color of the first threshold.
    pub(super) fn value_color(&self, value: Option<f64>) -> &'static str {
        let mapped = value.map_or(&Value::Null, |value| self.mapped(value));
        if let Some(mapped) = mapped["color"].as_str() {
            return palette::named(mapped);
        }
        let value = value.unwrap_or(f64::NEG_INFINITY);
        let steps = self.get("thresholds")["steps"].as_array();
        let steps = steps.map(Vec::as_slice).unwrap_or_default().iter();
        let mut reached =
            steps.filter(|step| step["value"].as_f64().is_none_or(|from| value >= from));
        palette::named(
            reached
                .next_back()
                .map_or("green", |step| name(&step["color"])),
        )
    }

    /// The color of a series; `index` is its position in the panel.
    pub(super) fn color(&self, value: Option<f64>, index: usize) -> String {
        let own = self.get("color");
        match own["mode"].as_str() {
            Some("fixed") => palette::named(name(&own["fixedColor"])).to_owned(),
            Some("shades") => palette::shade(palette::named(name(&own["fixedColor"])), index),
            Some("thresholds") => self.value_color(value).to_owned(),
            _ => palette::by_name(self.name).to_owned(),
        }
    }
}

fn name(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
