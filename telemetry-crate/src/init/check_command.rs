//! The check of telemetry in a program that does nothing else.

use std::time::Duration;

use super::Telemetry;
use crate::{
    InitError, TelemetryConfig,
    check::{CheckReport, describe_user},
    config::{PROMETHEUS_PORT, RECORDER_FILE, process_environment},
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
        // The file belongs to the service. The check would replace what a killed process has left in it.
        let without_file = |name: &str| match name {
            RECORDER_FILE => None,
            name => process_environment(name),
        };
        let built = Telemetry::build(self.clone().require_admin(), &without_file);
        let (built, in_use) = match built {
            // The service itself is most likely running and uses the address.
            Err(error) if error.is_address_in_use() => {
                let with_free_port = |name: &str| match name {
                    PROMETHEUS_PORT => Some("0".to_owned()),
                    name => without_file(name),
                };
                (Telemetry::build(self, &with_free_port), Some(error))
            }
            built => (built, None),
        };
        let started = built.and_then(|telemetry| {
            let service = telemetry.settings.resource.service_name().to_owned();
            Ok((telemetry.install()?, service))
        });
        let (telemetry, service) = match started {
            Ok(started) => started,
            Err(error) => return CheckReport::failed_start(&error),
        };
        // The check blocks the calling thread, which must not be reported as a stall of the runtime.
        telemetry.stop_observing_runtime();
        let mut report = telemetry.check(DEADLINE);
        if let Some(InitError::AdminListener { address, .. }) = in_use {
            report.note(describe_user(&address, &service));
        }
        // The report already says what could not be sent.
        let _ = telemetry.shutdown(Duration::from_secs(1));
        report
    }
}
