//! Metrics that dashboards and rules name, and nothing exports.
//!
//! A panel on a metric that was renamed is empty, and an alert on it never fires. Neither is an error in Grafana or
//! Prometheus.
//!
//! ```text
//! *.json ─▶ dashboard_json ─┐                                 ┌─ known: the catalog, Prometheus, the caller's lists,
//! *.yaml ─▶ rule_file ──────┴▶ expressions ─▶ promql ─names─▶ │  recording rules of the files
//! ```

mod dashboard_json;
mod known;
mod promql;
mod rule_file;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use self::known::Known;
pub use self::{known::POSTGRES_EXPORTER, promql::metric_names};
use crate::metrics::DeclaredMetric;

/// A metric in a panel or a rule that nothing exports.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownMetric {
    /// The file of the dashboard or the rule.
    pub file: PathBuf,
    /// The panel, variable, annotation or rule.
    ///
    /// Examples are `panel "Orders"` and `alert OrdersRejected`.
    pub place: String,
    /// The PromQL expression.
    pub expression: String,
    /// The name of the metric.
    pub metric: String,
    /// The most similar known name, unless all are very different.
    pub similar: Option<String>,
}

impl fmt::Display for UnknownMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            place,
            expression,
            metric,
            similar,
        } = self;
        write!(
            f,
            "{}, {place}: nothing exports or records {metric}",
            file.display()
        )?;
        if let Some(similar) = similar {
            write!(f, "; did you mean {similar}?")?;
        }
        write!(f, "\n    {}", expression.replace('\n', "\n    "))
    }
}

/// Finds the metrics in dashboards and rules that nothing exports.
///
/// Reads all files below `folders`: Grafana's JSON, and Prometheus' rules in YAML, plain or as a `PrometheusRule` of the
/// Prometheus Operator. Other YAML and JSON files have no queries, and are allowed.
///
/// These metrics are known:
///
/// * those of [the catalog](crate::metrics::catalog), and the parts of its histograms (`_bucket`, `_sum`, `_count`);
/// * those that Prometheus adds to each target, such as `up`, and `ALERTS`;
/// * those that a rule of the files records, and the objectives that a service may declare;
/// * `declared`, the metrics of the service: counters and gauges by their names, histograms by their parts;
/// * `others`, further series by their full names, such as [`POSTGRES_EXPORTER`].
///
/// Names that Grafana's variables make, such as `${prefix}_total`, are not checked, and neither are LogQL queries.
///
/// # Errors
///
/// A folder or file cannot be read, a file is not valid JSON or YAML, or a rule has no `expr`. The error names the file.
///
/// # Examples
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// use firstlight::{metrics::DeclaredMetric, testing::unknown_metrics};
///
/// const ORDERS: DeclaredMetric =
///     DeclaredMetric::counter("orders_accepted_total", "Orders that were accepted.");
///
/// let unknown = unknown_metrics(&["observability"], &[ORDERS], &[])?;
/// let unknown: Vec<String> = unknown.iter().map(ToString::to_string).collect();
/// assert!(unknown.is_empty(), "{}", unknown.join("\n"));
/// # Ok(())
/// # }
/// ```
pub fn unknown_metrics<P: AsRef<Path>>(
    folders: &[P],
    declared: &[DeclaredMetric],
    others: &[&str],
) -> io::Result<Vec<UnknownMetric>> {
    let mut known = Known::new(declared, others);
    let mut expressions = Vec::new();
    for folder in folders {
        for file in files_below(folder.as_ref())? {
            let text = fs::read_to_string(&file).map_err(|error| in_file(&file, error))?;
            let is_json = file
                .extension()
                .is_some_and(|extension| extension == "json");
            let found = if is_json {
                dashboard_json::expressions(&text)
            } else {
                rule_file::read(&text).map(|rules| {
                    known.add(rules.recorded);
                    rules.expressions
                })
            };
            let found = found.map_err(|error| in_file(&file, error))?;
            expressions.extend(found.into_iter().map(|found| (file.clone(), found)));
        }
    }
    let mut unknown = Vec::new();
    for (file, Expression { place, text }) in expressions {
        for metric in metric_names(&text) {
            if known.has(&metric) {
                continue;
            }
            unknown.push(UnknownMetric {
                file: file.clone(),
                place: place.clone(),
                expression: text.clone(),
                similar: known.most_similar(&metric),
                metric,
            });
        }
    }
    Ok(unknown)
}

/// A PromQL expression, and the panel or rule that has it.
#[derive(Debug, PartialEq, Eq)]
struct Expression {
    place: String,
    text: String,
}

/// The JSON and YAML files below a folder, in the order of their names.
fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)
        .and_then(|entries| entries.collect::<io::Result<Vec<_>>>())
        .map_err(|error| in_file(folder, error))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else if matches!(extension, Some("json" | "yaml" | "yml")) {
            files.push(path);
        }
    }
    Ok(files)
}

fn in_file(file: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", file.display()))
}

/// An error about the content of a file.
fn invalid(error: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

#[cfg(test)]
mod tests;
