//! The log line at the start: which signals are on, and where they are read.
//!
//! On a terminal, a second line has the link of the console.

#[cfg(feature = "console")]
use std::net::SocketAddr;

use crate::{admin::AdminListener, config::Settings, error::url_of, signal::Signal};

/// The contents of the log line.
///
/// Created before the admin listener starts, because the start consumes the listener.
pub(super) struct Summary {
    service_name: String,
    logs: String,
    metrics: String,
    traces: String,
    recorder: String,
    /// The address of the console, for a person who can open it.
    #[cfg(feature = "console")]
    console: Option<String>,
}

pub(super) fn summary(settings: &Settings, admin: Option<&AdminListener>) -> Summary {
    Summary {
        service_name: settings.resource.service_name().to_owned(),
        logs: logs(settings),
        metrics: metrics(settings, admin),
        traces: traces(settings),
        recorder: recorder(settings, admin),
        #[cfg(feature = "console")]
        console: console(settings.is_terminal, admin),
    }
}

impl Summary {
    pub(super) fn log(&self) {
        tracing::info!(
            target: "firstlight",
            { service.name = self.service_name, logs = self.logs, metrics = self.metrics, traces = self.traces, recorder = self.recorder },
            "telemetry is up"
        );
        #[cfg(feature = "console")]
        if let Some(console) = &self.console {
            tracing::info!(target: "firstlight", "console: {console}");
        }
    }
}

fn logs(settings: &Settings) -> String {
    let (format, output) = (settings.log_format.name(), settings.log_output.name());
    let mut logs = format!("{format} to {output}, filter {}", settings.log_filter);
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

fn recorder(settings: &Settings, admin: Option<&AdminListener>) -> String {
    if settings.recorder.is_none() {
        return "off".to_owned();
    }
    let Some(address) = admin.and_then(|admin| admin.address().get().copied()) else {
        return "on, and cannot be read: there is no admin listener, or its address is in use"
            .to_owned();
    };
    let page = format!("{}/explain", url_of(address));
    if address.ip().is_loopback() {
        page
    } else if settings.admin_token.is_some() {
        page + " with the token of FIRSTLIGHT_ADMIN_TOKEN"
    } else {
        "on, and cannot be read: the admin listener is not on loopback, and FIRSTLIGHT_ADMIN_TOKEN is not set"
            .to_owned()
    }
}

#[cfg(feature = "console")]
fn console(is_terminal: bool, admin: Option<&AdminListener>) -> Option<String> {
    let address = *admin?.address().get()?;
    is_terminal.then(|| console_at(address))
}

/// The address of the console for a browser on this machine.
#[cfg(feature = "console")]
fn console_at(address: SocketAddr) -> String {
    let (ip, port) = (address.ip().to_canonical(), address.port());
    if ip.is_loopback() || ip.is_unspecified() {
        format!("http://localhost:{port}/")
    } else {
        url_of(address) + "/"
    }
}

#[cfg(all(test, feature = "console"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn links_have_the_host_to_click() {
        for (address, expected) in [
            ("127.0.0.1:9464", "http://localhost:9464/"),
            ("[::1]:9465", "http://localhost:9465/"),
            ("0.0.0.0:9464", "http://localhost:9464/"),
            ("[::]:9464", "http://localhost:9464/"),
            ("10.1.2.3:9464", "http://10.1.2.3:9464/"),
            ("[fd00::1]:9464", "http://[fd00::1]:9464/"),
        ] {
            assert_eq!(console_at(address.parse().unwrap()), expected);
        }
    }

    #[test]
    fn links_are_for_terminals_with_a_listener() {
        let admin = AdminListener::bind("localhost".to_owned(), 0, true).unwrap();
        let port = admin.address().get().unwrap().port();
        let link = format!("http://localhost:{port}/");
        assert_eq!(console(true, Some(&admin)), Some(link));
        assert_eq!(console(false, Some(&admin)), None);
        assert_eq!(console(true, None), None);
        let in_use = AdminListener::bind("localhost".to_owned(), port, false).unwrap();
        assert_eq!(console(true, Some(&in_use)), None);
    }
}
