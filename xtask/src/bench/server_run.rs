//! One variant under load, by the program `measure`.

use std::{ffi::OsString, process::Command};

use anyhow::{Context as _, bail};
use e2e::service;
use serde_json::{Map, Value};
use support::command;

use super::{build, condition::Condition, variant::Variant};

/// A process of a variant that serves requests until it is told to end.
#[derive(Debug)]
pub(crate) struct ServerRun<'a> {
    pub(crate) variant: &'static Variant,
    pub(crate) condition: Condition,
    pub(crate) warm_up: u64,
    pub(crate) requests: u64,
    /// Further arguments of `measure`.
    pub(crate) arguments: &'a [String],
    /// The program that runs the server, with its arguments.
    ///
    /// Empty if the server runs by itself.
    pub(crate) under: &'a [OsString],
}

impl ServerRun<'_> {
    /// Starts and ends the server, and returns the output of `measure`.
    pub(crate) fn report(&self) -> anyhow::Result<Report> {
        let mut measure = Command::new(build::program(build::MEASURE));
        service::without_telemetry_settings(&mut measure);
        measure.envs(self.variant.settings.iter().copied());
        let timeout = if self.under.is_empty() { 20 } else { 120 };
        for (name, value) in [
            ("--requests", self.requests.to_string()),
            ("--warm-up", self.warm_up.to_string()),
            ("--sampling", self.condition.sampling.to_string()),
            ("--lines", self.condition.lines.to_string()),
            ("--timeout", timeout.to_string()),
        ] {
            measure.args([name, &value]);
        }
        measure.args(self.arguments).args(self.under);
        measure.arg(build::program(self.variant.package));
        let output = command::run_quietly(&mut measure).with_context(|| self.to_string())?;
        let line = output
            .lines()
            .find(|line| line.starts_with('{'))
            .context("measure printed no report")?;
        Ok(Report(serde_json::from_str(line)?))
    }

    /// Fails if fewer spans or lines per request arrived.
    ///
    /// A set-up that emits nothing would look cheapest.
    pub(crate) fn expect(&self, report: &Report, spans: f64, lines: f64) -> anyhow::Result<()> {
        if self.variant.is_baseline() {
            return Ok(());
        }
        // One variant exports its log lines as log records.
        let written = report.number("lines_per_request") + report.number("log_records_per_request");
        for (what, found, expected) in [
            ("spans", report.number("spans_per_request"), spans),
            ("log lines", written, lines),
        ] {
            if found < expected {
                bail!(
                    "{self}: found {found} {what} a request, expected {expected} or more; \
                     without them the cost is too low, so nothing is stored"
                );
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for ServerRun<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with {}", self.variant.title, self.condition)
    }
}

/// The output of `measure`.
#[derive(Debug)]
pub(crate) struct Report(pub(crate) Map<String, Value>);

impl Report {
    /// A number of the report, or 0 if it is absent.
    pub(crate) fn number(&self, what: &str) -> f64 {
        let number = self.0.get(what).and_then(Value::as_f64);
        number.unwrap_or_default()
    }
}
