//! The collector rotel, which receives all signals over OTLP and prints them.
//!
//! Spans are parsed from its output, to check that a third-party collector decodes them. Other
//! tests check the content of spans with [`firstlight::testing`].

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;
use support::process::Process;

/// A span as decoded by the collector.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CollectedSpan {
    pub(crate) service: String,
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    /// Empty for a root.
    pub(crate) parent_span_id: String,
    pub(crate) name: String,
    /// OTLP's name for the kind, such as `SPAN_KIND_SERVER`.
    pub(crate) kind: String,
    /// OTLP's name for the status, such as `STATUS_CODE_UNSET`.
    pub(crate) status: String,
}

/// A running collector.
pub(crate) struct Rotel {
    /// Kills the collector on drop.
    process: Process,
    /// The endpoint for OTLP over HTTP.
    pub(crate) endpoint: String,
    /// The endpoint for OTLP over gRPC.
    pub(crate) grpc_endpoint: String,
}

impl Rotel {
    pub(crate) fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        // rotel cannot choose a free port itself, so another program may take the chosen port first.
        for _ in 1..START_ATTEMPTS {
            if let Ok(rotel) = Self::try_start(program, folder) {
                return Ok(rotel);
            }
        }
        Self::try_start(program, folder)
    }

    fn try_start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let [http, grpc] = free_ports()?;
        let mut command = Command::new(program);
        command.arg("start");
        command.args(["--otlp-http-endpoint", &http, "--otlp-grpc-endpoint", &grpc]);
        command.args([
            "--exporter",
            "blackhole",
            "--debug-log",
            "traces",
            "--debug-log",
            "metrics",
            "--debug-log",
            "logs",
            "--debug-log-verbosity",
            "detailed",
        ]);
        command.arg("--pid-file").arg(folder.join("rotel.pid"));
        let mut process = Process::start("rotel", &mut command)?;
        let until = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(&http).is_err() {
            if process.has_ended() || Instant::now() > until {
                bail!(
                    "rotel does not listen on {http}; its output:\n{}",
                    process.lines().join("\n")
                );
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(Self {
            process,
            endpoint: format!("http://{http}"),
            grpc_endpoint: format!("http://{grpc}"),
        })
    }

    /// Waits until the output satisfies `wanted`.
    pub(crate) fn wait_for_lines(
        &self,
        wanted: impl Fn(&[String]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let until = Instant::now() + RECEIVE_TIMEOUT;
        loop {
            let lines = self.process.lines();
            match wanted(&lines) {
                Ok(()) => return Ok(()),
                Err(missing) if Instant::now() > until => {
                    bail!("{missing}; the collector's output:\n{}", lines.join("\n"))
                }
                Err(_) => thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    /// Waits until a span satisfies `wanted` and returns all spans so far.
    pub(crate) fn wait_for(
        &self,
        wanted: impl Fn(&CollectedSpan) -> bool,
    ) -> anyhow::Result<Vec<CollectedSpan>> {
        let until = Instant::now() + RECEIVE_TIMEOUT;
        loop {
            let lines = self.process.lines();
            let spans = spans_in(&lines);
            if spans.iter().any(&wanted) {
                return Ok(spans);
            }
            if Instant::now() > until {
                bail!(
                    "the collector has {} spans without the expected one; its output:\n{}",
                    spans.len(),
                    lines.join("\n")
                );
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Parses the spans in rotel's output.
///
/// Each span follows its resource and has one property per line, such as `Trace ID       : 4468…`.
pub(crate) fn spans_in(lines: &[String]) -> Vec<CollectedSpan> {
    let mut spans = Vec::new();
    let mut current = CollectedSpan::default();
    for line in lines {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        match key.trim() {
            "-> service.name" => {
                current.service = value
                    .trim()
                    .trim_start_matches("Str(")
                    .trim_end_matches(')')
                    .to_owned()
            }
            "Trace ID" => current.trace_id = value.trim().to_owned(),
            "Parent ID" => current.parent_span_id = value.trim().to_owned(),
            "ID" => current.span_id = value.trim().to_owned(),
            "Name" => current.name = value.trim().to_owned(),
            "Kind" => current.kind = value.trim().to_owned(),
            "Status code" => {
                current.status = value.trim().to_owned();
                spans.push(current.clone());
            }
            _ => {}
        }
    }
    spans
}

/// Two addresses that are free at the moment.
fn free_ports() -> std::io::Result<[String; 2]> {
    let listeners = [
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
    ];
    let [first, second] = listeners.each_ref().map(TcpListener::local_addr);
    Ok([first?.to_string(), second?.to_string()])
}

/// How often a start is tried, because another program may take the port.
const START_ATTEMPTS: usize = 3;
/// How long the tests wait for an export.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(30);
const START_TIMEOUT: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::{CollectedSpan, spans_in};

    #[test]
    fn spans_are_parsed_from_output() {
        let output = "\
Resource attributes:
     -> service.name: Str(orders-e2e)
Span #0
    Trace ID       : 4468082be2dce6ae013930aa8d1292b7
    Parent ID      : f3a221e08e209122
    ID             : 13fdf62bc932890d
    Name           : GET /orders/{id}
    Kind           : SPAN_KIND_SERVER
Start time: 1795544158008386575
    Status code    : STATUS_CODE_UNSET
SpanEvent #0
     -> Name: an event";
        let lines: Vec<_> = output.lines().map(str::to_owned).collect();
        let spans = spans_in(&lines);
        let expected = CollectedSpan {
            service: "orders-e2e".to_owned(),
            trace_id: "4468082be2dce6ae013930aa8d1292b7".to_owned(),
            span_id: "13fdf62bc932890d".to_owned(),
            parent_span_id: "f3a221e08e209122".to_owned(),
            name: "GET /orders/{id}".to_owned(),
            kind: "SPAN_KIND_SERVER".to_owned(),
            status: "STATUS_CODE_UNSET".to_owned(),
        };
        assert_eq!(spans, [expected]);
    }
}
