//! Builds generated services and runs them as processes.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use support::{
    command, paths,
    process::{Process, START_TIMEOUT},
};

use crate::{
    generate::{self, Answers},
    log_line::LogLine,
};

/// The source and the program of a generated service.
#[derive(Debug, Clone)]
pub struct Built {
    /// The folder with the source.
    pub source: PathBuf,
    /// The program.
    pub program: PathBuf,
}

/// Generates a service with the example into `folder` and builds it.
pub fn build_example(name: &str, folder: &Path) -> anyhow::Result<Built> {
    let extra = generate::throwaway();
    let service = generate::Service {
        name,
        destination: folder,
        answers: Answers::least().with("example", "true"),
        extra: &extra,
    };
    build(&service, |_| Ok(()))
}

/// Generates a service with a database and a worker, changes it, and builds it.
pub fn build_worker(
    name: &str,
    store: &str,
    folder: &Path,
    change: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<Built> {
    let extra = generate::throwaway();
    let service = generate::Service {
        name,
        destination: folder,
        answers: Answers::least()
            .with("example", "true")
            .with("store", store)
            .with("worker", "true"),
        extra: &extra,
    };
    build(&service, change)
}

/// Generates the service, changes its source with `change`, and builds it.
pub fn build(
    service: &generate::Service<'_>,
    change: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<Built> {
    let source = service.generate()?;
    change(&source)?;
    let name = service.name;
    command::run(&format!("build {name}"), cargo(&source).arg("build"))?;
    Ok(Built {
        source,
        program: paths::generated_target().join("debug").join(name),
    })
}

/// The command of Cargo in a generated service's folder.
pub fn cargo(source: &Path) -> Command {
    in_folder(Command::new("cargo"), source)
}

/// The command that runs a shell line, such as one of the service's README.
pub fn shell(source: &Path, line: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-ec", line]);
    in_folder(shell, source)
}

/// Makes a command run in the service's folder, with the common target folder.
fn in_folder(mut command: Command, source: &Path) -> Command {
    command
        .current_dir(source)
        .env("CARGO_TARGET_DIR", paths::generated_target())
        // Each service is built once and not debugged, so these settings save time and disk space.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0");
    without_telemetry_settings(&mut command);
    command
}

/// A running service.
#[derive(Debug)]
pub struct Service {
    process: Process,
    /// The address of its routes, such as `http://127.0.0.1:38123`.
    pub address: String,
    /// The address of `/metrics`, `/livez` and `/readyz`.
    pub admin: String,
}

impl Service {
    /// Starts `program` on free ports and waits until it listens.
    ///
    /// Spans go to `collector`; `settings` are further environment variables.
    pub fn start(
        program: &Path,
        collector: Option<&str>,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        without_telemetry_settings(&mut command);
        command
            .env("HOST", "127.0.0.1")
            .env("PORT", "0")
            .env("OTEL_EXPORTER_PROMETHEUS_PORT", "0")
            // The service's calls to the loopback interface must not go through a proxy.
            .env("NO_PROXY", "127.0.0.1");
        // Tests wait for spans after a request, and the default delay of five seconds would make each wait longer.
        command.env("OTEL_BSP_SCHEDULE_DELAY", "100");
        if let Some(collector) = collector {
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector);
        }
        command.envs(settings.iter().copied());

        let process = Process::start("the service", &mut command)?;
        let line = |line: &str| LogLine::parse(line);
        let admin = process.wait_for_line("the address of its metrics", START_TIMEOUT, |text| {
            admin_address(&line(text)?)
        })?;
        let address = process.wait_for_line("its own address", START_TIMEOUT, |text| {
            own_address(&line(text)?)
        })?;
        Ok(Self {
            process,
            address,
            admin,
        })
    }

    /// The URL of a route.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// The URL of `/metrics`.
    pub fn metrics_url(&self) -> String {
        format!("{}/metrics", self.admin)
    }

    /// The JSON log lines so far.
    pub fn log(&self) -> Vec<LogLine> {
        self.process
            .lines()
            .iter()
            .filter_map(|line| LogLine::parse(line))
            .collect()
    }

    /// All lines that the service has printed so far.
    pub fn output(&self) -> Vec<String> {
        self.process.lines()
    }

    /// Waits until the log satisfies `enough`.
    pub fn wait_for_log(
        &self,
        what: &str,
        enough: impl Fn(&[LogLine]) -> bool,
    ) -> anyhow::Result<Vec<LogLine>> {
        let until = Instant::now() + START_TIMEOUT;
        loop {
            let log = self.log();
            if enough(&log) {
                return Ok(log);
            }
            if Instant::now() > until {
                anyhow::bail!(
                    "the log does not show {what}:\n{}",
                    self.output().join("\n")
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Whether the process has ended.
    pub fn has_ended(&mut self) -> bool {
        self.process.has_ended()
    }

    /// Sends SIGTERM without waiting for the end.
    pub fn terminate(&self) -> anyhow::Result<()> {
        self.process.terminate()
    }

    /// Sends SIGKILL without waiting for the end; a drop waits.
    pub fn kill(&self) -> anyhow::Result<()> {
        self.process.kill()
    }

    /// Waits for the end of the process, at most `deadline`.
    pub fn wait(&mut self, deadline: Duration) -> anyhow::Result<ExitStatus> {
        self.process.wait(deadline)
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    ///
    /// If the process does not end within 30 s, or its status is not 0.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let status = self.process.stop(STOP_TIMEOUT)?;
        if !status.success() {
            anyhow::bail!(
                "found {status} after SIGTERM, expected 0; its output:\n{}",
                self.output().join("\n")
            );
        }
        Ok(())
    }
}

/// The admin address in the first log line of a process.
///
/// The line names the URL of the metrics, such as `http://127.0.0.1:9464/metrics`.
pub fn admin_address(line: &LogLine) -> Option<String> {
    if line.text("message") != "telemetry is up" {
        return None;
    }
    line.text("metrics")
        .strip_suffix("/metrics")
        .map(str::to_owned)
}

fn own_address(line: &LogLine) -> Option<String> {
    let address = line.text("address");
    (line.text("message") == "listening" && !address.is_empty())
        .then(|| format!("http://{address}"))
}

/// An address whose port is free at the moment.
///
/// It is for programs that cannot choose a free port themselves, or that are started again on the same port.
pub(crate) fn free_address() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("a free port")?;
    Ok(listener.local_addr()?.to_string())
}

/// Removes inherited telemetry variables, `HOST` and `PORT` from `command`.
pub fn without_telemetry_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_telemetry = ["OTEL_", "FIRSTLIGHT_"]
            .iter()
            .any(|prefix| text.starts_with(prefix));
        if is_telemetry || ["RUST_LOG", "HOST", "PORT"].contains(&&*text) {
            command.env_remove(&name);
        }
    }
}

/// How long a service may take to stop, on a machine that is also building.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
