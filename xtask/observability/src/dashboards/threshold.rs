//! Thresholds at which a panel changes its color: the limits of its alerts.

use serde_json::{Value, json};

use super::Color;

/// The values at which the color changes.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Thresholds {
    /// One color, for panels without an alert.
    #[default]
    None,
    /// Higher values are worse: each color applies from its value on.
    ///
    /// Values below all steps are green.
    Rising(Vec<(f64, Color)>),
    /// Lower values are worse: each color applies below its value.
    ///
    /// Values above all steps are green.
    Falling(Vec<(f64, Color)>),
}

impl Thresholds {
    pub(super) fn from(&mut self, value: f64, color: Color) {
        match self {
            Self::Rising(steps) => steps.push((value, color)),
            _ => *self = Self::Rising(vec![(value, color)]),
        }
    }

    pub(super) fn below(&mut self, value: f64, color: Color) {
        match self {
            Self::Falling(steps) => steps.push((value, color)),
            _ => *self = Self::Falling(vec![(value, color)]),
        }
    }

    pub(super) fn json(&self) -> Value {
        let mut steps = match self {
            Self::None => vec![(None, Color::Green)],
            Self::Rising(steps) => {
                let mut steps: Vec<_> = steps.iter().map(|(value, c)| (Some(*value), *c)).collect();
                steps.push((None, Color::Green));
                steps
            }
            Self::Falling(steps) => {
                let mut sorted = steps.clone();
                sorted.sort_by(|(a, _), (b, _)| a.total_cmp(b));
                // Grafana's steps have lower bounds, so each color starts at the previous value.
                let starts = [None]
                    .into_iter()
                    .chain(sorted.iter().map(|(value, _)| Some(*value)));
                let colors = sorted.iter().map(|(_, c)| *c).chain([Color::Green]);
                starts.zip(colors).collect()
            }
        };
        steps.sort_by(|(a, _), (b, _)| {
            a.unwrap_or(f64::NEG_INFINITY)
                .total_cmp(&b.unwrap_or(f64::NEG_INFINITY))
        });
        let steps: Vec<Value> = steps
            .into_iter()
            .map(|(value, color)| json!({ "color": color.name(), "value": value }))
            .collect();
        json!({ "mode": "absolute", "steps": steps })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Color, Thresholds};

    #[test]
    fn rising_values_turn_red() {
        let mut thresholds = Thresholds::None;
        thresholds.from(1.0, Color::Red);
        thresholds.from(0.5, Color::Orange);
        let steps = thresholds.json()["steps"].clone();
        let expected = json!([
            { "color": "green", "value": null },
            { "color": "orange", "value": 0.5 },
            { "color": "red", "value": 1.0 },
        ]);
        assert_eq!(steps, expected);
    }

    #[test]
    fn falling_values_turn_red() {
        let mut thresholds = Thresholds::None;
        thresholds.below(0.5, Color::Orange);
        thresholds.below(0.0, Color::Red);
        let steps = thresholds.json()["steps"].clone();
        let expected = json!([
            { "color": "red", "value": null },
            { "color": "orange", "value": 0.0 },
            { "color": "green", "value": 0.5 },
        ]);
        assert_eq!(steps, expected);
    }
}
