//! Checks the names that the library emits.
//!
//! Each name is one of OpenTelemetry's, or is listed in `own.rs` and is outside OpenTelemetry's namespaces.

use std::collections::{BTreeMap, BTreeSet};

use firstlight::metrics::catalog::{self, Kind, Metric};

use crate::{
    generated, names,
    own::{NOT_EMITTED, OVERFLOW, OWN, PROMETHEUS},
    path,
};

/// The names of OpenTelemetry, written by `cargo xtask conventions`.
const LIST: &str = include_str!("conventions.txt");

/// OpenTelemetry's semantic conventions.
#[derive(Debug, Default)]
struct Conventions {
    attributes: BTreeSet<&'static str>,
    /// The instrument and the unit of each metric.
    metrics: BTreeMap<&'static str, (&'static str, &'static str)>,
    /// The replacement of each deprecated name, which may be empty.
    deprecated: BTreeMap<&'static str, &'static str>,
    /// The part before the first dot of each name that has a dot.
    namespaces: BTreeSet<&'static str>,
}

impl Conventions {
    fn new() -> Self {
        let mut all = Self::default();
        for line in LIST.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<_> = line.split(' ').collect();
            // A namespace with only deprecated names is no longer reserved.
            if words[0] != "deprecated" {
                all.namespaces
                    .extend(words[1].split_once('.').map(|(first, _)| first));
            }
            match words[..] {
                ["attribute", name] => drop(all.attributes.insert(name)),
                ["metric", name, instrument, unit] => {
                    all.metrics.insert(name, (instrument, unit));
                }
                ["deprecated", name, new] => drop(all.deprecated.insert(name, new)),
                _ => panic!("{line}"),
            }
        }
        all
    }

    /// Returns the reason why an attribute must not be emitted, if there is a reason.
    ///
    /// The name of a metric is allowed, because a log line may have the measurement.
    fn fault(&self, name: &str) -> Option<String> {
        let is_known = self.attributes.contains(name) || self.metrics.contains_key(name);
        if is_known || NOT_EMITTED.contains(&name) || name == OVERFLOW {
            return None;
        }
        if let Some(new) = self.deprecated.get(name) {
            return Some(format!("{name} is deprecated; it is {new:?} now"));
        }
        self.fault_of_own(name, '.')
    }

    /// Returns the reason why a name outside the conventions must not be emitted.
    fn fault_of_own(&self, name: &str, separator: char) -> Option<String> {
        let inside = |namespace: &&&str| {
            let rest = name.strip_prefix(**namespace);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
        };
        if let Some(namespace) = self.namespaces.iter().find(inside) {
            return Some(format!("OpenTelemetry has no {name} in its {namespace}.*"));
        }
        let is_listed = OWN.iter().any(|(own, _)| is_own(own, name));
        (!is_listed).then(|| format!("{name} is neither OpenTelemetry's nor listed"))
    }

    /// Returns the reason why a label must not be emitted, if there is a reason.
    ///
    /// Labels have underscores in place of dots.
    fn fault_of_label(&self, label: &str) -> Option<String> {
        let is_spelled_so = |name: &&str| name.replace('.', "_") == label;
        if let Some(old) = self.deprecated.keys().find(|name| is_spelled_so(name)) {
            return self.fault(old);
        }
        if self.attributes.iter().any(is_spelled_so) {
            return None;
        }
        self.fault_of_own(label, '_')
    }

    /// Returns the reason why a metric must not be emitted, if there is a reason.
    fn fault_of_metric(&self, metric: &Metric) -> Option<String> {
        let name = metric.name;
        for (known, (instrument, unit)) in &self.metrics {
            let kind = match *instrument {
                "counter" => Kind::Counter,
                "gauge" | "updowncounter" => Kind::Gauge,
                "histogram" => Kind::Histogram,
                _ => continue,
            };
            if in_prometheus(known, kind, unit) == name {
                let is_up_down = catalog::UP_DOWN_COUNTERS.contains(&name);
                let found = (metric.kind, metric.unit, is_up_down);
                return (found != (kind, unit, *instrument == "updowncounter"))
                    .then(|| format!("{name}: expected {instrument} in {unit}"));
            }
        }
        if PROMETHEUS.contains(&name) {
            return None;
        }
        self.fault_of_own(name, '_')
    }
}

