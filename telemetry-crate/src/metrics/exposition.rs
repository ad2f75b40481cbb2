//! The metrics page: everything that is known, in one of the two text formats.
//!
//! One writer for both formats and all sources, so that they cannot disagree. The page is sorted by name and labels: two
//! pages differ only where the numbers do. What it leaves out: units and creation times, which OpenMetrics knows and
//! nobody reads.

use std::{collections::BTreeMap, fmt::Write};

use super::{
    canonical::{Labels, push_number},
    catalog::{Kind, Metric},
    exemplar::Exemplar,
    format::Format,
    histogram::Histogram,
    names,
};

/// A page that is being written.
#[derive(Debug)]
pub(crate) struct Page {
    format: Format,
    metrics: BTreeMap<String, Block>,
}

/// The lines of one metric.
#[derive(Debug)]
struct Block {
    kind: Kind,
    help: String,
    /// By labels. A series that is there already stays, so that no page ever has one twice.
    series: BTreeMap<String, String>,
}

impl Page {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            metrics: BTreeMap::new(),
        }
    }

    /// Adds one sample of a metric of the catalogue that is not a histogram.
    pub(crate) fn sample(&mut self, metric: &Metric, labels: &[(&str, &str)], value: f64) {
        self.describe(metric.name, metric.kind, || metric.help.to_owned());
        let labels = Labels::new(metric.kind, labels.iter().copied()).text();
        let mut number = String::new();
        push_number(&mut number, value);
        self.line(metric.name, &labels, &number);
    }

    /// Opens the block of a metric, unless it is open.
    pub(super) fn describe(&mut self, name: &str, kind: Kind, help: impl FnOnce() -> String) {
        if !self.metrics.contains_key(name) {
            let block = Block {
                kind,
                help: help(),
                series: BTreeMap::new(),
            };
            self.metrics.insert(name.to_owned(), block);
        }
    }

    /// Adds the samples of the exporter's page. Its comments are left out: they do not know OpenMetrics.
    pub(super) fn counters_and_gauges(&mut self, text: &str) {
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        for (series, value) in lines.filter_map(|line| line.rsplit_once(' ')) {
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = labels.strip_suffix('}').unwrap_or(labels);
            let value = match value {
                "inf" => "+Inf",
                "-inf" => "-Inf",
                value => value,
            };
            self.line(name, labels, value);
        }
    }

    fn line(&mut self, name: &str, labels: &str, value: &str) {
        let Some(block) = self.metrics.get_mut(name) else {
            return;
        };
        block.series.entry(labels.to_owned()).or_insert_with(|| {
            let mut line = String::with_capacity(name.len() + labels.len() + value.len() + 4);
            push_series(&mut line, name, "", labels, None);
            line.push_str(value);
            line.push('\n');
            line
        });
    }

    /// Adds one series of a histogram whose block is open.
    pub(super) fn histogram(&mut self, name: &str, labels: String, histogram: &Histogram) {
        let Some(block) = self.metrics.get_mut(name) else {
            return;
        };
        let mut lines = String::new();
        let mut count = 0;
        for bucket in histogram.buckets() {
            count = bucket.cumulative;
            push_series(&mut lines, name, "_bucket", &labels, Some(bucket.le));
            let _ = write!(lines, "{count}");
            if let Some(exemplar) = bucket
                .exemplar
                .filter(|_| self.format == Format::OpenMetrics)
            {
                push_exemplar(&mut lines, exemplar);
            }
            lines.push('\n');
        }
        push_series(&mut lines, name, "_sum", &labels, None);
        push_number(&mut lines, histogram.sum());
        lines.push('\n');
        push_series(&mut lines, name, "_count", &labels, None);
        let _ = writeln!(lines, "{count}");
        block.series.entry(labels).or_insert(lines);
    }

    /// The page. A metric without a series has no lines at all.
    pub(super) fn finish(self) -> String {
        let mut page = String::new();
        for (name, block) in self
            .metrics
            .iter()
            .filter(|(_, block)| !block.series.is_empty())
        {
            let (family, kind) = match (self.format, block.kind) {
                (Format::OpenMetrics, kind) => (names::family(name, kind), kind),
                (Format::Text, Kind::Info) => (name.as_str(), Kind::Gauge),
                (Format::Text, kind) => (name.as_str(), kind),
            };
            if !block.help.is_empty() {
                let quote = if self.format == Format::OpenMetrics {
                    "\\\""
                } else {
                    "\""
                };
                let help = block
                    .help
                    .replace('\\', "\\\\")
                    .replace('\n', "\\n")
                    .replace('"', quote);
                let _ = writeln!(page, "# HELP {family} {help}");
            }
            let _ = writeln!(page, "# TYPE {family} {}", kind.word());
            page.extend(block.series.values().map(String::as_str));
        }
        if self.format == Format::OpenMetrics {
            page.push_str("# EOF\n");
        }
        page
    }
}

/// `name{labels,le="0.005"} `, the start of a line. A whole bound is `1.0`, as OpenMetrics writes it and Prometheus 3
/// stores it, in both formats, so that the series is the same whichever was negotiated.
fn push_series(line: &mut String, name: &str, suffix: &str, labels: &str, le: Option<f64>) {
    line.push_str(name);
    line.push_str(suffix);
    if !labels.is_empty() || le.is_some() {
        line.push('{');
        line.push_str(labels);
        if let Some(le) = le {
            let comma = if labels.is_empty() { "" } else { "," };
            line.push_str(comma);
            if le.is_finite() {
                let _ = write!(line, "le=\"{le:?}\"");
            } else {
                line.push_str("le=\"+Inf\"");
            }
        }
        line.push('}');
    }
    line.push(' ');
}

/// ` # {trace_id="…",span_id="…"} value seconds`
fn push_exemplar(line: &mut String, exemplar: Exemplar) {
    let Exemplar {
        trace_id,
        span_id,
        value,
        recorded,
    } = exemplar;
    let _ = write!(
        line,
        " # {{trace_id=\"{trace_id}\",span_id=\"{span_id}\"}} "
    );
    push_number(line, value);
    let _ = write!(line, " {}.{:03}", recorded / 1_000, recorded % 1_000);
}
