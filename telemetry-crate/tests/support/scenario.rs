//! A child process that runs a scenario of the test.
//!
//! The test's executable starts itself as the child. The variable `SCENARIO` selects the function that the child runs.

#![expect(clippy::panic, reason = "tests")]

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader, Lines, Read, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdout, Command, ExitCode, Stdio},
    thread,
    time::Duration,
};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// The name and the function of a test or of a scenario.
///
/// Tests run in the parent process, and scenarios in a child.
pub(crate) type Named<F> = (&'static str, F);

/// Runs the tests, or in a child process the scenario that `SCENARIO` names.
pub(crate) fn run(tests: &[Named<fn()>], scenarios: &[Named<fn() -> ExitCode>]) -> ExitCode {
    run_with(Vec::new, tests, scenarios)
}

/// Runs the tests and more of them, or a scenario as [`run`] does.
pub(crate) fn run_with(
    more: fn() -> Vec<Trial>,
    tests: &[Named<fn()>],
    scenarios: &[Named<fn() -> ExitCode>],
) -> ExitCode {
    let Ok(scenario) = std::env::var("SCENARIO") else {
        let tests = tests.iter().copied();
        let trials = tests.map(|(name, test)| trial(name, test)).chain(more());
        return libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code();
    };
    match scenarios.iter().find(|(name, _)| *name == scenario) {
        Some((_, body)) => body(),
        None => panic!("no scenario {scenario}"),
    }
}

/// A test that fails if the function panics.
pub(crate) fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok::<(), Failed>(())
    })
}

/// A child process, which is killed when the value is dropped.
pub(crate) struct Scenario {
    pub(crate) child: Child,
    /// The lines of the child's standard output.
    ///
    /// `None` if standard output is not a pipe, or if the test has taken or closed the pipe.
    pub(crate) lines: Option<Lines<BufReader<ChildStdout>>>,
}

impl Scenario {
    /// Starts a child whose standard output is read as log lines.
    pub(crate) fn start(scenario: &str, variables: &[(&str, &str)]) -> Self {
        Self::start_into(Stdio::piped(), scenario, variables)
    }

    /// Starts a child with `stdout` as its standard output.
    pub(crate) fn start_into(stdout: Stdio, scenario: &str, variables: &[(&str, &str)]) -> Self {
        let executable = Command::new(std::env::current_exe().unwrap());
        Self::start_as(executable, stdout, scenario, variables)
    }

    /// Starts a child that can have only `files` open file descriptors.
    pub(crate) fn start_limited(files: u32, scenario: &str, variables: &[(&str, &str)]) -> Self {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("ulimit -n {files} && exec \"$0\"")])
            .arg(std::env::current_exe().unwrap());
        Self::start_as(shell, Stdio::piped(), scenario, variables)
    }

    /// Starts a child in the control group of this folder.
    pub(crate) fn start_in_cgroup(
        folder: &Path,
        scenario: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "echo $$ > \"$0\" && exec \"$1\""])
            .arg(folder.join("cgroup.procs"))
            .arg(std::env::current_exe().unwrap());
        Self::start_as(shell, Stdio::piped(), scenario, variables)
    }

    /// Starts a child from a copy of this executable with `bytes` appended.
    pub(crate) fn start_with(bytes: &[u8], scenario: &str, variables: &[(&str, &str)]) -> Self {
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(scenario);
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let mut file = OpenOptions::new().append(true).open(&copy).unwrap();
        file.write_all(bytes).unwrap();
        drop(file);
        let started = Self::start_as(Command::new(&copy), Stdio::piped(), scenario, variables);
        // A running process does not need its file.
        std::fs::remove_file(copy).unwrap();
        started
    }

    fn start_as(
        mut command: Command,
        stdout: Stdio,
        scenario: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut child = command
            .env("SCENARIO", scenario)
            .env("OTEL_EXPORTER_PROMETHEUS_PORT", "0")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = child.stdout.take();
        Self {
            child,
            lines: lines.map(|pipe| BufReader::new(pipe).lines()),
        }
    }

    /// Starts a child, and returns it and the address of its admin listener.
    pub(crate) fn serving(scenario: &str, variables: &[(&str, &str)]) -> (Self, SocketAddr) {
        let mut scenario = Self::start(scenario, variables);
        let address = scenario.admin_address();
        (scenario, address)
    }

    /// Reads the first line, and returns the address of the admin listener from it.
    pub(crate) fn admin_address(&mut self) -> SocketAddr {
        metrics_address(&self.line())
    }

    /// Reads the next line of standard output.
    pub(crate) fn line(&mut self) -> Value {
        let line = self.lines.as_mut().and_then(Iterator::next);
        let line = line.expect("the process ended too early").unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"))
    }

    /// Reads the next line, whose message must start with `expected`.
    pub(crate) fn message(&mut self, expected: &str) -> Value {
        let line = self.line();
        assert!(
            line["message"].as_str().unwrap().starts_with(expected),
            "expected {expected:?}: {line}"
        );
        line
    }

    /// Reads the remaining lines of standard output, until the child ends.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        self.lines.take().unwrap().map(Result::unwrap).collect()
    }

    /// Writes a line to standard input.
    pub(crate) fn write_line(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Sends a signal, for example `-TERM`.
    pub(crate) fn send_signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Sends a signal every 100 ms until the child has ended.
    ///
    /// A second signal has no effect directly after the first one, and no log line reports when it has one.
    pub(crate) fn repeat_signal(&mut self, name: &str) {
        let mut signals = 0;
        while self.child.try_wait().unwrap().is_none() {
            assert!(signals < 600, "a second signal does not end the process");
            self.send_signal(name);
            signals += 1;
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Closes standard input, waits, and returns the exit code and standard error.
    pub(crate) fn end(&mut self) -> (Option<i32>, String) {
        drop(self.child.stdin.take());
        let mut stderr = String::new();
        let mut pipe = self.child.stderr.take().unwrap();
        pipe.read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), stderr)
    }
}

/// Returns the address of the admin listener from the first line.
pub(crate) fn metrics_address(start: &Value) -> SocketAddr {
    let url = start["metrics"].as_str().unwrap();
    let address = url.strip_prefix("http://").unwrap();
    let address: SocketAddr = address.strip_suffix("/metrics").unwrap().parse().unwrap();
    ([127, 0, 0, 1], address.port()).into()
}

impl Drop for Scenario {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
