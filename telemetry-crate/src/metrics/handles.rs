//! Metric handles that are kept once telemetry runs.
//!
//! Registering a handle again would allocate a string for each label. [`Kept`] keeps one value with handles, and [`Handles`]
//! keeps the handles of a catalog metric by label values, each of which costs one lookup with borrowed values.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::{OnceLock, PoisonError, RwLock},
};

use ::metrics::{Counter, Gauge, Histogram, Label};
use hashbrown::{Equivalent, HashMap};

use super::{handle_probe::MetricHandle, is_recorded};
use crate::{catalog::Metric, thread::is_in_capture};

/// Maximum number of handles to keep, some 800 KB.
///
/// Samples of further label values are recorded at a higher cost.
const MAX_HANDLES: usize = 4_096;

/// Whether a handle of this thread may be kept, and a kept one be used.
///
/// A handle records only with the recorder that registered it, and a test's capture has a recorder of its own.
fn may_keep() -> bool {
    !is_in_capture()
}

/// A value with metric handles that is created at its first use.
pub(crate) struct Kept<T>(OnceLock<T>);

impl<T> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Kept<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Calls `work` with the kept value, or with a new one from `create`.
    ///
    /// The new value is kept if `handle_of` returns a handle that records. A handle that was registered before telemetry
    /// started is a no-op, and would remain a no-op.
    pub(crate) fn with<H: MetricHandle>(
        &self,
        create: impl FnOnce() -> T,
        handle_of: impl FnOnce(&T) -> &H,
        work: impl FnOnce(&T),
    ) {
        let may_keep = may_keep();
        if let Some(kept) = self.0.get().filter(|_| may_keep) {
            return work(kept);
        }
        let new = create();
        work(&new);
        if may_keep && is_recorded(handle_of(&new)) {
            // An error means that another thread has stored an equal value.
            let _ = self.0.set(new);
        }
    }
}

impl Kept<Gauge> {
    /// Sets the gauge, which `create` registers.
    pub(crate) fn set(&self, create: impl FnOnce() -> Gauge, value: f64) {
        self.with(create, |gauge| gauge, |gauge| gauge.set(value));
    }
}

/// Handles of a histogram of durations.
pub(crate) type Durations = Handles<Histogram>;

/// Handles of one metric by its label values, each with an extra `T`.
pub(crate) struct Handles<H, T = ()> {
    metric: &'static Metric,
    kept: RwLock<HashMap<OwnedValues, (H, T)>>,
}

/// A handle that can be registered with the recorder.
pub(crate) trait Register: MetricHandle {
    fn register(name: &'static str, labels: Vec<Label>) -> Self;
}

impl Register for Histogram {
    fn register(name: &'static str, labels: Vec<Label>) -> Self {
        ::metrics::histogram!(name, labels)
    }
}

impl Register for Counter {
    fn register(name: &'static str, labels: Vec<Label>) -> Self {
        ::metrics::counter!(name, labels)
    }
}

impl Register for Gauge {
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

impl<H: Register, T> Handles<H, T> {
    pub(crate) fn new(metric: &'static Metric) -> Self {
        Self {
            metric,
            kept: RwLock::default(),
        }
    }