/// Returns whether `name` is the listed name `own`, or starts with this prefix.
fn is_own(own: &str, name: &str) -> bool {
    name == own || own.ends_with(['.', '_']) && name.starts_with(own)
}

/// Returns the name that an OpenTelemetry metric has in Prometheus.
fn in_prometheus(name: &str, kind: Kind, unit: &str) -> String {
    let mut name = name.replace('.', "_");
    name += match unit {
        "s" => "_seconds",
        "By" => "_bytes",
        _ => "",
    };
    if kind == Kind::Counter {
        name += "_total";
    }
    name
}

/// Returns the names of attributes and fields, with their files.
fn attributes() -> impl Iterator<Item = (String, String)> {
    let all = names::in_folder(&path("telemetry-crate/src")).into_iter();
    // Names of ECS and Datadog are excluded, because the tests of the formats compare them with their schemas.
    all.filter(|(name, file)| !file.starts_with("logs/schema") && !name.starts_with("field."))
        // Labels are excluded, because they are checked with their metrics.
        .filter(|(name, _)| {
            !catalog::ALL
                .iter()
                .any(|metric| metric.labels.contains(&&**name))
        })
}

#[test]
fn emitted_attributes_are_known_or_own() {
    let conventions = Conventions::new();
    let faults: Vec<_> = attributes()
        .filter_map(|(name, file)| Some(format!("{file}: {}", conventions.fault(&name)?)))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn metrics_and_labels_are_known_or_own() {
    let conventions = Conventions::new();
    let mut faults = Vec::new();
    for metric in catalog::ALL {
        faults.extend(conventions.fault_of_metric(metric));
        let labels = metric.labels.iter();
        faults.extend(labels.filter_map(|label| conventions.fault_of_label(label)));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Checks the template's sources, whose own names are not listed here.
#[test]
fn the_template_has_no_deprecated_name() {
    let conventions = Conventions::new();
    let faults: Vec<_> = names::in_folder(&path("template/src"))
        .into_iter()
        .filter_map(|(name, file)| Some((conventions.fault(&name)?, file)))
        .filter(|(fault, _)| !fault.ends_with("listed"))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_own_name_is_emitted() {
    let mut emitted: BTreeSet<String> = attributes().map(|(name, _)| name).collect();
    for metric in catalog::ALL {
        emitted.insert(metric.name.to_owned());
        emitted.extend(metric.labels.iter().map(|label| (*label).to_owned()));
    }
    for (own, _) in OWN {
        let is_emitted = emitted.iter().any(|name| is_own(own, name));
        assert!(is_emitted, "{own} is listed and not emitted");
    }
}

#[test]
fn old_and_intruding_names_are_rejected() {
    let conventions = Conventions::new();
    for name in [
        "messaging.system",
        "rpc.response.status_code",
        "db.n_plus_one.count",
        "db",
        "unheard.of",
    ] {
        assert!(conventions.fault(name).is_some(), "{name}");
    }
    for label in ["rpc_response_status_code", "state", "http_verb"] {
        assert!(conventions.fault_of_label(label).is_some(), "{label}");
    }
    let metric = |name, kind, unit| {
        let mut metric = catalog::DB_CLIENT_CONNECTION_COUNT;
        (metric.name, metric.kind, metric.unit) = (name, kind, unit);
        conventions.fault_of_metric(&metric)
    };
    let limit = "db_client_connection_limit";
    assert_eq!(metric(limit, Kind::Gauge, "{connection}"), None);
    assert!(metric(limit, Kind::Gauge, "1").is_some());
    assert!(metric(limit, Kind::Counter, "{connection}").is_some());
    assert!(metric("db_client_connection_max", Kind::Gauge, "{connection}").is_some());
}

#[test]
fn the_book_lists_the_names() {
    let (version, _) = LIST.split_once(" (npm)").unwrap();
    let (_, version) = version.rsplit_once('@').unwrap();
    generated(
        "docs/book/src/names.md",
        "version",
        &format!(
            "The names are those of version {version} of the semantic conventions, as the npm package\n\
             `@opentelemetry/semantic-conventions` has them.\n"
        ),
    );
    let mut table = "| name | what has it |\n| --- | --- |\n".to_owned();
    for (own, what) in OWN {
        let more = if own.ends_with(['.', '_']) { "…" } else { "" };
        table += &format!("| `{own}{more}` | {what} |\n");
    }
    generated("docs/book/src/names.md", "own", &table);
}
