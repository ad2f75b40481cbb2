//! The panels of each declared metric.

use super::{
    super::{catalog::Kind, unit},
    panel::{LIMIT, OBJECTIVE, Panel, Target},
    query,
    table::percent,
};
use crate::declared::{DeclaredMetric, Objective};

const NORMAL: &str = "The same shape as on other days at this time.";

/// The normal shape of the time since a point in time.
const RECURRING: &str = "It falls to 0 with each new time, and grows in between. It is negative before a time in the future.";

const OTHERWISE: &str = "A step at the line of a start came with its version. If there is none, compare with the \
                         requests on the overview, and read the log lines of the same time.";

/// The panels of a metric, side by side.
pub(super) fn panels(metric: &DeclaredMetric) -> Vec<Panel> {
    match metric.kind {
        Kind::Counter => vec![rate(metric, metric.name, &words(metric))],
        Kind::Histogram => {
            let mut panels = vec![quantiles(metric)];
            panels.extend(metric.objective.map(|objective| share(metric, objective)));
            let title = format!("{}, samples", words(metric));
            panels.push(rate(metric, &format!("{}_count", metric.name), &title));
            panels
        }
        Kind::Gauge | Kind::Info => vec![value(metric)],
    }
}

/// Events or samples per second.
fn rate(metric: &DeclaredMetric, series: &str, title: &str) -> Panel {
    let what = if metric.kind == Kind::Histogram {
        "Samples"
    } else {
        "`rate()`"
    };
    let per_second = format!("{what} of `{}` per second", metric.name);
    let legend = query::legend(&query::labels(metric, &[]));
    Panel {
        title: title.to_owned(),
        means: means(metric, &per_second, "each service"),
        normally: NORMAL.to_owned(),
        otherwise: otherwise(metric, None),
        unit: match (metric.kind, unit::of(metric)) {
            (Kind::Counter, "s") => "percentunit",
            (Kind::Counter, "By") => "binBps",
            _ => "cps",
        },
        is_free: false,
        targets: vec![Target::new(legend, query::per_second(metric, series))],
    }
}

/// The quantiles of a histogram, with its objective.
fn quantiles(metric: &DeclaredMetric) -> Panel {
    let legend = query::legend(&query::labels(metric, &[]));
    let quantile = |(name, quantile)| {
        Target::new(
            format!("{legend} {name}"),
            query::quantile(metric, quantile),
        )
        .with_exemplars()
    };
    let mut targets: Vec<_> = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)]
        .map(quantile)
        .into();
    let line = |objective: Objective| Target::new(OBJECTIVE, query::constant(objective.within));
    targets.extend(metric.objective.map(line));
    let normally = metric.objective.map(|objective| {
        format!(
            "{} % of the samples are at most at the line of the objective.",
            percent(objective.share)
        )
    });
    let quantiles = format!("Quantiles of `{}`", metric.name);
    Panel {
        title: words(metric),
        means: means(metric, &quantiles, "each service"),
        normally: normally.unwrap_or_else(|| NORMAL.to_owned()),
        otherwise: format!(
            "A dot is a sample: click on a high one to open its trace. {}",
            otherwise(metric, None)
        ),
        unit: value_unit(metric),
        is_free: false,
        targets,
    }
}

/// The share of samples within the objective.
fn share(metric: &DeclaredMetric, objective: Objective) -> Panel {
    let legend = query::legend(&query::SERVICE);
    Panel {
        title: format!("{}, within the objective", words(metric)),
        means: format!(
            "{} The share of the samples of `{}` that are at most {}, of each service.",
            metric.help, metric.name, objective.within
        ),
        normally: format!("At least {} %.", percent(objective.share)),
        otherwise: "Below the line: open the trace of a high sample in the graph of the quantiles."
            .to_owned(),
        unit: "percentunit",
        is_free: true,
        targets: vec![
            Target::new(legend, query::share(metric, objective)),
            Target::new(OBJECTIVE, query::constant(objective.share)),
        ],
    }
}

/// The value of a gauge, with its limit; of a Unix time, the time since then.
fn value(metric: &DeclaredMetric) -> Panel {
    let legend = query::legend(&query::labels(metric, &["instance"]));
    let is_time = metric.is_timestamp();
    let mut targets = vec![Target::new(legend, query::value(metric))];
    let line = |limit| Target::new(LIMIT, query::constant(limit));
    targets.extend(metric.limit.map(line));
    let normally = match metric.limit {
        Some(limit) => format!("Below the limit of {limit}."),
        None if is_time => RECURRING.to_owned(),
        None => NORMAL.to_owned(),
    };
    let (title, shown) = if is_time {
        let title = format!("{}, time since", words(metric));
        (title, format!("The time since `{}`", metric.name))
    } else {
        (words(metric), format!("`{}`", metric.name))
    };
    Panel {
        title,
        means: means(metric, &shown, "each instance"),
        normally,
        otherwise: otherwise(metric, Some("instance")),
        unit: value_unit(metric),
        is_free: metric.limit.is_none(),
        targets,
    }
}

/// The help, followed by what the panel shows.
fn means(metric: &DeclaredMetric, shown: &str, of: &str) -> String {
    let labels: Vec<_> = metric.labels.iter().map(|label| label.name).collect();
    let by = if labels.is_empty() {
        String::new()
    } else {
        format!(", by `{}`", labels.join("`, `"))
    };
    let help = metric.help.trim_end_matches('.');
    format!("{help}. {shown} of {of}{by}. Of many series, the ten largest.")
}

/// What to do about another shape.
///
/// It begins with the labels that show where the shape is.
fn otherwise(metric: &DeclaredMetric, part: Option<&str>) -> String {
    let labels = part.into_iter();
    let labels = labels.chain(metric.labels.iter().map(|label| label.name));
    let labels: Vec<_> = labels.map(|label| format!("`{label}`")).collect();
    if labels.is_empty() {
        return OTHERWISE.to_owned();
    }
    let labels = labels.join(" or ");
    format!("Look for a single {labels} that differs. {OTHERWISE}")
}

/// The name of a metric in words, which is unique as the name is.
fn words(metric: &DeclaredMetric) -> String {
    let stem = metric.name.strip_suffix("_total").unwrap_or(metric.name);
    let mut words = stem.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// Grafana's unit of the values of a metric.
fn value_unit(metric: &DeclaredMetric) -> &'static str {
    match unit::of(metric) {
        "s" => "s",
        "By" => "bytes",
        _ if metric.name.ends_with("_ratio") => "percentunit",
        _ => "short",
    }
}
