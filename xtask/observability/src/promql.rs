//! Building PromQL over the metrics of the library's catalog.
//!
//! A renamed metric or label breaks the build or a test instead of a dashboard. Operators and functions such as
//! `clamp_min` are written with `format!`.

use std::fmt;

use firstlight::metrics::catalog::{BUILD_INFO, Kind, Metric};

/// The series of one metric, or of one part of a histogram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selector {
    name: String,
    /// The labels that matchers may name, or `None` if they are unknown.
    labels: Option<&'static [&'static str]>,
    kind: Option<Kind>,
    matchers: Vec<String>,
}

/// The labels that identify a service in a Prometheus.
///
/// Targets may lack the first two. `by` and `on` treat an absent label as empty, so a service without them is still
/// distinct.
pub(crate) const SERVICE: [&str; 3] = ["cluster", "namespace", "job"];

/// The labels of a service, followed by those of a part of it.
pub(crate) fn service_labels(parts: &[&'static str]) -> Vec<&'static str> {
    SERVICE.iter().chain(parts).copied().collect()
}

/// `on (…)` over the labels of a service and of a part of it.
pub(crate) fn on_service(parts: &[&'static str]) -> String {
    format!("on ({})", service_labels(parts).join(", "))
}

/// Labels that Prometheus or a histogram adds.
const ADDED_LABELS: [&str; 5] = ["cluster", "namespace", "job", "instance", "le"];

impl Selector {
    /// All series of a metric of the catalog.
    pub(crate) fn of(metric: &Metric) -> Self {
        Self {
            name: metric.name.to_owned(),
            // The labels of info metrics depend on the service.
            labels: (metric.kind != Kind::Info).then_some(metric.labels),
            kind: Some(metric.kind),
            matchers: Vec::new(),
        }
    }

    /// All series of a foreign metric, such as `up`.
    pub(crate) fn foreign(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            labels: None,
            kind: None,
            matchers: Vec::new(),
        }
    }

    /// All series of several metrics.
    pub(crate) fn any_of(names: &[&str]) -> Self {
        Self::foreign("").matches("__name__", &names.join("|"))
    }

    /// The buckets of a histogram.
    pub(crate) fn bucket(self) -> Self {
        self.part("_bucket")
    }

    /// The number of a histogram's samples.
    pub(crate) fn count(self) -> Self {
        self.part("_count")
    }

    /// The sum of a histogram's samples.
    pub(crate) fn sum(self) -> Self {
        self.part("_sum")
    }

    /// Restricts to series whose label has this value.
    ///
    /// The empty value matches series without the label.
    pub(crate) fn is(self, label: &str, value: &str) -> Self {
        self.matcher(label, "=", value)
    }

    /// Restricts to series whose label has another value.
    #[expect(
        clippy::wrong_self_convention,
        reason = "named like the query: the label is not that value"
    )]
    pub(crate) fn is_not(self, label: &str, value: &str) -> Self {
        self.matcher(label, "!=", value)
    }

    /// Restricts to series whose label matches the regular expression.
    ///
    /// The expression is anchored at both ends.
    pub(crate) fn matches(self, label: &str, pattern: &str) -> Self {
        self.matcher(label, "=~", pattern)
    }

    /// Restricts to series whose label does not match the regular expression.
    pub(crate) fn matches_not(self, label: &str, pattern: &str) -> Self {
        self.matcher(label, "!~", pattern)
    }

    /// Restricts to the services and instances that the dashboard's variables select.
    pub(crate) fn selected(self) -> Self {
        self.of_selected_services().matches("instance", "$instance")
    }

    /// Restricts to the services that the dashboard's variables select.
    ///
    /// Series without an `instance` need this instead of [`Selector::selected`].
    pub(crate) fn of_selected_services(self) -> Self {
        SERVICE.into_iter().fold(self, |selector, label| {
            selector.matches(label, &format!("${label}"))
        })
    }

    fn part(mut self, suffix: &str) -> Self {
        assert!(
            self.kind.is_none_or(|kind| kind == Kind::Histogram),
            "{} is not a histogram",
            self.name
        );
        self.name.push_str(suffix);
        self
    }

    fn matcher(mut self, label: &str, operator: &str, value: &str) -> Self {
        let known = self
            .labels
            .is_none_or(|labels| labels.contains(&label) || ADDED_LABELS.contains(&label));
        assert!(known, "{} has no label {label}", self.name);
        // The string literal needs its own escapes, also for the backslashes of a regular expression.
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        self.matchers.push(format!("{label}{operator}\"{value}\""));
        self
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.matchers.is_empty() {
            return Ok(());
        }
        write!(f, "{{{}}}", self.matchers.join(","))
    }
}

