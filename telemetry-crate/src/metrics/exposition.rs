//! The exposition: all metrics in one of the two text formats.
//!
//! One writer serves both formats and all sources, so that each metric is written in the same way.
//! The exposition is sorted by name and labels, so two expositions of the same series differ only
//! in their numbers. OpenMetrics' units and creation times are not written, because no common
//! scraper uses them.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    fmt::Write,
    ops::Range,
    sync::{Arc, atomic::Ordering},
};

use metrics_exporter_prometheus::formatting::write_type_line;

use super::{
    aliases::Aliases,
    canonical::{Labels, push_number},
    catalog::{Kind, Metric},
    exemplar::Exemplar,
    format::Format,
    handle::Series,
    histogram::Histogram,
    names,
    sink::{Descriptor, Sink},
};
use crate::collector::Samples;

/// An exposition under construction.
#[derive(Debug)]
pub(super) struct Exposition<'a> {
    format: Format,
    aliases: &'a Aliases,
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

/// The lines of one series, as ranges of the block's text.
#[derive(Debug)]
struct Lines {
    /// The labels in the first of the lines.
    labels: Range<usize>,
    /// All lines of the series.
    lines: Range<usize>,
}

impl<'a> Exposition<'a> {
    pub(super) fn new(format: Format, aliases: &'a Aliases) -> Self {
        Self {
            format,
            aliases,
            blocks: BTreeMap::new(),
        }
    }

    fn block(&mut self, descriptor: Descriptor<'_>) -> &mut Block {
        let name = descriptor.name.to_owned();
        self.blocks.entry(name).or_insert_with(|| Block {
            name: descriptor.name.to_owned(),
            kind: descriptor.kind,
            help: descriptor.help,
            has_exemplars: self.format == Format::OpenMetrics,
            text: String::new(),
            series: Vec::new(),
        })
    }

    /// The complete text. A metric without series is left out.
    pub(super) fn finish(self) -> String {
        let comments = |block: &Block| 64 + 2 * block.name.len() + 2 * block.help.len();
        let length = |block: &Block| comments(block) + block.text.len();
        let mut text = String::with_capacity(self.blocks.values().map(length).sum());
        let blocks = self.blocks.values();
        let blocks: Vec<_> = blocks.filter(|block| !block.series.is_empty()).collect();
        let untyped = match self.format {
            Format::OpenMetrics => untyped(&blocks),
            Format::Text => HashSet::new(),
        };
        for block in blocks {
            let is_untyped = untyped.contains(block.name.as_str());
            block.push_comments(&mut text, self.format, is_untyped);
            block.push_lines(&mut text);
        }
        if self.format == Format::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }
}

impl Samples for Exposition<'_> {
    fn sample(&mut self, metric: &Metric, labels: &[(&str, &str)], value: f64) {
        let labels = Labels::new(metric.kind, labels.iter().copied()).text();
        for alias in self.aliases.of(metric.name) {
            let labels = alias.labels(&labels);
            self.block(alias.descriptor(&metric.into()))
                .line(&labels, |text| push_number(text, value));
        }
        self.block(metric.into())
            .line(&labels, |text| push_number(text, value));
    }
}

impl Sink for Exposition<'_> {
    fn family(&mut self, descriptor: Descriptor<'_>, series: &[(Arc<str>, Series)]) {
        if !self.aliases.is_empty() {
            self.aliases_of(&descriptor, series);
        }
        self.block(descriptor).series(series);
    }
}

impl Exposition<'_> {
    fn aliases_of(&mut self, metric: &Descriptor<'_>, all: &[(Arc<str>, Series)]) {
        for alias in self.aliases.of(metric.name) {
            let labels = |(labels, series): &(Arc<str>, Series)| {
                (alias.labels(labels).into(), series.clone())
            };
            let renamed: Vec<_> = all.iter().map(labels).collect();
            self.block(alias.descriptor(metric)).series(&renamed);
        }
        for alias in self.aliases.of_count(metric.name) {
            let block = self.block(alias.count_descriptor(metric));
            for (labels, series) in all {
                if let Series::Histogram(histogram) = series {
                    let count = histogram.buckets().last();
                    let count = count.map_or(0, |bucket| bucket.cumulative);
                    block.line(&alias.labels(labels), |text| push_count(text, count));
                }
            }
        }
    }
}

/// The counters that OpenMetrics must expose without their type.
///
/// A counter's alias may have a name without `_total`, which OpenMetrics knows for a counter's family only.
fn untyped<'a>(blocks: &[&'a Block]) -> HashSet<&'a str> {
    let is_misnamed =
        |block: &Block| block.kind == Kind::Counter && !block.name.ends_with("_total");
    // As a gauge, it takes its own name only.
    let kind = |block: &Block| {
        if is_misnamed(block) {
            Kind::Gauge
        } else {
            block.kind
        }
    };
    let names: Vec<_> = blocks
        .iter()
        .map(|block| (&*block.name, kind(block)))
        .collect();
    let misnamed = blocks.iter().filter(|block| is_misnamed(block));
    let misnamed = misnamed.map(|block| &*block.name);
    names::untyped(&names).into_iter().chain(misnamed).collect()
}

