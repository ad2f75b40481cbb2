//! Scaling of durations in rules, for tests.
//!
//! In the suite `live` a minute takes one second, because a test cannot wait for windows of three days. Durations that the
//! service exports, such as the budget of a queue, are not scaled. The tested service declares short ones.

use std::borrow::Cow;

/// The time scale of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// Unscaled durations, as in the committed rules.
    Production,
    /// A sixtieth of every duration: a minute becomes a second.
    Scaled,
}

/// The units of durations, with their lengths in milliseconds, the longest first.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl Timing {
    /// Scales every duration in `text`, except inside double quotes.
    pub(super) fn apply(self, text: &str) -> String {
        if self == Self::Production {
            return text.to_owned();
        }
        let mut quoted = false;
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut result = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let length = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            let (word, after) = rest.split_at(length);
            quoted ^= first == '"';
            result.push_str(&if quoted {
                word.into()
            } else {
                self.scale(word)
            });
            rest = after;
        }
        result
    }

    /// The scaled length of a duration such as `5m`, in seconds.
    pub(super) fn seconds(self, duration: &str) -> f64 {
        let milliseconds = milliseconds(&self.apply(duration)).unwrap_or_default();
        std::time::Duration::from_millis(milliseconds).as_secs_f64()
    }

    /// A sixtieth of `word` if it is a duration, and otherwise `word`.
    fn scale(self, word: &str) -> Cow<'_, str> {
        match milliseconds(word) {
            Some(milliseconds) => text(milliseconds / 60).into(),
            None => word.into(),
        }
    }
}

/// Parses a duration of one number and one unit, or returns `None`.
fn milliseconds(word: &str) -> Option<u64> {
    let digits = word.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = word.split_at(digits);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    Some(number.parse::<u64>().ok()? * factor)
}

/// A duration with the longest unit that divides it.
fn text(milliseconds: u64) -> String {
    let fits = |(_, factor): &&(&str, u64)| {
        milliseconds >= *factor && milliseconds.is_multiple_of(*factor)
    };
    UNITS.iter().find(fits).map_or_else(
        || "0s".to_owned(),
        |(unit, factor)| format!("{}{unit}", milliseconds / factor),
    )
}

#[cfg(test)]
mod tests {
    use super::Timing;

    #[test]
    fn production_does_not_scale() {
        let rule = "rate(x[5m]) offset 1h > 300";
        assert_eq!(Timing::Production.apply(rule), rule);
    }

    #[test]
    fn only_durations_are_scaled() {
        for (production, scaled) in [
            ("0m", "0s"),
            ("30s", "500ms"),
            ("3d", "72m"),
            ("30d", "12h"),
            ("rate(x[5m]) > 5", "rate(x[5s]) > 5"),
            ("max_over_time(a[10m:1m])", "max_over_time(a[10s:1s])"),
            ("c offset 15m", "c offset 15s"),
            ("in the last 1h. In 2 days", "in the last 1m. In 2 days"),
            ("a:b_rate5m{le=\"5m\"} 2.5", "a:b_rate5m{le=\"5m\"} 2.5"),
        ] {
            assert_eq!(Timing::Scaled.apply(production), scaled);
        }
    }

    #[test]
    fn seconds_are_scaled() {
        assert_eq!(Timing::Production.seconds("5m").to_string(), "300");
        assert_eq!(Timing::Scaled.seconds("30s").to_string(), "0.5");
    }
}
