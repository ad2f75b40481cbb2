//! All counters and gauges as a list, for rules that look at several metrics.

use std::sync::Arc;

use super::{
    handle::Series,
    sink::{Descriptor, Sink},
};
use crate::{catalog::Metric, collector::Samples};

/// The value of a series.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    metric: String,
    labels: Vec<(String, String)>,
    pub(crate) value: f64,
}

impl Sample {
    /// The value of a label; empty without it.
    pub(crate) fn label(&self, name: &str) -> &str {
        let mut labels = self.labels.iter();
        let value = labels.find_map(|(other, value)| (other == name).then_some(&**value));
        value.unwrap_or_default()
    }
}

/// The counters and gauges of a process at one moment.
#[derive(Debug, Default)]
pub(crate) struct SampleList(Vec<Sample>);

impl SampleList {
    /// The series of a metric.
    pub(crate) fn of(&self, metric: &Metric) -> impl Iterator<Item = &Sample> {
        self.0.iter().filter(|sample| sample.metric == metric.name)
    }

    /// The value of the first series of a metric.
    pub(crate) fn value(&self, metric: &Metric) -> Option<f64> {
        self.of(metric).next().map(|sample| sample.value)
    }

    /// The value of a series of a metric that has this label.
    pub(crate) fn value_with(&self, metric: &Metric, label: &str, value: &str) -> Option<f64> {
        let mut samples = self.of(metric);
        let sample = samples.find(|sample| sample.label(label) == value);
        sample.map(|sample| sample.value)
    }
}

impl Samples for SampleList {
    fn sample(&mut self, metric: &Metric, labels: &[(&str, &str)], value: f64) {
        let labels = labels.iter();
        self.0.push(Sample {
            metric: metric.name.to_owned(),
            labels: labels
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            value,
        });
    }
}

impl Sink for SampleList {
    fn family(&mut self, descriptor: Descriptor<'_>, series: &[(Arc<str>, Series)]) {
        for (labels, series) in series {
            if let Some(value) = series.number() {
                self.0.push(Sample {
                    metric: descriptor.name.to_owned(),
                    labels: parsed(labels),
                    value,
                });
            }
        }
    }
}

/// Parses labels as they are in an exposition.
fn parsed(text: &str) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next() {
                Some((_, '\\')) => value.extend(chars.next().map(|(_, char)| match char {
                    'n' => '\n',
                    char => char,
                })),
                Some((end, '"')) => break end + 1,
                Some((_, char)) => value.push(char),
                None => return labels,
            }
        };
        labels.push((name.trim_start_matches(',').to_owned(), value));
        rest = &after[end..];
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_parsed_with_their_escapes() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(parsed(""), []);
        assert_eq!(
            parsed(r#"queue="a,b=\"c\"",status="re\\ady\n""#),
            [pair("queue", "a,b=\"c\""), pair("status", "re\\ady\n")]
        );
        assert_eq!(parsed(r#"broken="#), []);
        assert_eq!(parsed(r#"broken="no end"#), []);
    }
}
