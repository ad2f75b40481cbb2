//! Checks of names, labels and the exposition with metrics of any program.

#![expect(clippy::unwrap_used, reason = "a failed check panics")]

use ::metrics::{Label, counter, describe_counter, gauge, histogram, with_local_recorder};

use super::{
    Format, Metrics, MetricsOptions,
    canonical::{self, Labels, label_name, metric_name},
    catalog::Kind,
    strict_parser,
};

const KINDS: [Kind; 3] = [Kind::Counter, Kind::Gauge, Kind::Histogram];

/// Reads metrics with their labels, and records them.
///
/// The separators are the control characters 1 and 2. The first character of a name chooses the kind.
///
/// # Panics
///
/// If a name or label is invalid, or the exposition cannot be parsed.
pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    // A control character may be in a name or a value, so the separators are others.
    let metrics: Vec<(&str, Vec<(&str, &str)>)> = text
        .split('\u{1}')
        .take(50)
        .map(|metric| {
            let mut parts = metric.split('\u{2}');
            let name = parts.next().unwrap_or_default();
            let labels = parts.take(80);
            (
                name,
                labels
                    .map(|label| label.split_once('=').unwrap_or((label, "")))
                    .collect(),
            )
        })
        .collect();
    for (name, labels) in &metrics {
        for kind in KINDS {
            check_canonical(kind, name, labels);
        }
    }
    let recorded = Metrics::new(MetricsOptions::default());
    with_local_recorder(&recorded.recorder(), || {
        for (name, labels) in &metrics {
            record(name, labels);
        }
    });
    for format in [Format::Text, Format::OpenMetrics] {
        let mut exposition = recorded.handle().render(format);
        if format == Format::OpenMetrics {
            let end = exposition.strip_suffix("# EOF\n").map(str::len);
            exposition.truncate(end.unwrap());
        }
        let samples = strict_parser::samples(&exposition);
        assert!(samples.iter().all(|(name, ..)| name.len() <= 280));
    }
}

fn record(name: &str, labels: &[(&str, &str)]) {
    let kind = name.chars().next().map_or(0, u32::from);
    let name = name.to_owned();
    let label = |(name, value): &(&str, &str)| Label::new((*name).to_owned(), (*value).to_owned());
    let labels: Vec<Label> = labels.iter().map(label).collect();
    match kind % 3 {
        0 => {
            describe_counter!(name.clone(), name.clone());
            counter!(name, labels).increment(1);
        }
        1 => gauge!(name, labels).set(f64::MAX),
        _ => histogram!(name, labels).record(0.5),
    }
}

fn check_canonical(kind: Kind, name: &str, labels: &[(&str, &str)]) {
    let canonical = metric_name(kind, name);
    let is_name = |text: &str, colon: bool| {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || colon && c == ':';
        text.chars().all(is_allowed)
            && !text.is_empty()
            && !text.starts_with(|c: char| c.is_ascii_digit())
    };
    assert!(is_name(&canonical, true), "{name:?}: {canonical}");
    assert_eq!(metric_name(kind, &canonical), canonical, "{name:?}");
    for (name, _) in labels {
        let canonical = label_name(kind, name);
        assert!(is_name(&canonical, false), "{name:?}: {canonical}");
        // The prefix of a reserved name comes on top of the longest name.
        if canonical.len() <= 256 {
            assert_eq!(label_name(kind, &canonical), canonical, "{name:?}");
        }
    }
    let text = Labels::new(kind, labels.iter().copied()).text();
    assert!(!text.contains('\n'), "{text:?}");
    let unescape = |(name, value)| (name, canonical::unescape(value));
    let read: Vec<(&str, String)> = canonical::pairs(&text).map(unescape).collect();
    // A longer name or value is cut the second time, and merged secrets become one.
    let is_kept = |name: &str, value: &str| {
        name.len() <= 256 && value.len() <= 1_024 && !value.contains("***")
    };
    if read.iter().all(|(name, value)| is_kept(name, value)) {
        let again = read.iter().map(|(name, value)| (*name, &**value));
        assert_eq!(Labels::new(kind, again).text(), text, "{labels:?}");
    }
}
