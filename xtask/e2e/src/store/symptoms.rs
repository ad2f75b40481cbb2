//! What each kind of trouble looks like in the exposition, and that no two look alike.

use std::collections::BTreeSet;

use anyhow::ensure;
use support::Cases;

use super::figures::Figures;

/// What an alert could be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Symptom {
    /// Calls gave up waiting for a connection.
    TimeOut,
    /// Connections broke, or the server said that it goes.
    Broken,
    /// Queries that ended well took longer than a second.
    Slow,
    /// SQLSTATE 40P01.
    Deadlock,
    /// SQLSTATE 40001.
    Serialization,
}

const OPERATIONS: &str = "db_client_operation_duration_seconds";

impl Symptom {
    const ALL: [Self; 5] = [
        Self::TimeOut,
        Self::Broken,
        Self::Slow,
        Self::Deadlock,
        Self::Serialization,
    ];

    /// How often it has been seen.
    pub(super) fn count(self, figures: &Figures) -> f64 {
        let failed = |label, value| figures.sum(&format!("{OPERATIONS}_count"), &[(label, value)]);
        match self {
            Self::TimeOut => figures.sum("db_client_connection_timeouts_total", &[]),
            Self::Broken => ["io", "57P01", "57P02", "57P03"]
                .map(|error| failed("error_type", error))
                .iter()
                .sum(),
            Self::Slow => figures.above(OPERATIONS, &[("error_type", "")], 1.0),
            Self::Deadlock => failed("db_response_status_code", "40P01"),
            Self::Serialization => failed("db_response_status_code", "40001"),
        }
    }
}

/// What was seen of each trouble.
#[derive(Debug, Default)]
pub(super) struct Seen(Vec<(&'static str, BTreeSet<Symptom>)>);

impl Seen {
    /// Notes what a service shows that has met one kind of trouble and no other.
    pub(super) fn note(&mut self, trouble: &'static str, figures: &Figures) {
        let symptoms = Symptom::ALL
            .into_iter()
            .filter(|symptom| symptom.count(figures) > 0.0);
        self.0.push((trouble, symptoms.collect()));
    }
}

pub(super) fn cases(cases: &mut Cases, seen: &Seen) {
    cases.check(
        "the metrics alone tell an exhausted pool, a lost server, a slow query, a deadlock and a serialization failure apart",
        || {
            ensure!(
                seen.0.len() == TROUBLES,
                "found {} kinds of trouble, expected {TROUBLES}: {seen:?}",
                seen.0.len()
            );
            for (index, (trouble, symptoms)) in seen.0.iter().enumerate() {
                ensure!(!symptoms.is_empty(), "{trouble} shows nothing");
                for (other, others) in seen.0.iter().skip(index + 1) {
                    ensure!(
                        symptoms != others,
                        "{trouble} and {other} both show {symptoms:?}"
                    );
                }
            }
            Ok(())
        },
    );
}

const TROUBLES: usize = 5;
