//! The buckets of histograms.
//!
//! The configuration takes precedence over the catalog, and the catalog over the defaults by unit.
//!
//! Buckets do not change while the process runs, because Prometheus cannot aggregate over series whose buckets differ.

use std::{collections::HashMap, sync::Arc};

use super::canonical;
use crate::{
    catalog::{self, Kind, buckets::SECONDS},
    config::validate_buckets,
};

/// Buckets for bytes: powers of four from 256 B (a header) to 64 MiB (an upload).
///
/// No convention recommends buckets for bytes.
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

/// Buckets for all other units, which are the SDK's default.
///
/// See [explicit bucket histogram](https://opentelemetry.io/docs/specs/otel/metrics/sdk/#explicit-bucket-histogram-aggregation).
/// The values suit milliseconds, and are a guess for everything else.
const OTHER: [f64; 15] = [
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1_000.0, 2_500.0, 5_000.0,
    7_500.0, 10_000.0,
];

/// The configured buckets, by canonical name.
#[derive(Debug)]
pub(super) struct Buckets {
    configured: HashMap<String, Arc<[f64]>>,
}

impl Buckets {
    /// Stores the configured buckets. The last setting for a name wins.
    ///
    /// Invalid settings are ignored, because the configuration has reported them with
    /// [`validate_buckets`](crate::config::validate_buckets).
    pub(super) fn new(configured: Vec<(String, Vec<f64>)>) -> Self {
        let configured = configured
            .into_iter()
            .filter(|(_, bounds)| validate_buckets(bounds).is_ok())
            .map(|(name, bounds)| {
                (
                    canonical::metric_name(Kind::Histogram, &name),
                    bounds.into(),
                )
            })
            .collect();
        Self { configured }
    }

    /// The upper bounds of the histogram with this name, without `+Inf`.
    pub(super) fn bounds(&self, name: &str) -> Arc<[f64]> {
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
    use super::{BYTES, Buckets, OTHER, SECONDS, validate_buckets as validate};

    #[test]
    fn unit_in_the_name_selects_the_default() {
        let buckets = Buckets::new(Vec::new());
        assert_eq!(&*buckets.bounds("job_run_seconds"), SECONDS);
        assert_eq!(&*buckets.bounds("upload_bytes"), BYTES);
        assert_eq!(&*buckets.bounds("lat_milliseconds"), OTHER);
        assert_eq!(&*buckets.bounds("batch_size"), OTHER);
        for bounds in [SECONDS.as_slice(), &BYTES, &OTHER] {
            assert_eq!(validate(bounds), Ok(()));
        }
    }

    #[test]
    fn configured_buckets_win() {
        let name = "http.server.request.duration.seconds";
        let buckets = Buckets::new(vec![(name.into(), vec![1.0, 2.0])]);
        assert_eq!(
            &*buckets.bounds("http_server_request_duration_seconds"),
            [1.0, 2.0]
        );
    }

    #[test]
    fn invalid_buckets_are_rejected() {
        let too_many: Vec<f64> = (0..201).map(f64::from).collect();
        for (bounds, expected) in [
            (vec![], "found none"),
            (too_many, "at most 200"),
            (vec![1.0, f64::INFINITY], "the +Inf bucket is always added"),
            (vec![f64::NAN], "found NaN"),
            (vec![-1.0, 1.0], "no bound below 0"),
            (vec![1.0, 1.0], "found 1 after 1"),
            (vec![2.0, 1.0], "sort them"),
            (vec![0.0, -0.0], "found -0 after 0"),
        ] {
            let error = validate(&bounds).err().unwrap_or_default();
            assert!(error.contains(expected), "{error}");
            let buckets = Buckets::new(vec![("latency".into(), bounds)]);
            assert_eq!(&*buckets.bounds("latency"), OTHER);
        }
    }
}
