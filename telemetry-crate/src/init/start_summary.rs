//! The log line at the start: which signals are on, and where they go.

use crate::{admin::AdminListener, config::Settings, error::url_of, signal::Signal};

/// The contents of the log line.
///
/// Created before the admin listener starts, because the start consumes the listener.
pub(super) struct Summary {
    service_name: String,
    logs: String,
    metrics: String,
    traces: String,
}

pub(super) fn summary(settings: &Settings, admin: Option<&AdminListener>) -> Summary {
    Summary {
        service_name: settings.resource.service_name().to_owned(),
        logs: logs(settings),
        metrics: metrics(settings, admin),
        traces: traces(settings),
    }
}

impl Summary {
    pub(super) fn log(&self) {
        tracing::info!(
            target: "firstlight",
            { service.name = self.service_name, logs = self.logs, metrics = self.metrics, traces = self.traces },
            "telemetry is up"
        );
    }
}

fn logs(settings: &Settings) -> String {
    let (format, filter) = (settings.log_format.name(), &settings.log_filter);
    let mut logs = format!("{format} to stdout, filter {filter}");
    if let Some(destination) = settings.destination(Signal::Logs) {
        logs += &format!("; {destination}");
    }
    logs
}

fn metrics(settings: &Settings, admin: Option<&AdminListener>) -> String {
    let pushed = settings.exports.metrics.as_ref().map(|export| {
        let seconds = export.interval.as_secs_f64();
        format!("{} every {seconds} s", export.destination)
    });
    let served = match admin {
        Some(admin) if settings.exports.prometheus => Some(match admin.address().get() {
            Some(address) => format!("{}/metrics", url_of(*address)),
            None => "not served: the admin address is in use".to_owned(),
        }),
        _ => None,
    };
    match (served, pushed) {
        (Some(served), Some(pushed)) => format!("{served}; {pushed}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) if settings.exports.prometheus => {
            "recorded, and served nowhere: set OTEL_EXPORTER_PROMETHEUS_PORT to serve them"
                .to_owned()
        }
        // With `otlp`, the push is off if OTEL_SDK_DISABLED is true.
        (None, None) => {
            "recorded, and neither served nor pushed: OTEL_METRICS_EXPORTER does not name prometheus"
                .to_owned()
        }
    }
}

fn traces(settings: &Settings) -> String {
    match settings.destination(Signal::Traces) {
        Some(destination) => format!("{destination}, sampler {}", settings.sampler),
        None => format!("off: {}", settings.why_no_traces()),
    }
}
