//! Numbers with few decimals as text, without the search for the shortest text that comes back as the same number.
//!
//! Durations, ratios and prices have few decimals, and for them that search finds the digits that are there already. It
//! costs more than everything else about a field together. Left out: every other number, which the standard library
//! formats.

use std::str;

/// Decimals that are looked at: a number in seconds is exact to the microsecond.
const DECIMALS: usize = 6;
const SCALE: f64 = 1e6;

/// Below this, a number with so many decimals has at most 15 digits. Two different numbers of at most 15 digits are never
/// the same `f64`, so the text that is found is the only one this short that comes back as the same number.
const LIMIT: f64 = 1e9;

/// The text of one number.
pub(super) struct Decimal {
    /// Right-aligned: a sign, nine digits, the point, and the decimals.
    text: [u8; 1 + 9 + 1 + DECIMALS],
    start: usize,
    end: usize,
}

impl Decimal {
    /// `None` for a number that needs more digits, or that is none.
    pub(super) fn of(value: f64) -> Option<Self> {
        let magnitude = value.abs();
        // Also false for what is not a number. A negative zero keeps its sign elsewhere.
        let in_range = magnitude < LIMIT;
        if !in_range || (value == 0.0 && value.is_sign_negative()) {
            return None;
        }
        let scaled = (magnitude * SCALE).round();
        if scaled / SCALE != magnitude {
            return None;
        }
        // In range, because it is below 10^15.
        let mut rest = scaled as u64;
        let mut decimal = Self {
            text: [b'0'; 1 + 9 + 1 + DECIMALS],
            start: 1 + 9 + 1 + DECIMALS,
            end: 1 + 9 + 1 + DECIMALS,
        };
        for _ in 0..DECIMALS {
            decimal.push((rest % 10) as u8 + b'0');
            rest /= 10;
        }
        decimal.push(b'.');
        loop {
            decimal.push((rest % 10) as u8 + b'0');
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if value < 0.0 {
            decimal.push(b'-');
        }
        // One decimal stays, which says that it is no integer.
        while decimal.text[..decimal.end].ends_with(b"0")
            && !decimal.text[..decimal.end].ends_with(b".0")
        {
            decimal.end -= 1;
        }
        Some(decimal)
    }

    /// To the left of what is there.
    fn push(&mut self, byte: u8) {
        self.start -= 1;
        self.text[self.start] = byte;
    }

    pub(super) fn as_str(&self) -> &str {
        str::from_utf8(&self.text[self.start..self.end]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn text(value: f64) -> Option<String> {
        Decimal::of(value).map(|decimal| decimal.as_str().to_owned())
    }

    #[test]
    fn text_equals_the_standard_librarys() {
        let mut value = 1e-4_f64;
        let mut found = 0;
        while value < 1e9 {
            for rounded in [
                value,
                (value * 1e6).round() / 1e6,
                (value * 10.0).round() / 10.0,
            ] {
                for signed in [rounded, -rounded] {
                    let Some(text) = text(signed) else { continue };
                    assert_eq!(text.parse::<f64>().unwrap(), signed);
                    if rounded >= 1e-4 {
                        assert_eq!(text, format!("{signed:?}"));
                    }
                    found += 1;
                }
            }
            value *= 1.000_7;
        }
        assert!(found > 10_000, "{found}");
    }

    #[test]
    fn only_few_decimals_are_written_here() {
        for (value, expected) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (-12.5, "-12.5"),
            (0.000_001, "0.000001"),
            (999_999_999.999_999, "999999999.999999"),
        ] {
            assert_eq!(text(value).as_deref(), Some(expected));
        }
        for value in [
            -0.0,
            0.1 + 0.2,
            1e9,
            1e-7,
            f64::NAN,
            f64::INFINITY,
            f64::MIN,
        ] {
            assert_eq!(text(value), None, "{value}");
        }
    }
}
