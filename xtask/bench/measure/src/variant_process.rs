//! The measured variant, run as a child process: its environment, log and stop.

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

use crate::{args::Args, host::Processors};

/// What the server wrote to standard output.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    /// A recent JSON line, which may be cut off at the end.
    pub(crate) example: String,
}

/// A running variant, which is killed on drop.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    pub(crate) metrics_port: u16,
    timeout: Duration,
    stdout: Option<JoinHandle<Log>>,
    stderr: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts the variant with the environment that all variants get.
    ///
    /// It consists of the service's own `PORT` and `LINES`, the variables of the OpenTelemetry specification, `RUST_LOG`, and
    /// variables that only one variant reads.
    pub(crate) fn start(
        args: &Args,
        collector: SocketAddr,
        processors: &Processors,
    ) -> anyhow::Result<Self> {
        let (port, metrics_port) = (free_port()?, free_port()?);
        let (program, arguments) = args.server.split_first().context("no server to start")?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("PORT", port.to_string())
            .env("LINES", args.lines.to_string())
            .env("SERIES", args.series.to_string())
            .env("OPEN_SPANS", args.open_spans.to_string())
            .env(
                "RUST_LOG",
                std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned()),
            )
            .env("OTEL_SERVICE_NAME", "orders")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"))
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
            .env("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
            .env("OTEL_TRACES_SAMPLER_ARG", args.sampling.to_string())
            // Metrics are scraped, and log lines are read from standard output, if the variant supports that.
            .env("OTEL_METRICS_EXPORTER", "prometheus")
            .env("OTEL_LOGS_EXPORTER", "none")
            .env("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1")
            .env("OTEL_EXPORTER_PROMETHEUS_PORT", metrics_port.to_string())
            .env("OXTEL_LOG_OUTPUT", "stdout")
            .env("OXTEL_LOG_FORMAT", "json")
            // The other variants have no limit.
            .envs((args.series > 0).then(|| {
                let limit = (2 * args.series).to_string();
                ("FIRSTLIGHT_METRICS_CARDINALITY_LIMIT", limit)
            }))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = processors.on_server_cpu(|| {
            command
                .spawn()
                .with_context(|| format!("cannot start {}", program.display()))
        })?;
        let stdout = child
            .stdout
            .take()
            .map(|stream| thread::spawn(|| drain(stream)));
        let stderr = child
            .stderr
            .take()
            .map(|stream| thread::spawn(|| read_errors(stream)));
        Ok(Self {
            child,
            port,
            metrics_port,
            timeout: Duration::from_secs(args.timeout),
            stdout,
            stderr,
        })
    }

    pub(crate) fn id(&self) -> Pid {
        // A process id is a positive `i32` on every platform.
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or_default())
    }

    /// Waits until the server accepts connections.
    pub(crate) fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + self.timeout;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "the server ended with {status} before it listened; its errors:\n{}",
                    self.errors()
                );
            }
            if Instant::now() > until {
                bail!(
                    "the server did not listen within {} s",
                    self.timeout.as_secs()
                );
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Sends SIGTERM and waits until the server has ended and its log is read.
    pub(crate) fn stop(&mut self) -> anyhow::Result<Log> {
        kill(self.id(), Signal::SIGTERM)?;
        let until = Instant::now() + self.timeout;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if Instant::now() > until {
                bail!(
                    "the server did not end within {} s of SIGTERM",
                    self.timeout.as_secs()
                );
            }
            thread::sleep(POLL);
        };
        if !status.success() {
            bail!(
                "the server ended with {status}; its errors:\n{}",
                self.errors()
            );
        }
        let log = self.stdout.take().and_then(|thread| thread.join().ok());
        log.context("the reader of the log has failed")
    }

    fn errors(&mut self) -> String {
        self.stderr
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Errors are ignored, because nothing else can end the server.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads standard output continuously, as a container runtime does.
fn drain(mut stream: impl Read) -> Log {
    let mut log = Log::default();
    let mut block = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = stream.read(&mut block) {
        let block = block.get(..read).unwrap_or_default();
        log.lines += memchr::memchr_iter(b'\n', block).count() as u64;
        log.bytes += block.len() as u64;
        // The block may start within a line, so its second line is the first complete one.
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

/// Reads standard error to its end, and keeps about [`MAX_ERRORS`] bytes.
fn read_errors(stream: impl Read) -> String {
    let mut errors = String::new();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if errors.len() < MAX_ERRORS {
            errors.push_str(&line);
            errors.push('\n');
        }
    }
    errors
}

/// A port that is free at the moment; another process may still take it.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

const POLL: Duration = Duration::from_millis(10);
const MAX_ERRORS: usize = 16 * 1024;
