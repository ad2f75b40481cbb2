//! The median and the range of repeated measurements.

use std::fmt;

/// A median with the lowest and the highest value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

impl Spread {
    /// The spread of `values`, or `None` if there are none.
    pub(crate) fn from_values(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (lowest, highest) = (*values.first()?, *values.last()?);
        let (upper, lower) = (
            values.get(values.len() / 2)?,
            values.get((values.len() - 1) / 2)?,
        );
        Some(Self {
            median: f64::midpoint(*upper, *lower),
            lowest,
            highest,
        })
    }
}

/// Formats as median and range, such as `39.0 (37.1–41.5)`.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!(
            "{:.1} ({:.1}–{:.1})",
            self.median, self.lowest, self.highest
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn median_of_even_and_odd_counts() {
        let shown = |values: &[f64]| {
            Spread::from_values(values.iter().copied()).map(|spread| spread.to_string())
        };
        assert_eq!(shown(&[3.0, 1.0, 2.0]).as_deref(), Some("2.0 (1.0–3.0)"));
        assert_eq!(
            shown(&[4.0, 1.0, 2.0, 9.0]).as_deref(),
            Some("3.0 (1.0–9.0)")
        );
        assert_eq!(shown(&[]), None);
    }
}
