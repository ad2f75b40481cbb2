//! The metrics of an exposition, in the text format or in OpenMetrics.

use std::collections::BTreeMap;

use crate::metrics::unescape;

/// A metric of an exposition.
#[derive(Debug, Default)]
pub(super) struct ExposedMetric {
    /// The type, such as `counter`.
    pub(super) kind: String,
    /// The text of `# HELP`; empty if there is none.
    pub(super) help: String,
    pub(super) series: Vec<ExposedSeries>,
}

/// A series of a metric; of a histogram, the number of its samples.
#[derive(Debug, PartialEq)]
pub(super) struct ExposedSeries {
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
}

/// The metrics by their names, as the program records them.
///
/// The name of a counter ends in `_total` in both formats.
pub(super) fn metrics(exposition: &str) -> BTreeMap<String, ExposedMetric> {
    let mut metrics = BTreeMap::<String, ExposedMetric>::new();
    let (mut family, mut kind, mut help) = ("", "", String::new());
    for line in exposition.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let word = words.next();
            let name = words.next().unwrap_or_default();
            let rest = words.next().unwrap_or_default();
            if name != family {
                (family, kind, help) = (name, "", String::new());
            }
            match word {
                Some("TYPE") => kind = rest,
                Some("HELP") => help = unescape(rest),
                _ => {}
            }
            continue;
        }
        let Some((sample_name, series)) = sample(line) else {
            continue;
        };
        let name = match kind {
            "histogram" if sample_name.strip_prefix(family) != Some("_count") => continue,
            "histogram" => family,
            _ => sample_name,
        };
        let metric = metrics.entry(name.to_owned()).or_default();
        kind.clone_into(&mut metric.kind);
        metric.help.clone_from(&help);
        metric.series.push(series);
    }
    metrics
}

/// The name and the series of a line such as `name{label="value"} 1`.
fn sample(line: &str) -> Option<(&str, ExposedSeries)> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let mut labels = Vec::new();
    let mut rest = rest;
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, quoted) = rest.trim_start_matches(',').split_once("=\"")?;
            let mut is_escaped = false;
            let end = quoted.find(|c| {
                let is_end = c == '"' && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                is_end
            })?;
            labels.push((label.to_owned(), unescape(quoted.get(..end)?)));
            rest = quoted.get(end + 1..)?;
        }
        rest = rest.strip_prefix('}')?;
    }
    // A time or an exemplar may follow the value.
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some((name, ExposedSeries { labels, value }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{ExposedSeries, metrics, sample};

    #[test]
    fn samples_are_read() {
        let labels = [("a", "b,\"}\\\n"), ("c", "")];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let series = |labels: &[(String, String)], value| ExposedSeries {
            labels: labels.to_vec(),
            value,
        };
        assert_eq!(
            sample(r#"x{a="b,\"}\\\n",c=""} +Inf # {trace_id="1"} 2 3"#),
            Some(("x", series(&labels, f64::INFINITY)))
        );
        assert_eq!(sample("x 1.5 1700000000"), Some(("x", series(&[], 1.5))));
        for broken in ["", "x", "x{", "x{a=\"b} 1", "x{a=\"b\"", "x y"] {
            assert_eq!(sample(broken), None, "{broken}");
        }
    }

    #[test]
    fn metrics_are_the_same_in_both_formats() {
        let text = "# HELP a_total A \\\\ b.\n# TYPE a_total counter\na_total{x=\"1\"} 2\n# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 3\n# TYPE g gauge\ng -1\n";
        let open = "# HELP a A \\\\ b.\n# TYPE a counter\na_total{x=\"1\"} 2\n# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 3\n# TYPE g gauge\ng -1\n# EOF\n";
        let all = metrics(text);
        assert_eq!(format!("{all:?}"), format!("{:?}", metrics(open)));
        let names: Vec<_> = all.keys().collect();
        assert_eq!(names, ["a_total", "g", "h"]);
        let [counter, histogram] = ["a_total", "h"].map(|name| all.get(name).unwrap());
        assert_eq!((&*counter.kind, &*counter.help), ("counter", "A \\ b."));
        assert_eq!(histogram.series.len(), 1);
        assert_eq!(histogram.series[0].value, 3.0);
    }
}