impl Block {
    fn series(&mut self, all: &[(Arc<str>, Series)]) {
        let mut le_labels = None;
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
                    // All series of a metric have the same bounds. Formatting them once saves most of a line's cost.
                    let le_labels = le_labels
                        .get_or_insert_with(|| histogram.buckets().map(|b| le(b.le)).collect());
                    self.histogram(labels, le_labels, histogram);
                }
            }
        }
    }

    fn line(&mut self, labels: &str, value: impl FnOnce(&mut String)) {
        let start = self.text.len();
        let labels = self.push_series("", labels, "");
        value(&mut self.text);
        self.text.push('\n');
        let lines = start..self.text.len();
        self.series.push(Lines { labels, lines });
    }

    fn histogram(&mut self, labels: &str, le_labels: &Vec<String>, histogram: &Histogram) {
        let start = self.text.len();
        let mut first_labels = 0..0;
        let mut count = 0;
        for (bucket, le) in histogram.buckets().zip(le_labels) {
            count = bucket.cumulative;
            let labels = self.push_series("_bucket", labels, le);
            if first_labels.is_empty() {
                first_labels = labels;
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
        let lines = start..self.text.len();
        let labels = first_labels;
        self.series.push(Lines { labels, lines });
    }

    /// Adds the start of a line: `name{labels,le="0.005"} `.
    ///
    /// Returns the range of the labels.
    fn push_series(&mut self, suffix: &str, labels: &str, le: &str) -> Range<usize> {
        let text = &mut self.text;
        // Reserving the length allocates at most once per line, and not once per piece.
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

    fn push_comments(&self, out: &mut String, format: Format, is_untyped: bool) {
        let name = self.name.as_str();
        let (family, type_name) = match (format, self.kind) {
            (Format::OpenMetrics, _) if is_untyped => (name, "unknown"),
            (Format::OpenMetrics, kind) => (names::family(name, kind), kind.type_name()),
            (Format::Text, Kind::Info) => (name, Kind::Gauge.type_name()),
            (Format::Text, kind) => (name, kind.type_name()),
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
            let _ = writeln!(out, "# HELP {family} {help}");
        }
        write_type_line(out, family, None, None, type_name);
    }

    /// Adds the lines, sorted by labels.
    ///
    /// If several series have the same labels, only the first is written, because parsers reject a duplicate series.
    fn push_lines(&self, out: &mut String) {
        let labels = |lines: &Lines| self.text.get(lines.labels.clone()).unwrap_or_default();
        if self.series.is_sorted_by(|a, b| labels(a) < labels(b)) {
            return out.push_str(&self.text);
        }
        let mut series: Vec<_> = self.series.iter().collect();
        series.sort_by_key(|lines| labels(lines));
        series.dedup_by_key(|lines| labels(lines));
        out.extend(
            series
                .iter()
                .filter_map(|lines| self.text.get(lines.lines.clone())),
        );
    }
}

/// The `le` label of a bucket.
///
/// A whole bound is `1.0`, as OpenMetrics writes it and Prometheus 3 stores it. Both text formats have this notation,
/// because the series must not depend on the negotiated format.
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

/// Adds ` # {trace_id="…",span_id="…"} value time`.
///
/// The time is in seconds since 1970.
fn push_exemplar(line: &mut String, exemplar: Exemplar) {
    let Exemplar {
        trace_id,
        span_id,
        value,
        recorded,
    } = exemplar;
    line.push_str(" # {trace_id=\"");
    push_hex(line, &trace_id.to_bytes());
    line.push_str("\",span_id=\"");
    push_hex(line, &span_id.to_bytes());
    line.push_str("\"} ");
    push_number(line, value);
    line.push(' ');
    push_count(line, recorded / 1_000);
    line.push('.');
    let milliseconds = recorded % 1_000;
    for divisor in [100, 10, 1] {
        line.push(DIGITS[(milliseconds / divisor % 10) as usize]);
    }
}

/// Adds bytes as lowercase hexadecimal digits; `write!` costs six times as much.
fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 0xf)]);
    }
}

const DIGITS: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
];

#[cfg(test)]
mod tests {
    use opentelemetry::{SpanId, TraceId};
    use proptest::prelude::*;

    use super::{Exemplar, push_exemplar};

    proptest! {
        #[test]
        fn exemplars_are_formatted(trace: u128, span: u64, value: f64, recorded: u64) {
            let (trace_id, span_id) = (TraceId::from(trace), SpanId::from(span));
            let mut line = String::new();
            push_exemplar(&mut line, Exemplar { trace_id, span_id, value: value.trunc(), recorded });
            let (seconds, milliseconds) = (recorded / 1_000, recorded % 1_000);
            let start = format!(" # {{trace_id=\"{trace_id}\",span_id=\"{span_id}\"}} ");
            prop_assert!(line.starts_with(&start), "{line}");
            prop_assert!(line.ends_with(&format!(" {seconds}.{milliseconds:03}")), "{line}");
        }
    }
}
