//! A histogram of the catalogue with a handle at hand for every combination of label values that occurs.
//!
//! A handle that is kept costs one lookup with borrowed values; asking the recorder again costs a string for each label.
//! What it leaves out: deciding which values there may be. That is the business of whoever measures, and of the metric's
//! budget after that.

use std::{
    hash::{Hash, Hasher},
    sync::{PoisonError, RwLock},
};

use ::metrics::{Histogram, Label};
use hashbrown::{Equivalent, HashMap};

use super::{catalog::Metric, is_recorded};

/// Handles kept at most, some 200 KB. Beyond, a sample costs more and counts the same.
const HANDLES: usize = 1_024;

/// See the module.
#[derive(Debug)]
pub(crate) struct Durations {
    metric: &'static Metric,
    handles: RwLock<HashMap<Kept, Histogram>>,
}

impl Durations {
    pub(crate) fn new(metric: &'static Metric) -> Self {
        Self {
            metric,
            handles: RwLock::default(),
        }
    }

    /// Whether a handle is worth keeping: one that a test's capture has made would take the samples of every other test.
    fn keeps() -> bool {
        #[cfg(feature = "testing")]
        return !crate::testing::is_in_capture();
        #[cfg(not(feature = "testing"))]
        true
    }

    /// Records one sample. The values are in the order of the metric's labels; a label without a value is left out.
    pub(crate) fn record(&self, values: &[Option<&str>], seconds: f64) {
        let keeps = Self::keeps();
        let read = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(histogram) = read.get(&Asked(values)).filter(|_| keeps) {
            return histogram.record(seconds);
        }
        let room = keeps && read.len() < HANDLES;
        drop(read);

        let labels: Vec<Label> = (self.metric.labels.iter().zip(values))
            .filter_map(|(label, value)| Some(Label::new(*label, (*value)?.to_owned())))
            .collect();
        let histogram = ::metrics::histogram!(self.metric.name, labels);
        histogram.record(seconds);
        // One that was made before telemetry started is a no-op for ever.
        if room && is_recorded(&histogram) {
            let kept = values.iter().map(|value| value.map(Box::from)).collect();
            self.handles
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(Kept(kept), histogram);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Kept(Box<[Option<Box<str>>]>);

struct Asked<'a>(&'a [Option<&'a str>]);

impl Hash for Kept {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|value| value.as_deref().hash(state));
    }
}

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|value| value.hash(state));
    }
}

impl Equivalent<Kept> for Asked<'_> {
    fn equivalent(&self, kept: &Kept) -> bool {
        let kept = kept.0.iter().map(Option::as_deref);
        kept.eq(self.0.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Durations, HANDLES};
    use crate::metrics::{Format, Metrics, MetricsOptions, catalog};

    #[test]
    fn one_combination_of_values_is_one_series_and_another_is_another() {
        let metrics = Metrics::new(MetricsOptions::default());
        let durations = Durations::new(&catalog::HTTP_CLIENT_REQUEST_DURATION);
        ::metrics::with_local_recorder(&metrics.recorder(), || {
            for _ in 0..3 {
                durations.record(
                    &[Some("GET"), Some("a"), Some("80"), Some("200"), None],
                    0.1,
                );
            }
            // The values of two neighbours are not those of one.
            durations.record(
                &[Some("GET"), Some("a8"), Some("0"), Some("200"), None],
                0.1,
            );
        });
        let page = metrics.handle().render(Format::OpenMetrics);
        let series = |address, port, count| {
            format!(
                "_count{{http_request_method=\"GET\",http_response_status_code=\"200\",server_address=\"{address}\",server_port=\"{port}\"}} {count}\n"
            )
        };
        assert!(page.contains(&series("a", "80", 3)), "{page}");
        assert!(page.contains(&series("a8", "0", 1)), "{page}");
    }

    #[test]
    fn a_handle_from_before_the_start_is_not_kept() {
        let durations = Durations::new(&catalog::HTTP_CLIENT_REQUEST_DURATION);
        durations.record(&[Some("GET")], 0.1);
        assert!(durations.handles.read().is_ok_and(|kept| kept.is_empty()));
    }

    #[test]
    fn handles_are_bounded_and_samples_beyond_them_count() {
        let metrics = Metrics::new(MetricsOptions::default());
        let durations = Durations::new(&catalog::HTTP_CLIENT_REQUEST_DURATION);
        let last = HANDLES + 5;
        ::metrics::with_local_recorder(&metrics.recorder(), || {
            for host in 0..=last {
                durations.record(&[Some("GET"), Some(&host.to_string())], 0.1);
            }
        });
        let kept = durations.handles.read();
        assert!(kept.is_ok_and(|kept| kept.len() == HANDLES
            && !kept.contains_key(&Asked(&[Some("GET"), Some(&last.to_string())]))));
        let page = metrics.handle().render(Format::OpenMetrics);
        assert!(
            page.contains(&format!("server_address=\"{last}\"}} 1\n")),
            "{page}"
        );
    }
}
