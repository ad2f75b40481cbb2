//! The variant as a child process: its environment, its log, its end.

use std::{
    io::{BufRead as _, BufReader, Read},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::args::Args;

/// What a server wrote to standard output.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    /// The line in the middle of the last block that was read, as an example.
    pub(crate) example: String,
}

/// A running variant. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    pub(crate) metrics_port: u16,
    patience: Duration,
    stdout: Option<JoinHandle<Log>>,
    stderr: Option<JoinHandle<String>>,
}

impl Server {
    /// The environment is the same for all: each variable is one of the OpenTelemetry specification, `RUST_LOG`, or one
    /// that a single variant knows and the others ignore.
    pub(crate) fn start(args: &Args, collector: SocketAddr) -> anyhow::Result<Self> {
        let (port, metrics_port) = (free_port()?, free_port()?);
        let (program, wrapped) = args.server.split_first().context("no server to start")?;
        let mut child = Command::new(program)
            .args(wrapped)
            .env("PORT", port.to_string())
            .env("LINES", args.lines.to_string())
            .env(
                "RUST_LOG",
                std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned()),
            )
            .env("OTEL_SERVICE_NAME", "orders")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"))
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
            .env("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
            .env("OTEL_TRACES_SAMPLER_ARG", args.sampling.to_string())
            // Metrics are scraped and logs are lines on standard output, which is what all variants can do.
            .env("OTEL_METRICS_EXPORTER", "prometheus")
            .env("OTEL_LOGS_EXPORTER", "none")
            .env("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1")
            .env("OTEL_EXPORTER_PROMETHEUS_PORT", metrics_port.to_string())
            .env("OXTEL_LOG_OUTPUT", "stdout")
            .env("OXTEL_LOG_FORMAT", "json")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdout = child
            .stdout
            .take()
            .map(|stream| thread::spawn(|| drain(stream)));
        let stderr = child
            .stderr
            .take()
            .map(|stream| thread::spawn(|| complaints(stream)));
        Ok(Self {
            child,
            port,
            metrics_port,
            patience: Duration::from_secs(args.patience),
            stdout,
            stderr,
        })
    }

    pub(crate) fn id(&self) -> Pid {
        // A process id is a positive `i32` everywhere.
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or_default())
    }

    /// Waits until it takes connections.
    pub(crate) fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + self.patience;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "the server ended with {status} before it listened; it said:\n{}",
                    self.complaints()
                );
            }
            if Instant::now() > until {
                bail!(
                    "the server did not listen within {} s",
                    self.patience.as_secs()
                );
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// SIGTERM; then waits for the end, and for the last line.
    pub(crate) fn stop(&mut self) -> anyhow::Result<Log> {
        kill(self.id(), Signal::SIGTERM)?;
        let until = Instant::now() + self.patience;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if Instant::now() > until {
                bail!(
                    "the server did not end within {} s of SIGTERM",
                    self.patience.as_secs()
                );
            }
            thread::sleep(POLL);
        };
        if !status.success() {
            bail!(
                "the server ended with {status}; it said:\n{}",
                self.complaints()
            );
        }
        let log = self.stdout.take().and_then(|thread| thread.join().ok());
        log.context("the reader of the log has failed")
    }

    fn complaints(&mut self) -> String {
        self.stderr
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail if it has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A pipe that is read all the time is what a container runtime gives to a service.
fn drain(mut stream: impl Read) -> Log {
    let mut log = Log::default();
    let mut block = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = stream.read(&mut block) {
        let block = block.get(..read).unwrap_or_default();
        log.lines += memchr::memchr_iter(b'\n', block).count() as u64;
        log.bytes += block.len() as u64;
        // Cut at both ends, so the second line is the first whole one.
        if let Some(line) = block
            .split(|byte| *byte == b'\n')
            .nth(1)
            .filter(|line| line.starts_with(b"{"))
        {
            log.example.clear();
            log.example.push_str(&String::from_utf8_lossy(line));
        }
    }
    log
}

fn complaints(stream: impl Read) -> String {
    let mut said = String::new();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if said.len() < MAX_COMPLAINTS {
            said.push_str(&line);
            said.push('\n');
        }
    }
    said
}

/// Free a moment ago, which is the best that one can know.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

const POLL: Duration = Duration::from_millis(10);
const MAX_COMPLAINTS: usize = 16 * 1024;
