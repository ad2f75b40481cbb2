//! Validation of configured histogram buckets.

/// The largest number of buckets that one histogram may have.
///
/// Each bucket adds a sample per series to every scrape.
const MAX_BUCKETS: usize = 200;

/// Checks the configured buckets of a histogram.
///
/// # Errors
///
/// A sentence that says what was found, what is expected and what to do, if the list is empty or longer than
/// [`MAX_BUCKETS`], or if a bound is not finite, is below 0, or is not above the bound before it.
pub(crate) fn validate_buckets(bounds: &[f64]) -> Result<(), String> {
    if bounds.is_empty() {
        return Err(
            "found none, expected at least one upper bound; leave the setting out for the default"
                .to_owned(),
        );
    }
    if bounds.len() > MAX_BUCKETS {
        return Err(format!(
            "found {}, expected at most {MAX_BUCKETS}; each adds a sample per series to every scrape",
            bounds.len()
        ));
    }
    if let Some(bound) = bounds.iter().find(|bound| !bound.is_finite()) {
        return Err(format!(
            "found {bound}, expected finite numbers; the +Inf bucket is always added"
        ));
    }
    if let Some(bound) = bounds.iter().find(|bound| **bound < 0.0) {
        return Err(format!(
            "found {bound}, expected no bound below 0, because no such sample is recorded; leave it out, or use a gauge"
        ));
    }
    if let Some(pair) = bounds.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err(format!(
            "found {} after {}, expected increasing upper bounds; sort them and remove duplicates",
            pair[1], pair[0]
        ));
    }
    Ok(())
}
