//! The check of a program that does nothing else: telemetry starts, is checked, and ends.

use std::time::Duration;

use super::Telemetry;
use crate::{
    InitError, TelemetryConfig,
    check::CheckReport,
    config::{PROMETHEUS_PORT, process_environment},
};

/// More than one export request may take by default, so that a collector that hangs is named as such.
const DEADLINE: Duration = Duration::from_secs(15);

impl TelemetryConfig {
    /// Starts telemetry, sends a canary through every pipeline, and ends it again: for a service's
    /// `check-telemetry`. See [`check()`](crate::check()), which does it without setters.
    pub fn check(self) -> CheckReport {
        let (telemetry, in_use) = match self.clone().require_admin().init() {
            // The service itself, most likely, which runs beside this check.
            Err(error @ InitError::AdminListener { .. }) if error.is_address_in_use() => {
                let elsewhere = |name: &str| match name {
                    PROMETHEUS_PORT => Some("0".to_owned()),
                    name => process_environment(name),
                };
                let telemetry = Telemetry::build(self, &elsewhere).and_then(Telemetry::install);
                (telemetry, Some(error))
            }
            started => (started, None),
        };
        let telemetry = match telemetry {
            Ok(telemetry) => telemetry,
            Err(error) => return CheckReport::of_start(&error),
        };
        // This blocks its caller, which is no incident in a program that does nothing else.
        telemetry.observe_no_runtime();
        let mut report = telemetry.check(DEADLINE);
        if let Some(error) = in_use {
            report.note(format!(
                "{error}; the check has taken a free port, because the service may be running"
            ));
        }
        // What could not be sent is in the report.
        let _ = telemetry.shutdown(Duration::from_secs(1));
        report
    }
}
