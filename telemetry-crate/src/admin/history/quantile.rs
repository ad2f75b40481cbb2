//! Quantiles of the samples of one interval.

/// Returns a quantile as PromQL's `histogram_quantile` estimates it.
///
/// `counts` are the samples of each bucket alone, with one more entry than `bounds`, for `+Inf`. The estimate interpolates
/// within the bucket that has the quantile. In the last bucket, it is the highest bound. Returns `None` without samples.
pub(super) fn quantile(quantile: f64, bounds: &[f64], counts: &[u32]) -> Option<f64> {
    let all: u64 = counts.iter().copied().map(u64::from).sum();
    let highest = bounds.last().copied();
    if all == 0 {
        return None;
    }
    let rank = quantile * all as f64;
    let (mut below, mut start) = (0.0, 0.0);
    for (&count, &bound) in counts.iter().zip(bounds) {
        let within = below + f64::from(count);
        if count > 0 && within >= rank {
            return Some(start + (bound - start) * (rank - below) / f64::from(count));
        }
        (below, start) = (within, bound);
    }
    highest
}

#[cfg(test)]
mod tests {
    use super::quantile;

    const BOUNDS: [f64; 4] = [0.1, 0.5, 1.0, 2.0];

    fn of(q: f64, counts: [u32; 5]) -> Option<f64> {
        // Rounded, because the digits after these are those of the computation.
        quantile(q, &BOUNDS, &counts).map(|value| (value * 1e9).round() / 1e9)
    }

    #[test]
    fn quantiles_are_interpolated() {
        // Of 100 samples, the 50th is the 40th of 60 from 0.1 to 0.5: 0.1 + 0.4 × 40 / 60.
        assert_eq!(of(0.5, [10, 60, 20, 10, 0]), Some(0.366_666_667));
        // The 95th is the 5th of 10 from 1 to 2.
        assert_eq!(of(0.95, [10, 60, 20, 10, 0]), Some(1.5));
        assert_eq!(of(0.99, [10, 60, 20, 10, 0]), Some(1.9));
        // The first bucket starts at 0.
        assert_eq!(of(0.5, [8, 0, 0, 0, 0]), Some(0.05));
        // A quantile at a bound is the bound.
        assert_eq!(of(0.5, [5, 0, 5, 0, 0]), Some(0.1));
        assert_eq!(of(0.6, [5, 0, 5, 0, 0]), Some(0.6));
        assert_eq!(of(0.5, [1, 0, 0, 0, 0]), Some(0.05));
    }

    #[test]
    fn intervals_without_samples_have_none() {
        assert_eq!(of(0.5, [0; 5]), None);
        assert_eq!(quantile(0.5, &[], &[3]), None);
    }

    #[test]
    fn no_quantile_is_above_the_bounds() {
        assert_eq!(of(0.5, [0, 0, 0, 0, 7]), Some(2.0));
        assert_eq!(of(0.99, [90, 0, 0, 0, 10]), Some(2.0));
        assert_eq!(of(0.9, [90, 0, 0, 0, 10]), Some(0.1));
        let most = [u32::MAX; 5];
        assert_eq!(of(0.5, most), Some(0.75));
    }
}
