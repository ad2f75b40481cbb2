//! Aliases: further names under which the exposition shows a metric.
//!
//! They are for dashboards and alerts that were made for another exporter. Only the exposition has them: they are
//! written from the series of their metric, and cost nothing when the program records.

use std::{borrow::Cow, collections::HashMap};

use super::{
    canonical::{self, pairs},
    catalog::{self, Kind},
    names::Names,
    sink::Descriptor,
};
use crate::{InitError, config::MetricAlias};

/// The suffix of the line in which the exposition has a histogram's count.
const COUNT: &str = "_count";

const SETTER: &str = "TelemetryConfig::metric_alias";

/// All aliases, by the metric.
#[derive(Debug, Default)]
pub(crate) struct Aliases {
    by_metric: HashMap<String, Vec<Alias>>,
}

/// A further name of one metric.
#[derive(Debug)]
pub(super) struct Alias {
    pub(super) name: String,
    /// Pairs of a label's name and its name under the alias.
    labels: Vec<(String, String)>,
}

impl Aliases {
    /// Checks the configured aliases.
    ///
    /// # Errors
    ///
    /// The first name that an exposition could not have, or that is taken.
    pub(crate) fn new(configured: Vec<MetricAlias>) -> Result<Self, InitError> {
        let mut names = Names::new();
        let mut by_metric = HashMap::<_, Vec<_>>::new();
        for MetricAlias {
            metric,
            alias,
            labels,
        } in configured
        {
            validate_name(&alias)?;
            validate_labels(&alias, &labels)?;
            let mut all = by_metric.values().flatten();
            let is_own = alias == metric || all.any(|other: &Alias| other.name == alias);
            let owner = names.claim_alias(&alias, &metric).err();
            if let Some(owner) = owner.or_else(|| is_own.then(|| metric.clone())) {
                let expected = format!("a name that is free; it belongs to {owner}");
                return Err(InitError::invalid(SETTER, alias, expected));
            }
            by_metric.entry(metric).or_default().push(Alias {
                name: alias,
                labels,
            });
        }
        Ok(Self { by_metric })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_metric.is_empty()
    }

    /// Takes all names, so that no metric of the program has one of them.
    pub(super) fn claim(&self, names: &mut Names) {
        for (metric, alias) in self.iter() {
            // `new` has checked that the names are free.
            let _ = names.claim_alias(&alias.name, metric);
        }
    }

    /// The aliases of a metric.
    pub(super) fn of(&self, metric: &str) -> &[Alias] {
        self.by_metric.get(metric).map_or(&[], Vec::as_slice)
    }

    /// The aliases of a histogram's count.
    pub(super) fn of_count(&self, histogram: &str) -> &[Alias] {
        self.of(&format!("{histogram}{COUNT}"))
    }

    /// The aliases of metrics that the predicate does not know, as text.
    pub(super) fn without_metric(&self, is_known: impl Fn(&str) -> bool) -> Vec<String> {
        let is_unknown = |metric: &str| {
            let histogram = metric.strip_suffix(COUNT);
            !is_known(metric) && !histogram.is_some_and(&is_known)
        };
        self.iter()
            .filter(|(metric, _)| is_unknown(metric))
            .map(|(metric, alias)| format!("{metric}, which has the alias {}", alias.name))
            .collect()
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &Alias)> {
        let all = self.by_metric.iter();
        all.flat_map(|(metric, aliases)| aliases.iter().map(move |alias| (&**metric, alias)))
    }
}

