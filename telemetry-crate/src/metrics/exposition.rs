//! The metrics page: everything that is known, in one of the two text formats.
//!
//! One writer for both formats and all sources, so that they cannot disagree. The page is sorted by name and labels: two
//! pages differ only where the numbers do. What it leaves out: units and creation times, which OpenMetrics knows and
//! no reader asks for.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    fmt::Write,
    ops::Range,
    sync::{Arc, atomic::Ordering},
};

use metrics_exporter_prometheus::formatting::write_type_line;

use super::{
    canonical::{Labels, push_number},
    catalog::{Kind, Metric},
    exemplar::Exemplar,
    format::Format,
    handle::Series,
    histogram::Histogram,
    names,
    sink::{About, Sink},
};
use crate::collector::Samples;

/// A page that is being written.
#[derive(Debug)]
pub(super) struct Page {
    format: Format,
    blocks: BTreeMap<String, Block>,
}

/// The lines of one metric.
#[derive(Debug)]
struct Block {
    name: String,
    kind: Kind,
    help: Cow<'static, str>,
    has_exemplars: bool,
    text: String,
    series: Vec<Lines>,
}

/// Where in a block's text the lines of one series are, and the labels in the first of them.
#[derive(Debug)]
struct Lines {
    labels: Range<usize>,
    all: Range<usize>,
}

impl Page {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            blocks: BTreeMap::new(),
        }
    }

    fn block(&mut self, about: About<'_>) -> &mut Block {
        let name = about.name.to_owned();
        self.blocks.entry(name).or_insert_with(|| Block {
            name: about.name.to_owned(),
            kind: about.kind,
            help: about.help,
            has_exemplars: self.format == Format::OpenMetrics,
            text: String::new(),
            series: Vec::new(),
        })
    }

    /// The page. A metric without a series has no lines at all.
    pub(super) fn finish(self) -> String {
        let comments = |block: &Block| 64 + 2 * block.name.len() + 2 * block.help.len();
        let length = |block: &Block| comments(block) + block.text.len();
        let mut page = String::with_capacity(self.blocks.values().map(length).sum());
        let blocks = self.blocks.values();
        let blocks: Vec<_> = blocks.filter(|block| !block.series.is_empty()).collect();
        let names: Vec<_> = blocks.iter().map(|b| (b.name.as_str(), b.kind)).collect();
        let untyped = match self.format {
            Format::OpenMetrics => names::untyped(&names),
            Format::Text => HashSet::new(),
        };
        for block in blocks {
            let is_untyped = untyped.contains(block.name.as_str());
            block.push_comments(&mut page, self.format, is_untyped);
            block.push_lines(&mut page);
        }
        if self.format == Format::OpenMetrics {
            page.push_str("# EOF\n");
        }
        page
    }
}

impl Samples for Page {
    fn sample(&mut self, metric: &Metric, labels: &[(&str, &str)], value: f64) {
        let labels = Labels::new(metric.kind, labels.iter().copied()).text();
        self.block(metric.into())
            .line(&labels, |text| push_number(text, value));
    }
}

impl Sink for Page {
    fn family(&mut self, about: About<'_>, series: &[(Arc<str>, Series)]) {
        self.block(about).series(series);
    }
}

impl Block {
    fn series(&mut self, all: &[(Arc<str>, Series)]) {
        let mut les = None;
        for (labels, series) in all {
            match series {
                Series::Counter(value) => {
                    let value = value.load(Ordering::Relaxed);
                    self.line(labels, |text| push_count(text, value));
                }
                Series::Gauge(value) => {
                    let value = f64::from_bits(value.load(Ordering::Relaxed));
                    self.line(labels, |text| push_number(text, value));
                }
                Series::Histogram(histogram) => {
                    // The series of a metric have the same bounds, and these cost more than all else in a line.
                    let les =
                        les.get_or_insert_with(|| histogram.buckets().map(|b| le(b.le)).collect());
                    self.histogram(labels, les, histogram);
                }
            }
        }
    }

