//! A metric of the catalogue, with a handle at hand for every combination of label values that occurs.
//!
//! A kept handle costs one lookup with borrowed values; asking the recorder again costs a string for each label.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::{PoisonError, RwLock},
};

use ::metrics::{Gauge, Histogram, Label};
use hashbrown::{Equivalent, HashMap};

use super::{is_recorded, probe::MetricHandle};
use crate::{catalog::Metric, thread::is_in_capture};

/// Handles kept at most, some 800 KB. Beyond, a sample costs more and counts the same.
const HANDLES: usize = 4_096;

/// A histogram of the catalogue.
pub(crate) type Durations = Handles<Histogram>;

/// Handles by the values of the metric's labels, each with what else is kept for these values.
pub(crate) struct Handles<H, T = ()> {
    metric: &'static Metric,
    kept: RwLock<HashMap<Kept, (H, T)>>,
}

/// A kind of handle.
pub(crate) trait Registered: MetricHandle {
    fn register(name: &'static str, labels: Vec<Label>) -> Self;
}

impl Registered for Histogram {
    fn register(name: &'static str, labels: Vec<Label>) -> Self {
        ::metrics::histogram!(name, labels)
    }
}

impl Registered for Gauge {
    fn register(name: &'static str, labels: Vec<Label>) -> Self {
        ::metrics::gauge!(name, labels)
    }
}

impl<H, T> fmt::Debug for Handles<H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handles")
            .field("metric", &self.metric.name)
            .finish_non_exhaustive()
    }
}

impl<H: Registered, T> Handles<H, T> {
    pub(crate) fn new(metric: &'static Metric) -> Self {
        Self {
            metric,
            kept: RwLock::default(),
        }
    }

    /// Calls `work` with the handle of these values, and with what `describe` makes for the first of them.
    ///
    /// The values are in the order of the metric's labels; a label without a value is left out.
    pub(crate) fn with<R>(
        &self,
        values: &[Option<&str>],
        describe: impl FnOnce() -> T,
        work: impl FnOnce(&H, &T) -> R,
    ) -> R {
        // A handle that a test's capture has made would take the samples of every other test.
        let keeps = !is_in_capture();
        let read = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((handle, described)) = read.get(&Asked(values)).filter(|_| keeps) {
            return work(handle, described);
        }
        let has_room = keeps && read.len() < HANDLES;
        drop(read);

        let labels: Vec<Label> = (self.metric.labels.iter().zip(values))
            .filter_map(|(label, value)| Some(Label::new(*label, (*value)?.to_owned())))
            .collect();
        let handle = H::register(self.metric.name, labels);
        let described = describe();
        let result = work(&handle, &described);
        // One that was made before telemetry started is a no-op for ever.
        if has_room && is_recorded(&handle) {
            let values = values.iter().map(|value| value.map(Box::from)).collect();
            self.kept
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(Kept(values), (handle, described));
        }
        result
    }
}

impl Handles<Histogram> {
    /// Records one sample of these values, in the order of the metric's labels.
    pub(crate) fn record(&self, values: &[Option<&str>], seconds: f64) {
        self.with(values, || (), |histogram, ()| histogram.record(seconds));
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
    use crate::{
        catalog,
        config::CardinalityLimits,
        metrics::{Format, Metrics, MetricsOptions},
    };

    #[test]
    fn label_values_choose_the_series() {
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
    fn noop_handles_are_not_kept() {
        let durations = Durations::new(&catalog::HTTP_CLIENT_REQUEST_DURATION);
        durations.record(&[Some("GET")], 0.1);
        assert!(durations.kept.read().is_ok_and(|kept| kept.is_empty()));
    }

    #[test]
    fn handles_are_bounded_and_samples_are_not() {
        let metrics = Metrics::new(MetricsOptions {
            budget: CardinalityLimits {
                each: Some(2 * HANDLES),
                ..CardinalityLimits::default()
            },
            ..MetricsOptions::default()
        });
        let durations = Durations::new(&catalog::HTTP_CLIENT_REQUEST_DURATION);
        let last = HANDLES + 5;
        ::metrics::with_local_recorder(&metrics.recorder(), || {
            for host in 0..=last {
                durations.record(&[Some("GET"), Some(&host.to_string())], 0.1);
            }
        });
        let kept = durations.kept.read();
        assert!(kept.is_ok_and(|kept| kept.len() == HANDLES
            && !kept.contains_key(&Asked(&[Some("GET"), Some(&last.to_string())]))));
        let page = metrics.handle().render(Format::OpenMetrics);
        assert!(
            page.contains(&format!("server_address=\"{last}\"}} 1\n")),
            "{page}"
        );
    }
}
