//! PromQL, written over the metrics of the library's catalogue, so that a metric or a label that is renamed breaks the build or
//! a test here, and not a dashboard in a year.
//!
//! Left out: anything that reads as well when it is written as text. Operators, `clamp_min` and the like are `format!`.

use std::fmt;

use firstlight::metrics::catalog::{BUILD_INFO, Kind, Metric};

/// The series of one metric, or of one part of a histogram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selector {
    name: String,
    /// What may be asked for; `None` for the metrics of others.
    labels: Option<&'static [&'static str]>,
    kind: Option<Kind>,
    matchers: Vec<String>,
}

/// What tells one service from another in the same Prometheus. The first two are there where the targets have them: a label
/// that is absent is empty to `by` and `on`, so that a service without them is one as well.
pub(crate) const SERVICE: [&str; 3] = ["cluster", "namespace", "job"];

/// The labels of a service, and those that tell one part of it from another.
pub(crate) fn of_service(parts: &[&'static str]) -> Vec<&'static str> {
    SERVICE.iter().chain(parts).copied().collect()
}

/// `on (…)` over the labels of a service, and those of a part of it: how two vectors are matched.
pub(crate) fn on_service(parts: &[&'static str]) -> String {
    format!("on ({})", of_service(parts).join(", "))
}

/// Labels that Prometheus adds, or a histogram.
const ALWAYS: [&str; 5] = ["cluster", "namespace", "job", "instance", "le"];

impl Selector {
    /// All series of a metric of ours.
    pub(crate) fn of(metric: &Metric) -> Self {
        Self {
            name: metric.name.to_owned(),
            // What is known of a build or a resource depends on the service.
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

    /// Of a histogram: the buckets.
    pub(crate) fn bucket(self) -> Self {
        self.part("_bucket")
    }

    /// Of a histogram: the number of samples.
    pub(crate) fn count(self) -> Self {
        self.part("_count")
    }

    /// Of a histogram: the sum of all samples.
    pub(crate) fn sum(self) -> Self {
        self.part("_sum")
    }

    /// Only series whose label has this value; the empty value is that of a label that is not there.
    pub(crate) fn is(self, label: &str, value: &str) -> Self {
        self.matcher(label, "=", value)
    }

    /// Only series whose label has another value.
    #[expect(
        clippy::wrong_self_convention,
        reason = "it reads like the query: the label is not that value"
    )]
    pub(crate) fn is_not(self, label: &str, value: &str) -> Self {
        self.matcher(label, "!=", value)
    }

    /// Only series whose label matches the regular expression, which is anchored at both ends.
    pub(crate) fn matches(self, label: &str, pattern: &str) -> Self {
        self.matcher(label, "=~", pattern)
    }

    /// Only series whose label does not match.
    pub(crate) fn matches_not(self, label: &str, pattern: &str) -> Self {
        self.matcher(label, "!~", pattern)
    }

    /// Only what the dashboard's variables choose: the service, and its instance.
    pub(crate) fn chosen(self) -> Self {
        self.of_chosen_service().matches("instance", "$instance")
    }

    /// Only the services that the dashboard's variables choose, for series without an instance.
    pub(crate) fn of_chosen_service(self) -> Self {
        SERVICE.into_iter().fold(self, |selector, label| {
            selector.matches(label, &format!("${label}"))
        })
    }

    fn part(mut self, suffix: &str) -> Self {
        assert!(
            self.kind.is_none_or(|kind| kind == Kind::Histogram),
            "{} is no histogram",
            self.name
        );
        self.name.push_str(suffix);
        self
    }

    fn matcher(mut self, label: &str, operator: &str, value: &str) -> Self {
        let known = self
            .labels
            .is_none_or(|labels| labels.contains(&label) || ALWAYS.contains(&label));
        assert!(known, "{} has no label {label}", self.name);
        // A regular expression's backslash is one of the string as well.
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

/// `rate(…[window])`: how often per second.
pub(crate) fn rate(counter: &Selector, window: &str) -> String {
    format!("rate({counter}[{window}])")
}

/// `increase(…[window])`: how often in the window.
pub(crate) fn increase(counter: &Selector, window: &str) -> String {
    format!("increase({counter}[{window}])")
}

/// `sum by (…) (…)`, or the sum of all.
pub(crate) fn sum(by: &[&str], of: impl fmt::Display) -> String {
    aggregate("sum", by, of)
}

/// `max by (…) (…)`, or the largest of all.
pub(crate) fn max(by: &[&str], of: impl fmt::Display) -> String {
    aggregate("max", by, of)
}

/// `min by (…) (…)`, or the smallest of all.
pub(crate) fn min(by: &[&str], of: impl fmt::Display) -> String {
    aggregate("min", by, of)
}

/// The quantile of a histogram's samples in the window, per combination of the labels.
pub(crate) fn quantile(quantile: f64, by: &[&str], histogram: &Selector, window: &str) -> String {
    let by: Vec<&str> = by.iter().copied().chain(["le"]).collect();
    let rates = sum(&by, rate(&histogram.clone().bucket(), window));
    format!("histogram_quantile({quantile}, {rates})")
}

/// The same with what a series counted before its first scrape, see [`counted`].
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

/// Buckets whose whole bounds are written as the text format of Prometheus 2 has them, `1` and not `1.0`.
pub(crate) fn whole_bounds(buckets: &str) -> String {
    format!("label_replace({buckets}, \"le\", \"$1\", \"le\", \"(.+)\\\\.0\")")
}

/// How often in the window, with what a series counted before its first scrape.
///
/// `increase()` takes a series' first value for its beginning. That value is added where all of it happened within the window:
/// the series was not there at the window's beginning although its process was seen, or the process is new itself. What processes
/// there were is recorded, see `alerts/counts.rs`. A scrape that failed, or a Prometheus that was away, makes no series new.
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

/// How far before a window a series is looked for: over several scrapes, because one may fail.
pub(crate) fn look_back(window: &str) -> &'static str {
    if window == "5m" { "5m" } else { "15m" }
}

/// What only a service with firstlight exports: the `build_info` of others has no version of it.
pub(crate) fn ours() -> Selector {
    Selector::of(&BUILD_INFO).is_not("firstlight_version", "")
}

fn aggregate(operation: &str, by: &[&str], of: impl fmt::Display) -> String {
    if by.is_empty() {
        format!("{operation}({of})")
    } else {
        format!("{operation} by ({}) ({of})", by.join(", "))
    }
}
