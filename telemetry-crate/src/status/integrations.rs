//! Crates that firstlight observes in certain versions, and with certain features.
//!
//! A program with another version, or without the feature, lacks a part of its telemetry and gets no error. Versions are
//! found as [`skew`](super::skew) finds duplicates.

use super::skew::Versions;

/// A crate, and the versions that are observed.
struct Integration {
    name: &'static str,
    versions: &'static [Supported],
    /// What other versions lack.
    lacks: &'static str,
}

/// A version that is observed with a feature.
struct Supported {
    /// The beginning of the version, up to the part that may change without a break.
    version: &'static str,
    feature: &'static str,
    is_enabled: bool,
}

macro_rules! supported {
    ($version:literal, $feature:literal) => {
        Supported {
            version: $version,
            feature: $feature,
            is_enabled: cfg!(feature = $feature),
        }
    };
}

const INTEGRATIONS: [Integration; 5] = [
    Integration {
        name: "actix-web",
        versions: &[supported!("4", "actix")],
        lacks: "its requests have no telemetry",
    },
    Integration {
        name: "apalis-core",
        versions: &[supported!("1", "apalis")],
        lacks: "its tasks have no spans and metrics",
    },
    Integration {
        name: "axum",
        versions: &[supported!("0.8", "axum"), supported!("0.7", "axum-07")],
        lacks: "its requests have no route",
    },
    Integration {
        name: "reqwest",
        versions: &[
            supported!("0.13", "reqwest"),
            supported!("0.12", "reqwest-012"),
        ],
        lacks: "its calls have no spans, and do not pass the trace on",
    },
    Integration {
        name: "sqlx-core",
        versions: &[supported!("0.9", "sqlx"), supported!("0.8", "sqlx-08")],
        lacks: if cfg!(feature = "db") {
            "its pools have no metrics"
        } else {
            "its pools have no metrics, and its queries no spans"
        },
    },
];

/// The names of the crates.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    INTEGRATIONS.iter().map(|integration| integration.name)
}

/// One sentence for each version in the program that is not observed.
pub(super) fn unobserved(versions: &Versions) -> Vec<String> {
    let sentences = INTEGRATIONS.iter().flat_map(|integration| {
        let found = versions.of(integration.name);
        found.filter_map(|version| integration.sentence(version))
    });
    sentences.collect()
}

impl Integration {
    fn sentence(&self, version: &str) -> Option<String> {
        let Self {
            name,
            versions,
            lacks,
        } = self;
        let supported = versions.iter().find(|supported| supported.is_of(version));
        if supported.is_some_and(|supported| supported.is_enabled) {
            return None;
        }
        if let Some(Supported { feature, .. }) = supported {
            return Some(format!(
                "{name} {version} needs the feature {feature} of firstlight; without it, {lacks}"
            ));
        }
        let others = versions.iter();
        let others = others.map(
            |Supported {
                 version, feature, ..
             }| format!("{version} (feature {feature})"),
        );
        let others: Vec<_> = others.collect();
        Some(format!(
            "{name} {version} is not supported, so {lacks}; supported: {}",
            others.join(", ")
        ))
    }
}

impl Supported {
    fn is_of(&self, version: &str) -> bool {
        let rest = version.strip_prefix(self.version);
        rest.is_some_and(|rest| rest.starts_with('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::{INTEGRATIONS, Supported};

    fn sentence(name: &str, version: &str) -> Option<String> {
        let mut all = INTEGRATIONS.iter();
        let found = all.find(|integration| integration.name == name)?;
        found.sentence(version)
    }

    #[test]
    fn other_versions_are_named() {
        let found = sentence("axum", "0.6.20").unwrap_or_default();
        assert_eq!(
            found,
            "axum 0.6.20 is not supported, so its requests have no route; supported: 0.8 (feature axum), 0.7 (feature axum-07)"
        );
        assert!(sentence("axum", "0.80.0").is_some());
        assert_eq!(sentence("axum", "0.8.9").is_none(), cfg!(feature = "axum"));
        let needs = sentence("reqwest", "0.12.28");
        assert_eq!(needs.is_none(), cfg!(feature = "reqwest-012"));
    }

    #[test]
    fn versions_match_by_their_stable_part() {
        let four = Supported {
            version: "4",
            feature: "",
            is_enabled: true,
        };
        assert!(four.is_of("4.12.1"));
        assert!(!four.is_of("40.0.0") && !four.is_of("5.4.0"));
    }
}