    fn line(&mut self, labels: &str, value: impl FnOnce(&mut String)) {
        let start = self.text.len();
        let labels = self.push_series("", labels, "");
        value(&mut self.text);
        self.text.push('\n');
        let all = start..self.text.len();
        self.series.push(Lines { labels, all });
    }

    fn histogram(&mut self, labels: &str, les: &Vec<String>, histogram: &Histogram) {
        let start = self.text.len();
        let mut place = 0..0;
        let mut count = 0;
        for (bucket, le) in histogram.buckets().zip(les) {
            count = bucket.cumulative;
            let labels = self.push_series("_bucket", labels, le);
            if place.is_empty() {
                place = labels;
            }
            push_count(&mut self.text, count);
            if let Some(exemplar) = bucket.exemplar.filter(|_| self.has_exemplars) {
                push_exemplar(&mut self.text, exemplar);
            }
            self.text.push('\n');
        }
        self.push_series("_sum", labels, "");
        push_number(&mut self.text, histogram.sum());
        self.text.push('\n');
        self.push_series("_count", labels, "");
        push_count(&mut self.text, count);
        self.text.push('\n');
        let all = start..self.text.len();
        self.series.push(Lines { labels: place, all });
    }

    /// `name{labels,le="0.005"} `, the start of a line; returns the place of the labels.
    fn push_series(&mut self, suffix: &str, labels: &str, le: &str) -> Range<usize> {
        let text = &mut self.text;
        // Once a line, and not once a piece.
        text.reserve(self.name.len() + suffix.len() + labels.len() + le.len() + 32);
        text.push_str(&self.name);
        text.push_str(suffix);
        if labels.is_empty() && le.is_empty() {
            text.push(' ');
            return 0..0;
        }
        text.push('{');
        let start = text.len();
        text.push_str(labels);
        let end = text.len();
        if !labels.is_empty() && !le.is_empty() {
            text.push(',');
        }
        text.push_str(le);
        text.push_str("} ");
        start..end
    }

    fn push_comments(&self, page: &mut String, format: Format, is_untyped: bool) {
        let name = self.name.as_str();
        let (family, word) = match (format, self.kind) {
            (Format::OpenMetrics, _) if is_untyped => (name, "unknown"),
            (Format::OpenMetrics, kind) => (names::family(name, kind), kind.word()),
            (Format::Text, Kind::Info) => (name, Kind::Gauge.word()),
            (Format::Text, kind) => (name, kind.word()),
        };
        if !self.help.is_empty() {
            let quote = if format == Format::OpenMetrics {
                "\\\""
            } else {
                "\""
            };
            let help = self
                .help
                .replace('\\', "\\\\")
                .replace('\n', "\\n")
                .replace('"', quote);
            let _ = writeln!(page, "# HELP {family} {help}");
        }
        write_type_line(page, family, None, None, word);
    }

    /// The lines, sorted by labels. Of two series with the same labels the first stays, so that no page has one twice.
    fn push_lines(&self, page: &mut String) {
        let labels = |lines: &Lines| self.text.get(lines.labels.clone()).unwrap_or_default();
        if self.series.is_sorted_by(|a, b| labels(a) < labels(b)) {
            return page.push_str(&self.text);
        }
        let mut series: Vec<_> = self.series.iter().collect();
        series.sort_by_key(|lines| labels(lines));
        series.dedup_by_key(|lines| labels(lines));
        page.extend(
            series
                .iter()
                .filter_map(|lines| self.text.get(lines.all.clone())),
        );
    }
}

/// A whole bound is `1.0`, as OpenMetrics writes it and Prometheus 3 stores it, in both formats, so that the series is the
/// same whichever was negotiated.
fn le(bound: f64) -> String {
    if bound.is_finite() {
        format!("le=\"{bound:?}\"")
    } else {
        "le=\"+Inf\"".to_owned()
    }
}

fn push_count(text: &mut String, count: u64) {
    text.push_str(itoa::Buffer::new().format(count));
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
