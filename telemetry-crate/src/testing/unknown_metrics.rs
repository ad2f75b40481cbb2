//! Unknown metrics and functions in dashboards and rules.
//!
//! A panel on a metric that nothing exports is empty, and an alert on it never fires. Neither is an error in Grafana or
//! Prometheus. A file with an unknown function is not loaded, with all of its rules.
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
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

pub use self::{known::POSTGRES_EXPORTER, promql::metric_names};
use self::{
    known::{Known, unread_objective},
    promql::{lone_bracket, names},
};
use crate::metrics::DeclaredMetric;

/// An unknown metric or function in a panel or a rule.
///
/// Nothing exports the metric, or no rule reads it.
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
    ///
    /// If it is declared without a label or a value, then with them: `orders_total{raison}`,
    /// `orders_total{reason="itme"}`. A function has parentheses: `incraese()`.
    pub metric: String,
    /// The most similar known one, unless all are very different.
    pub similar: Option<String>,
    /// What does not have or use the metric or function.
    problem: &'static str,
}

impl fmt::Display for UnknownMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            place,
            expression,
            metric,
            similar,
            problem,
        } = self;
        write!(f, "{}, {place}: {problem} {metric}", file.display())?;
        if let Some(similar) = similar {
            write!(f, "; did you mean {similar}?")?;
        }
        write!(f, "\n    {}", expression.replace('\n', "\n    "))
    }
}

/// Finds the unknown metrics and functions in dashboards and rules.
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
/// A selector of a metric of `declared` has declared labels and values, or usual labels of a target, such as `job` and
/// `pod`. Other labels that your Prometheus adds to targets are in `others` as `{label}`. Labels after `by` are not
/// checked, and neither are values in a pattern. A rule that records an objective has one of the names that firstlight's
/// rules read. Functions are those of Prometheus 2 and 3, experimental ones included. Those of another server are in
/// `others` as `name()`.
///
/// Names that Grafana's variables make, such as `${prefix}_total`, are not checked, and neither are LogQL queries.
///
/// # Errors
///
/// A folder or file cannot be read, a file is not valid JSON or YAML, a rule has no `expr`, or brackets of an
/// expression have no partner. The error names the file.
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
        if let Some(bracket) = lone_bracket(&text) {
            let error = invalid(format!(
                "{place}: the bracket {bracket} has no partner in {text}"
            ));
            return Err(in_file(&file, error));
        }
        let mut add = |metric, similar, problem| {
            unknown.push(UnknownMetric {
                file: file.clone(),
                place: place.clone(),
                expression: text.clone(),
                metric,
                similar,
                problem,
            });
        };
        let recorded = place.strip_prefix("record ");
        if let Some((recorded, similar)) = recorded.and_then(|it| Some((it, unread_objective(it)?)))
        {
            add(recorded.to_owned(), similar, "no rule of firstlight reads");
        }
        let names = names(&text);
        for function in names.functions {
            if let Some((function, similar)) = known.unknown_function(function) {
                add(function, similar, "Prometheus has no function");
            }
        }
        let found = names
            .selectors
            .iter()
            .flat_map(|selector| known.unknown(selector));
        for (metric, similar) in found.collect::<BTreeMap<_, _>>() {
            add(metric, similar, "nothing exports or records");
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