    /// Calls `work` with the handle of these label values and its extra value.
    ///
    /// `init` creates that value when the handle is registered. The label values are in the order of the metric's labels. A
    /// label without a value is left out.
    pub(crate) fn with<R>(
        &self,
        values: &[Option<&str>],
        init: impl FnOnce() -> T,
        work: impl FnOnce(&H, &T) -> R,
    ) -> R {
        let may_keep = may_keep();
        let read = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((handle, extra)) = read.get(&BorrowedValues(values)).filter(|_| may_keep) {
            return work(handle, extra);
        }
        let has_room = may_keep && read.len() < MAX_HANDLES;
        drop(read);

        let labels: Vec<Label> = (self.metric.labels.iter().zip(values))
            .filter_map(|(label, value)| Some(Label::new(*label, (*value)?.to_owned())))
            .collect();
        let handle = H::register(self.metric.name, labels);
        let extra = init();
        let result = work(&handle, &extra);
        if has_room && is_recorded(&handle) {
            let values = values.iter().map(|value| value.map(Box::from)).collect();
            self.kept
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(OwnedValues(values), (handle, extra));
        }
        result
    }
}

impl Handles<Counter> {
    /// Counts one under these label values.
    ///
    /// The values are in the order of the metric's labels.
    pub(crate) fn count(&self, values: &[Option<&str>]) {
        self.with(values, || (), |counter, ()| counter.increment(1));
    }
}

impl Handles<Histogram> {
    /// Records one sample under these label values.
    ///
    /// The values are in the order of the metric's labels.
    pub(crate) fn record(&self, values: &[Option<&str>], seconds: f64) {
        self.with(values, || (), |histogram, ()| histogram.record(seconds));
    }
}

/// The label values of a kept handle.
#[derive(Debug, PartialEq, Eq)]
struct OwnedValues(Box<[Option<Box<str>>]>);

/// Label values for a lookup without an allocation. Hashed like [`OwnedValues`].
struct BorrowedValues<'a>(&'a [Option<&'a str>]);

impl Hash for OwnedValues {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(self.0.iter().map(Option::as_deref), state);
    }
}

impl Hash for BorrowedValues<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(self.0.iter().copied(), state);
    }
}

/// Hashes all texts, and all lengths as one number.
///
/// Hashing each `Option` would cost half as much again.
fn hash<'a>(values: impl Iterator<Item = Option<&'a str>>, state: &mut impl Hasher) {
    let mut lengths = 0_u64;
    for value in values {
        // No value differs from the empty one.
        let length = value.map_or(0, |text| text.len() as u64 + 1);
        lengths = lengths.rotate_left(9) ^ length;
        state.write(value.unwrap_or_default().as_bytes());
    }
    state.write_u64(lengths);
}

impl Equivalent<OwnedValues> for BorrowedValues<'_> {
    fn equivalent(&self, owned: &OwnedValues) -> bool {
        let owned = owned.0.iter().map(Option::as_deref);
        owned.eq(self.0.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::{BorrowedValues, Durations, MAX_HANDLES};
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
            // Neighboring values that are equal when joined are different series.
            durations.record(
                &[Some("GET"), Some("a8"), Some("0"), Some("200"), None],
                0.1,
            );
        });
        let exposition = metrics.handle().render(Format::OpenMetrics);
        let series = |address, port, count| {
            format!(
                "_count{{http_request_method=\"GET\",http_response_status_code=\"200\",server_address=\"{address}\",server_port=\"{port}\"}} {count}\n"
            )
        };
        assert!(exposition.contains(&series("a", "80", 3)), "{exposition}");
        assert!(exposition.contains(&series("a8", "0", 1)), "{exposition}");
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
            cardinality: CardinalityLimits {
                each: Some(2 * MAX_HANDLES),
                ..CardinalityLimits::default()
            },
            ..MetricsOptions::default()
        });
        let durations = Durations::new(&catalog::HTTP_CLIENT_REQUEST_DURATION);
        let last = MAX_HANDLES + 5;
        ::metrics::with_local_recorder(&metrics.recorder(), || {
            for host in 0..=last {
                durations.record(&[Some("GET"), Some(&host.to_string())], 0.1);
            }
        });
        let kept = durations.kept.read();
        assert!(kept.is_ok_and(|kept| kept.len() == MAX_HANDLES
            && !kept.contains_key(&BorrowedValues(&[Some("GET"), Some(&last.to_string())]))));
        let exposition = metrics.handle().render(Format::OpenMetrics);
        assert!(
            exposition.contains(&format!("server_address=\"{last}\"}} 1\n")),
            "{exposition}"
        );
    }
}
