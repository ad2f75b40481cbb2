//! Where a panel changes its colour, which is where an alert fires.

use serde_json::{Value, json};

use super::Colour;

/// Steps from one colour to the next.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Thresholds {
    /// There is no alert on it: one colour.
    #[default]
    None,
    /// More is worse: from each value on, that colour; green below.
    Rising(Vec<(f64, Colour)>),
    /// Less is worse: below each value, that colour; green above.
    Falling(Vec<(f64, Colour)>),
}

impl Thresholds {
    pub(super) fn from(&mut self, value: f64, colour: Colour) {
        match self {
            Self::Rising(steps) => steps.push((value, colour)),
            _ => *self = Self::Rising(vec![(value, colour)]),
        }
    }

    pub(super) fn below(&mut self, value: f64, colour: Colour) {
        match self {
            Self::Falling(steps) => steps.push((value, colour)),
            _ => *self = Self::Falling(vec![(value, colour)]),
        }
    }

    pub(super) fn json(&self) -> Value {
        let mut steps = match self {
            Self::None => vec![(None, Colour::Green)],
            Self::Rising(steps) => {
                let mut steps: Vec<_> = steps.iter().map(|(value, c)| (Some(*value), *c)).collect();
                steps.push((None, Colour::Green));
                steps
            }
            Self::Falling(steps) => {
                let mut sorted = steps.clone();
                sorted.sort_by(|(a, _), (b, _)| a.total_cmp(b));
                // Each colour begins where the one before it ends, the first at minus infinity.
                let starts = [None]
                    .into_iter()
                    .chain(sorted.iter().map(|(value, _)| Some(*value)));
                let colours = sorted.iter().map(|(_, c)| *c).chain([Colour::Green]);
                starts.zip(colours).collect()
            }
        };
        steps.sort_by(|(a, _), (b, _)| {
            a.unwrap_or(f64::NEG_INFINITY)
                .total_cmp(&b.unwrap_or(f64::NEG_INFINITY))
        });
        let steps: Vec<Value> = steps
            .into_iter()
            .map(|(value, colour)| json!({ "color": colour.name(), "value": value }))
            .collect();
        json!({ "mode": "absolute", "steps": steps })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Colour, Thresholds};

    #[test]
    fn what_rises_turns_red_at_the_top() {
        let mut thresholds = Thresholds::None;
        thresholds.from(1.0, Colour::Red);
        thresholds.from(0.5, Colour::Orange);
        let steps = thresholds.json()["steps"].clone();
        let expected = json!([
            { "color": "green", "value": null },
            { "color": "orange", "value": 0.5 },
            { "color": "red", "value": 1.0 },
        ]);
        assert_eq!(steps, expected);
    }

    #[test]
    fn what_falls_turns_red_at_the_bottom() {
        let mut thresholds = Thresholds::None;
        thresholds.below(0.5, Colour::Orange);
        thresholds.below(0.0, Colour::Red);
        let steps = thresholds.json()["steps"].clone();
        let expected = json!([
            { "color": "red", "value": null },
            { "color": "orange", "value": 0.0 },
            { "color": "green", "value": 0.5 },
        ]);
        assert_eq!(steps, expected);
    }
}
