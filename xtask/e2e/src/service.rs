//! A generated service as it runs in production: a process, judged by its log, its ports and its exit status.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

use support::{
    command, paths,
    process::{Process, START},
};

use crate::{
    generate::{self, Answers},
    log_line::LogLine,
};

/// A generated service's source and its program.
#[derive(Debug, Clone)]
pub struct Built {
    /// The folder with the source.
    pub source: PathBuf,
    /// The program.
    pub program: PathBuf,
}

/// Generates the service with the example into `folder` and builds it.
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

/// The same with a database and a worker, changed before it is built.
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

/// Generates the service, changes its source as its owner would, and builds it.
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

/// Cargo in a generated service's folder.
pub fn cargo(source: &Path) -> Command {
    at_home(Command::new("cargo"), source)
}

/// A command of its README, as it is written there.
pub fn shell(source: &Path, line: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-ec", line]);
    at_home(shell, source)
}

fn at_home(mut command: Command, source: &Path) -> Command {
    command
        .current_dir(source)
        .env("CARGO_TARGET_DIR", paths::generated_target())
        // They are not debugged, and each is built once: builds take less time, and the folder less room.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0");
    without_telemetry_settings(&mut command);
    command
}

/// A running service.
#[derive(Debug)]
pub struct Service {
    process: Process,
    /// Where it serves, such as `http://127.0.0.1:38123`.
    pub address: String,
    /// Where `/metrics`, `/livez` and `/readyz` are.
    pub admin: String,
}

impl Service {
    /// Starts `program` on free ports and waits until its log says that it listens. Spans go to `collector`; `settings`
    /// are further environment variables.
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
            // What it calls is on the loopback interface as well, and no proxy's business.
            .env("NO_PROXY", "127.0.0.1");
        // Spans are looked for right after a request; the default of five seconds would be spent waiting.
        command.env("OTEL_BSP_SCHEDULE_DELAY", "100");
        if let Some(collector) = collector {
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector);
        }
        command.envs(settings.iter().copied());

        let process = Process::start("the service", &mut command)?;
        let line = |line: &str| LogLine::parse(line);
        let admin = process.wait_for_line("where its metrics are", START, |text| {
            admin_address(&line(text)?)
        })?;
        let address =
            process.wait_for_line("where it listens", START, |text| own_address(&line(text)?))?;
        Ok(Self {
            process,
            address,
            admin,
        })
    }

    /// The address of an endpoint.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// The address of `/metrics`.
    pub fn metrics_url(&self) -> String {
        format!("{}/metrics", self.admin)
    }

    /// Every line of its log so far that is JSON.
    pub fn log(&self) -> Vec<LogLine> {
        self.process
            .lines()
            .iter()
            .filter_map(|line| LogLine::parse(line))
            .collect()
    }

    /// Everything that it printed.
    pub fn output(&self) -> Vec<String> {
        self.process.lines()
    }

    /// Waits until `enough` holds for the log.
    pub fn wait_for_log(
        &self,
        what: &str,
        enough: impl Fn(&[LogLine]) -> bool,
    ) -> anyhow::Result<Vec<LogLine>> {
        let until = Instant::now() + START;
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

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Whether the process has ended.
    pub fn has_ended(&mut self) -> bool {
        self.process.has_ended()
    }

    /// SIGTERM, without waiting for what follows.
    pub fn terminate(&self) -> anyhow::Result<()> {
        self.process.terminate()
    }

    /// SIGKILL, without waiting until it is gone: dropping it does.
    pub fn kill(&self) -> anyhow::Result<()> {
        self.process.kill()
    }

    /// Waits for its end, at most `deadline`.
    pub fn wait(&mut self, deadline: Duration) -> anyhow::Result<ExitStatus> {
        self.process.wait(deadline)
    }

    /// SIGTERM, then waits for the end.
    ///
    /// # Errors
    ///
    /// When it does not end in time, or with another status than 0.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let status = self.process.stop(STOP)?;
        if !status.success() {
            anyhow::bail!(
                "found {status} after SIGTERM, expected 0; it said:\n{}",
                self.output().join("\n")
            );
        }
        Ok(())
    }
}

/// The first line of every process says where its metrics are: `http://127.0.0.1:9464/metrics`.
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

/// What the caller's shell says about telemetry is meant for other programs.
pub fn without_telemetry_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = ["OTEL_", "FIRSTLIGHT_"]
            .iter()
            .any(|prefix| text.starts_with(prefix));
        if ours || ["RUST_LOG", "HOST", "PORT"].contains(&&*text) {
            command.env_remove(&name);
        }
    }
}

/// Generous: the machine may be building something else.
const STOP: Duration = Duration::from_secs(30);
