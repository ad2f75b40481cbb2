//! The check of telemetry in a program that does nothing else.

use std::time::Duration;

use super::Telemetry;
use crate::{
    InitError, TelemetryConfig,
    check::CheckReport,
    config::{PROMETHEUS_PORT, process_environment},
};

/// The deadline of the check.
///
/// It is longer than the default timeout of an export request, so that the report can say that a collector hangs.
const DEADLINE: Duration = Duration::from_secs(15);

impl TelemetryConfig {
    /// Starts telemetry, sends a test item through every pipeline, and shuts down.
    ///
    /// The command `check-telemetry` of a service calls it. [`check()`](crate::check()) does the same without setters.
    pub fn check(self) -> CheckReport {
        let (telemetry, in_use) = match self.clone().require_admin().init() {
            // The service itself is most likely running and uses the address.
            Err(error @ InitError::AdminListener { .. }) if error.is_address_in_use() => {
                let with_free_port = |name: &str| match name {
                    PROMETHEUS_PORT => Some("0".to_owned()),
                    name => process_environment(name),
                };
                let telemetry =
                    Telemetry::build(self, &with_free_port).and_then(Telemetry::install);
                (telemetry, Some(error))
            }
            started => (started, None),
        };
        let telemetry = match telemetry {
            Ok(telemetry) => telemetry,
            Err(error) => return CheckReport::failed_start(&error),
        };
        // The check blocks the calling thread, which must not be reported as a stall of the runtime.
        telemetry.stop_observing_runtime();
        let mut report = telemetry.check(DEADLINE);
        if let Some(error) = in_use {
            report.note(format!(
                "{error}; the check has taken a free port, because the service may be running"
            ));
        }
        // The report already says what could not be sent.
        let _ = telemetry.shutdown(Duration::from_secs(1));
        report
    }
}