/// `rate(…[window])`: events per second.
pub(crate) fn rate(counter: &Selector, window: &str) -> String {
    format!("rate({counter}[{window}])")
}

/// `increase(…[window])`: events in the window.
pub(crate) fn increase(counter: &Selector, window: &str) -> String {
    format!("increase({counter}[{window}])")
}

/// `sum by (…) (…)`, or the sum of all if `by` is empty.
pub(crate) fn sum(by: &[&str], of: impl fmt::Display) -> String {
    aggregate("sum", by, of)
}

/// `max by (…) (…)`, or the maximum of all if `by` is empty.
pub(crate) fn max(by: &[&str], of: impl fmt::Display) -> String {
    aggregate("max", by, of)
}

/// `min by (…) (…)`, or the minimum of all if `by` is empty.
pub(crate) fn min(by: &[&str], of: impl fmt::Display) -> String {
    aggregate("min", by, of)
}

/// The quantile of a histogram's samples in the window, per label combination.
pub(crate) fn quantile(quantile: f64, by: &[&str], histogram: &Selector, window: &str) -> String {
    let by: Vec<&str> = by.iter().copied().chain(["le"]).collect();
    let rates = sum(&by, rate(&histogram.clone().bucket(), window));
    format!("histogram_quantile({quantile}, {rates})")
}

/// Like [`quantile`], with the samples before a series' first scrape.
///
/// [`counted`] defines which samples these are.
pub(crate) fn counted_quantile(
    quantile: f64,
    by: &[&str],
    histogram: &Selector,
    window: &str,
) -> String {
    let by: Vec<&str> = by.iter().copied().chain(["le"]).collect();
    let counts = counted(&by, &histogram.clone().bucket(), window);
    format!("histogram_quantile({quantile}, {counts})")
}

/// Writes whole bounds of buckets as `1` instead of `1.0`.
///
/// The text format of Prometheus 2 has `1`.
pub(crate) fn whole_bounds(buckets: &str) -> String {
    format!("label_replace({buckets}, \"le\", \"$1\", \"le\", \"(.+)\\\\.0\")")
}

/// Events in the window, including those before a series' first scrape.
///
/// `increase()` ignores the first value of a series. This query adds the value if all events that it counts happened within
/// the window: either the process was seen before the window and the series was not, or the process itself is new.
/// `alerts/counts.rs` records the known processes. A failed scrape, or a Prometheus outage, does not make a series new.
pub(crate) fn counted(by: &[&str], counter: &Selector, window: &str) -> String {
    let look_back = look_back(window);
    let on = on_service(&["instance"]);
    let grown = increase(counter, window);
    format!(
        "sum by ({}) (
  (
    max_over_time({counter}[{window}])
    unless (last_over_time({counter}[{look_back}] offset {window}) and {on} instance:process_start:continued{window})
    and {on} instance:process_start:known{window}
  )
  or
  {grown}
)",
        by.join(", ")
    )
}

/// How far before a window a series is searched for.
///
/// It spans several scrapes, because a single one may fail.
pub(crate) fn look_back(window: &str) -> &'static str {
    if window == "5m" { "5m" } else { "15m" }
}

/// `build_info` of services with firstlight.
///
/// The `build_info` of other programs has no `firstlight_version`.
pub(crate) fn firstlight_build_info() -> Selector {
    Selector::of(&BUILD_INFO).is_not("firstlight_version", "")
}

fn aggregate(operation: &str, by: &[&str], of: impl fmt::Display) -> String {
    if by.is_empty() {
        format!("{operation}({of})")
    } else {
        format!("{operation} by ({}) ({of})", by.join(", "))
    }
}
