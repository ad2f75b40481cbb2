//! Runs an example as a child process.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use firstlight::testing::OtlpReceiver;
use serde_json::Value;

use crate::support::{Answer, ask};

/// Deadline of each wait.
///
/// Long, because the machine may be busy with other tests.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A running example, which is killed when the value is dropped.
pub(crate) struct Example {
    child: Child,
    lines: Receiver<Value>,
    /// The log lines that have been read so far.
    pub(crate) seen: Vec<Value>,
}

impl Example {
    /// Starts an example that serves on free ports.
    pub(crate) fn start(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut path = std::env::current_exe().unwrap();
        path.pop();
        path.pop();
        path.push("examples");
        path.push(name);
        let mut child = Command::new(&path)
            .args(arguments)
            .env("ADDRESS", "127.0.0.1:0")
            .env("OTEL_EXPORTER_PROMETHEUS_PORT", "0")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{}: {error}; see the head of tests/examples.rs",
                    path.display()
                )
            });
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines() {
                let line = line.unwrap();
                let parsed = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
                if sender.send(parsed).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// Starts an example whose spans are exported to `collector`.
    pub(crate) fn exporting(name: &str, arguments: &[&str], collector: &OtlpReceiver) -> Self {
        let endpoint = collector.endpoint();
        let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint)];
        Self::start(name, arguments, &variables)
    }

    /// Returns the first log line with this message, and waits for it if necessary.
    ///
    /// The message of the line may continue after a semicolon.
    pub(crate) fn line(&mut self, message: &str) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            let has_message = |line: &&Value| {
                let text = line["message"].as_str().unwrap_or_default();
                let rest = text.strip_prefix(message);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(';'))
            };
            if let Some(line) = self.seen.iter().find(has_message) {
                return line.clone();
            }
            match self
                .lines
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.seen.push(line),
                Err(error) => panic!("no line {message:?}, {error}: {:#?}", self.seen),
            }
        }
    }

    /// Waits for the address on which the example serves requests.
    pub(crate) fn address(&mut self) -> SocketAddr {
        self.line("listening")["address"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Sends a request to the admin listener.
    pub(crate) fn admin(&mut self, request: &str) -> Answer {
        let up = self.line("telemetry is up");
        let url = up["metrics"].as_str().unwrap();
        let (_, port) = url
            .strip_suffix("/metrics")
            .unwrap()
            .rsplit_once(':')
            .unwrap();
        ask(([127, 0, 0, 1], port.parse().unwrap()).into(), request)
    }

    /// Sends SIGTERM, and returns the exit status and all log lines.
    pub(crate) fn terminate(self) -> (ExitStatus, Vec<Value>) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        self.end()
    }

    /// Waits for the end, and returns the exit status and all log lines.
    pub(crate) fn end(mut self) -> (ExitStatus, Vec<Value>) {
        self.line("telemetry is down");
        (self.child.wait().unwrap(), std::mem::take(&mut self.seen))
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
