//! Symptoms of faults in the exposition, which must differ between faults.

use std::collections::BTreeSet;

use anyhow::ensure;
use support::Cases;

use super::exposition::Exposition;

/// A condition that an alert could use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Symptom {
    /// Calls timed out while they waited for a connection.
    Timeout,
    /// Connections broke, or the server reported its shutdown.
    Broken,
    /// Successful queries took longer than a second.
    Slow,
    /// Statements failed with SQLSTATE 40P01, a deadlock.
    Deadlock,
    /// Statements failed with SQLSTATE 40001, a serialization failure.
    Serialization,
}

const OPERATIONS: &str = "db_client_operation_duration_seconds";

impl Symptom {
    const ALL: [Self; 5] = [
        Self::Timeout,
        Self::Broken,
        Self::Slow,
        Self::Deadlock,
        Self::Serialization,
    ];

    /// The number of occurrences in the exposition.
    pub(super) fn count(self, exposition: &Exposition) -> f64 {
        let failed =
            |label, value| exposition.sum(&format!("{OPERATIONS}_count"), &[(label, value)]);
        match self {
            Self::Timeout => exposition.sum("db_client_connection_timeouts_total", &[]),
            Self::Broken => ["io", "57P01", "57P02", "57P03"]
                .map(|error| failed("error_type", error))
                .iter()
                .sum(),
            Self::Slow => exposition.above(OPERATIONS, &[("error_type", "")], 1.0),
            Self::Deadlock => failed("db_response_status_code", "40P01"),
            Self::Serialization => failed("db_response_status_code", "40001"),
        }
    }
}

/// The symptoms of each fault so far.
#[derive(Debug, Default)]
pub(super) struct Observations(Vec<(&'static str, BTreeSet<Symptom>)>);

impl Observations {
    /// Records the symptoms of a service that has had a single kind of fault.
    pub(super) fn record(&mut self, fault: &'static str, exposition: &Exposition) {
        let symptoms = Symptom::ALL
            .into_iter()
            .filter(|symptom| symptom.count(exposition) > 0.0);
        self.0.push((fault, symptoms.collect()));
    }
}

pub(super) fn cases(cases: &mut Cases, observations: &Observations) {
    cases.check("symptoms: the metrics distinguish all faults", || {
        ensure!(
            observations.0.len() == FAULTS,
            "found {} faults, expected {FAULTS}: {observations:?}",
            observations.0.len()
        );
        for (index, (fault, symptoms)) in observations.0.iter().enumerate() {
            ensure!(!symptoms.is_empty(), "{fault} has no symptom");
            for (other, others) in observations.0.iter().skip(index + 1) {
                ensure!(
                    symptoms != others,
                    "{fault} and {other} have the same symptoms {symptoms:?}"
                );
            }
        }
        Ok(())
    });
}

/// The number of faults that the cases before this one record.
const FAULTS: usize = 5;
