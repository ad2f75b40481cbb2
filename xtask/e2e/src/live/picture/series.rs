//! A series of Prometheus' answer with its name from the legend.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::interpolation;

/// A series with its labels and values.
#[derive(Debug, Clone, Default)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    /// Times in seconds since 1970 and finite values; never empty.
    pub(super) values: Vec<(f64, f64)>,
}

impl Series {
    /// Parses a series of a range or of an instant; `None` without finite values.
    pub(super) fn parse(series: &Value, legend: &str) -> Option<Self> {
        let values = match series["values"].as_array() {
            Some(values) => values.as_slice(),
            None => std::slice::from_ref(&series["value"]),
        };
        let values = values.iter().filter_map(|pair| {
            let value: f64 = pair[1].as_str()?.parse().ok()?;
            value.is_finite().then_some((pair[0].as_f64()?, value))
        });
        let values: Vec<_> = values.collect();
        if values.is_empty() {
            return None;
        }
        let labels = series["metric"].as_object()?.iter();
        let labels: BTreeMap<_, _> = labels
            .filter(|(name, _)| *name != "__name__")
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect();
        let mut name = legend.to_owned();
        for token in interpolation::legend_labels(legend) {
            let value = labels.get(token).map_or("", String::as_str);
            name = name.replace(&format!("{{{{{token}}}}}"), value);
        }
        Some(Self {
            // Missing labels leave no extra spaces.
            name: name.split_whitespace().collect::<Vec<_>>().join(" "),
            labels,
            values,
        })
    }

    /// The latest value.
    pub(super) fn last(&self) -> f64 {
        self.values.last().map_or(0.0, |(_, value)| *value)
    }

    pub(super) fn largest(&self) -> f64 {
        let values = self.values.iter().map(|(_, value)| *value);
        values.fold(f64::NEG_INFINITY, f64::max)
    }

    pub(super) fn mean(&self) -> f64 {
        let values = self.values.iter().map(|(_, value)| *value);
        values.sum::<f64>() / self.values.len().max(1) as f64
    }

    /// The value at a time, if there is one.
    pub(super) fn at(&self, second: f64) -> Option<f64> {
        let found = self.values.iter().find(|(at, _)| *at == second);
        found.map(|(_, value)| *value)
    }

    /// The upper bound of a bucket; infinite for the last one.
    pub(super) fn bound(&self) -> f64 {
        let bound = self.labels.get("le").and_then(|le| le.parse().ok());
        bound.unwrap_or(f64::INFINITY)
    }
}