impl Alias {
    /// Describes the metric under this name.
    pub(super) fn descriptor(&self, metric: &Descriptor<'_>) -> Descriptor<'_> {
        let Descriptor { name, help, .. } = metric;
        self.described(metric.kind, format!("Alias of {name}. {help}"))
    }

    /// Describes the count of the histogram under this name.
    pub(super) fn count_descriptor(&self, histogram: &Descriptor<'_>) -> Descriptor<'_> {
        let name = histogram.name;
        let help = format!("Alias of {name}{COUNT}. Number of samples in {name}.");
        self.described(Kind::Counter, help)
    }

    fn described(&self, kind: Kind, help: String) -> Descriptor<'_> {
        Descriptor {
            name: &self.name,
            kind,
            help: help.into(),
            unit: Cow::Borrowed(""),
        }
    }

    /// The labels of a series under this name.
    ///
    /// A label keeps its own name if the series has a label of the new name already, because parsers reject a series
    /// that has a label twice.
    pub(super) fn labels(&self, text: &str) -> String {
        let all: Vec<_> = pairs(text).collect();
        let mut renamed = String::with_capacity(text.len());
        for (name, value) in &all {
            let new = self.labels.iter().find(|(label, _)| label == name);
            let new = new.map(|(_, new)| &**new);
            let new = new.filter(|new| all.iter().all(|(other, _)| other != new));
            if !renamed.is_empty() {
                renamed.push(',');
            }
            // The value is escaped already.
            renamed.extend([new.unwrap_or(name), "=\"", value, "\""]);
        }
        renamed
    }
}

fn validate_name(alias: &str) -> Result<(), InitError> {
    if canonical::metric_name(Kind::Gauge, alias) == alias {
        return Ok(());
    }
    let expected = "a name of letters, digits, `_` and `:` that does not begin with a digit";
    Err(InitError::invalid(SETTER, alias, expected))
}

fn validate_labels(alias: &str, labels: &[(String, String)]) -> Result<(), InitError> {
    let setting = format!("{SETTER}, {alias}");
    for (at, (_, new)) in labels.iter().enumerate() {
        if canonical::label_name(Kind::Histogram, new) != *new {
            let expected = "a label of letters, digits and `_` that does not begin with a digit or `__`, and is neither `le` nor `quantile`";
            return Err(InitError::invalid(&setting, new, expected));
        }
        if labels[..at].iter().any(|(_, other)| other == new) {
            let expected = "each new label once, because no series has a label twice";
            return Err(InitError::invalid(&setting, new, expected));
        }
    }
    Ok(())
}

impl Names {
    /// Takes the names of an alias.
    ///
    /// The kind of a metric that is not in the catalog is known only at its first use, so the names of all kinds are
    /// taken.
    ///
    /// # Errors
    ///
    /// The metric that has one of the names.
    fn claim_alias(&mut self, alias: &str, metric: &str) -> Result<(), String> {
        let owner = (metric.to_owned(), kind_of(metric));
        for kind in [Kind::Histogram, Kind::Counter] {
            if let Some(other) = self.conflict(alias, kind).filter(|other| **other != owner) {
                return Err(other.0.clone());
            }
        }
        for kind in [Kind::Histogram, Kind::Counter] {
            self.claim_for(alias, kind, &owner);
        }
        Ok(())
    }
}

/// The kind of a metric by the catalog, or as its name suggests.
fn kind_of(metric: &str) -> Kind {
    let histogram = metric.strip_suffix(COUNT).and_then(catalog::find);
    match catalog::find(metric).or(histogram) {
        Some(metric) => metric.kind,
        None if metric.ends_with("_total") => Kind::Counter,
        None => Kind::Gauge,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    type Listed<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

    fn aliases(list: &[Listed<'_>]) -> Result<Aliases, InitError> {
        let owned = |(old, new): &(&str, &str)| ((*old).to_owned(), (*new).to_owned());
        let list = list.iter().map(|(metric, alias, labels)| MetricAlias {
            metric: (*metric).to_owned(),
            alias: (*alias).to_owned(),
            labels: labels.iter().map(owned).collect(),
        });
        Aliases::new(list.collect())
    }

    #[test]
    fn names_that_cannot_work_are_refused() {
        let duration = "http_server_request_duration_seconds";
        let cases: [(&[Listed<'_>], &str); 12] = [
            (&[("a", "2xx", &[])], "begin with a digit"),
            (&[("a", "", &[])], "begin with a digit"),
            (&[("a", "b.c", &[])], "letters, digits"),
            (&[("a", duration, &[])], duration),
            (
                &[("a", "http_server_request_duration_seconds_sum", &[])],
                duration,
            ),
            (&[(duration, duration, &[])], duration),
            (&[("a", "x", &[]), ("b", "x", &[])], "belongs to a"),
            (&[("a", "x", &[]), ("a", "x", &[])], "belongs to a"),
            (&[("a", "x", &[]), ("b", "x_bucket", &[])], "belongs to a"),
            (&[("a", "x", &[("b", "le")])], "neither `le`"),
            (&[("a", "x", &[("b", "__name__")])], "neither `le`"),
            (&[("a", "x", &[("b", "c"), ("d", "c")])], "each new label"),
        ];
        for (list, expected) in cases {
            let error = aliases(list).map(drop).unwrap_err().to_string();
            assert!(error.contains(expected), "{list:?}: {error}");
            assert!(error.starts_with(SETTER), "{error}");
        }
    }

    #[test]
    fn labels_are_renamed_and_never_doubled() {
        let pairs: &[_] = &[("route", "path"), ("method", "verb")];
        let aliases = aliases(&[("a", "b", pairs)]).unwrap();
        let alias = aliases.of("a").first().unwrap();
        for (labels, expected) in [
            ("", ""),
            (r#"route="/a""#, r#"path="/a""#),
            (
                r#"method="GET",other="1",route="a\"b,path=""#,
                r#"verb="GET",other="1",path="a\"b,path=""#,
            ),
            (r#"path="own",route="/a""#, r#"path="own",route="/a""#),
        ] {
            assert_eq!(alias.labels(labels), expected);
        }
    }

    #[test]
    fn metrics_that_do_not_exist_are_named() {
        let aliases = aliases(&[("typo", "a", &[]), ("lat_count", "b", &[])]).unwrap();
        assert_eq!(
            aliases.without_metric(|name| name == "lat"),
            ["typo, which has the alias a"]
        );
    }
}
