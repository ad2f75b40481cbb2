//! Which buckets a histogram has: the configuration's, else the catalogue's, else those of its unit.
//!
//! What it leaves out: changing them later. Prometheus cannot aggregate over series whose buckets differ.

use std::{collections::HashMap, sync::Arc};

use super::{
    canonical,
    catalog::{self, Kind},
};

/// Seconds, as the semantic conventions advise for the duration of a request.
///
/// [HTTP metrics](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration).
pub(super) const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Seconds of what nobody waits for at a screen: a few milliseconds to an hour, a quarter of an order of magnitude apart
/// where a queue's budget usually is.
pub(super) const PATIENT_SECONDS: [f64; 18] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    1_800.0, 3_600.0,
];

/// Bytes: powers of four from 256 B to 64 MiB, a header to an upload. No convention advises any.
const BYTES: [f64; 10] = [
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// The SDK's [default](https://opentelemetry.io/docs/specs/otel/metrics/sdk/#explicit-bucket-histogram-aggregation),
/// made for milliseconds and a fair guess for everything else.
const OTHER: [f64; 15] = [
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1_000.0, 2_500.0, 5_000.0,
    7_500.0, 10_000.0,
];

/// Most buckets of one histogram. Each costs a line of every series on every scrape.
const MAX: usize = 200;

/// Checks the buckets that somebody configured for `name`.
///
/// # Errors
///
/// A sentence that says what was found, what is expected and what to do, if they are none, more than [`MAX`], not
/// finite, or not rising.
pub(super) fn validate(name: &str, bounds: &[f64]) -> Result<(), String> {
    if bounds.is_empty() {
        return Err(format!(
            "buckets of {name}: found none, expected at least one upper bound; leave the setting out for the default"
        ));
    }
    if bounds.len() > MAX {
        return Err(format!(
            "buckets of {name}: found {}, expected at most {MAX}; each is one more line per series on every scrape",
            bounds.len()
        ));
    }
    if let Some(bound) = bounds.iter().find(|bound| !bound.is_finite()) {
        return Err(format!(
            "buckets of {name}: found {bound}, expected finite numbers; the +Inf bucket is always added"
        ));
    }
    if let Some(pair) = bounds.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err(format!(
            "buckets of {name}: found {} after {}, expected rising upper bounds; sort them and remove duplicates",
            pair[1], pair[0]
        ));
    }
    Ok(())
}

/// The configured buckets, by name on the page.
#[derive(Debug)]
pub(super) struct Buckets {
    configured: HashMap<String, Arc<[f64]>>,
}

impl Buckets {
    /// The last setting of a name counts. Invalid ones are left out: whoever configures them has called [`validate`].
    pub(super) fn new(configured: Vec<(String, Vec<f64>)>) -> Self {
        let configured = configured
            .into_iter()
            .filter(|(name, bounds)| validate(name, bounds).is_ok())
            .map(|(name, bounds)| {
                (
                    canonical::metric_name(Kind::Histogram, &name),
                    bounds.into(),
                )
            })
            .collect();
        Self { configured }
    }

    /// The upper bounds for the histogram of that name, without `+Inf`.
    pub(super) fn of(&self, name: &str) -> Arc<[f64]> {
        if let Some(bounds) = self.configured.get(name) {
            return Arc::clone(bounds);
        }
        if let Some(bounds) = catalog::find(name).and_then(|metric| metric.buckets) {
            return bounds.into();
        }
        let has_unit = |unit| {
            name.strip_suffix(unit)
                .is_some_and(|rest| rest.ends_with('_'))
        };
        let bounds: &[f64] = if has_unit("seconds") {
            &SECONDS
        } else if has_unit("bytes") {
            &BYTES
        } else {
            &OTHER
        };
        bounds.into()
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES, Buckets, OTHER, SECONDS, validate};

    #[test]
    fn the_unit_in_the_name_chooses_the_default() {
        let buckets = Buckets::new(Vec::new());
        assert_eq!(&*buckets.of("job_run_seconds"), SECONDS);
        assert_eq!(&*buckets.of("upload_bytes"), BYTES);
        assert_eq!(&*buckets.of("lat_milliseconds"), OTHER);
        assert_eq!(&*buckets.of("batch_size"), OTHER);
        for bounds in [SECONDS.as_slice(), &BYTES, &OTHER] {
            assert_eq!(validate("x", bounds), Ok(()));
        }
    }

    #[test]
    fn the_configuration_wins_over_the_catalogue_whatever_the_spelling_of_the_name() {
        let name = "http.server.request.duration.seconds";
        let buckets = Buckets::new(vec![(name.into(), vec![1.0, 2.0])]);
        assert_eq!(
            &*buckets.of("http_server_request_duration_seconds"),
            [1.0, 2.0]
        );
    }

    #[test]
    fn invalid_buckets_are_refused_with_what_to_do_and_never_used() {
        let too_many: Vec<f64> = (0..201).map(f64::from).collect();
        for (bounds, expected) in [
            (vec![], "found none"),
            (too_many, "at most 200"),
            (vec![1.0, f64::INFINITY], "the +Inf bucket is always added"),
            (vec![f64::NAN], "found NaN"),
            (vec![1.0, 1.0], "found 1 after 1"),
            (vec![2.0, 1.0], "sort them"),
            (vec![0.0, -0.0], "found -0 after 0"),
        ] {
            let error = validate("latency", &bounds).err().unwrap_or_default();
            assert!(
                error.contains(expected) && error.contains("latency"),
                "{error}"
            );
            let buckets = Buckets::new(vec![("latency".into(), bounds)]);
            assert_eq!(&*buckets.of("latency"), OTHER);
        }
    }
}
