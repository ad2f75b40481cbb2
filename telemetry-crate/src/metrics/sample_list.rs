//! All metrics as a list, for rules that look at several of them.

use std::sync::Arc;

use super::{
    exemplar::Exemplar,
    handle::Series,
    histogram::Histogram,
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
        value_of(&self.labels, name)
    }
}

fn value_of<'a>(labels: &'a [(String, String)], name: &str) -> &'a str {
    let mut labels = labels.iter();
    let value = labels.find_map(|(other, value)| (other == name).then_some(&**value));
    value.unwrap_or_default()
}

/// A series of a histogram.
#[derive(Debug)]
struct Distribution {
    metric: String,
    labels: Vec<(String, String)>,
    histogram: Arc<Histogram>,
}

/// The samples of a histogram that are above a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Above {
    pub(crate) count: u64,
    /// The number of all samples.
    pub(crate) all: u64,
    /// The last of those above of which an exemplar is known.
    pub(crate) last: Option<Exemplar>,
}

/// The metrics of a process at one moment.
#[derive(Debug, Default)]
pub(crate) struct SampleList {
    /// Counters and gauges.
    numbers: Vec<Sample>,
    distributions: Vec<Distribution>,
}

impl SampleList {
    /// The series of a counter or a gauge.
    pub(crate) fn of(&self, metric: &Metric) -> impl Iterator<Item = &Sample> {
        let numbers = self.numbers.iter();
        numbers.filter(|sample| sample.metric == metric.name)
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

    /// The samples of a histogram's series that are above the bucket of `bound`.
    pub(crate) fn above(
        &self,
        metric: &Metric,
        (label, value): (&str, &str),
        bound: f64,
    ) -> Option<Above> {
        let mut series = self.distributions.iter();
        let series = series.find(|series| {
            series.metric == metric.name && value_of(&series.labels, label) == value
        })?;
        let (mut within, mut all, mut last) = (0, 0, None::<Exemplar>);
        let mut is_above = false;
        for bucket in series.histogram.buckets() {
            all = bucket.cumulative;
            if is_above {
                let both = last.into_iter().chain(bucket.exemplar);
                last = both.max_by_key(|exemplar| exemplar.recorded);
            } else {
                within = bucket.cumulative;
                is_above = bucket.le >= bound;
            }
        }
        Some(Above {
            count: all - within,
            all,
            last,
        })
    }
}

impl Samples for SampleList {
    fn sample(&mut self, metric: &Metric, labels: &[(&str, &str)], value: f64) {
        let labels = labels.iter();
        self.numbers.push(Sample {
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
            let (metric, labels) = (descriptor.name.to_owned(), parsed(labels));
            if let Some(value) = series.number() {
                self.numbers.push(Sample {
                    metric,
                    labels,
                    value,
                });
            } else if let Series::Histogram(histogram) = series {
                self.distributions.push(Distribution {
                    metric,
                    labels,
                    histogram: histogram.clone(),
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
