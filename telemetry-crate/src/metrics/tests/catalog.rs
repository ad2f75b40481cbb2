//! The catalog against the rules of the recorder for names.

use crate::{
    catalog::{ALL, Kind},
    config::validate_buckets,
    metrics::canonical,
};

#[test]
fn names_and_labels_are_canonical() {
    for metric in ALL {
        if metric.kind != Kind::Info {
            assert_eq!(
                canonical::metric_name(metric.kind, metric.name),
                metric.name
            );
        }
        for label in metric.labels {
            assert_eq!(canonical::label_name(metric.kind, label), *label);
        }
    }
}

#[test]
fn suffixes_match_kinds_and_units() {
    for metric in ALL {
        let name = metric.name;
        assert_eq!(
            name.ends_with("_total"),
            metric.kind == Kind::Counter,
            "{name}"
        );
        assert_eq!(name.ends_with("_info"), metric.kind == Kind::Info, "{name}");
        let stem = name.strip_suffix("_total").unwrap_or(name);
        assert_eq!(stem.ends_with("_seconds"), metric.unit == "s", "{name}");
        assert_eq!(stem.ends_with("_bytes"), metric.unit == "By", "{name}");
        assert!(metric.help.ends_with('.'), "{name}");
        if let Some(bounds) = metric.buckets {
            validate_buckets(bounds).unwrap();
        }
    }
}
