//! The process under test, for tests that judge from outside: the test's executable starts itself as a child that plays a
//! part, and the variable `PART` says which.

#![expect(clippy::panic, reason = "tests")]

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader, Lines, Read, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdout, Command, ExitCode, Stdio},
};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// A name, and what it stands for: a test of the parent, or a part of the child.
pub(crate) type Named<F> = (&'static str, F);

/// Runs the tests, or plays the part that this process was started for.
pub(crate) fn run(tests: &[Named<fn()>], parts: &[Named<fn() -> ExitCode>]) -> ExitCode {
    let Ok(part) = std::env::var("PART") else {
        let trials = tests.iter().copied().map(|(name, test)| {
            Trial::test(name, move || {
                test();
                Ok::<(), Failed>(())
            })
        });
        return libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code();
    };
    match parts.iter().find(|(name, _)| *name == part) {
        Some((_, play)) => play(),
        None => panic!("no part {part}"),
    }
}

/// A child that is killed when the test is over, however it ends.
pub(crate) struct Part {
    pub(crate) child: Child,
    /// Its standard output; absent if the test has given it away, or closed it.
    pub(crate) lines: Option<Lines<BufReader<ChildStdout>>>,
}

impl Part {
    pub(crate) fn start(part: &str, variables: &[(&str, &str)]) -> Self {
        Self::start_into(Stdio::piped(), part, variables)
    }

    /// With a standard output of the test's choice.
    pub(crate) fn start_into(stdout: Stdio, part: &str, variables: &[(&str, &str)]) -> Self {
        let itself = Command::new(std::env::current_exe().unwrap());
        Self::start_as(itself, stdout, part, variables)
    }

    /// With a limit of open files.
    pub(crate) fn start_limited(files: u32, part: &str, variables: &[(&str, &str)]) -> Self {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("ulimit -n {files} && exec \"$0\"")])
            .arg(std::env::current_exe().unwrap());
        Self::start_as(shell, Stdio::piped(), part, variables)
    }

    /// From a copy of this executable, with more bytes at its end.
    pub(crate) fn start_with(bytes: &[u8], part: &str, variables: &[(&str, &str)]) -> Self {
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(part);
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let mut file = OpenOptions::new().append(true).open(&copy).unwrap();
        file.write_all(bytes).unwrap();
        drop(file);
        let started = Self::start_as(Command::new(&copy), Stdio::piped(), part, variables);
        // Running, it needs no name.
        std::fs::remove_file(copy).unwrap();
        started
    }

    fn start_as(
        mut command: Command,
        stdout: Stdio,
        part: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut child = command
            .env("PART", part)
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

    /// Starts it and waits until it serves; where.
    pub(crate) fn serving(part: &str, variables: &[(&str, &str)]) -> (Self, SocketAddr) {
        let mut part = Self::start(part, variables);
        let address = part.admin_address();
        (part, address)
    }

    /// Waits until it serves; where.
    pub(crate) fn admin_address(&mut self) -> SocketAddr {
        let start = self.line();
        let url = start["metrics"].as_str().unwrap();
        let address = url.strip_prefix("http://").unwrap();
        let address: SocketAddr = address.strip_suffix("/metrics").unwrap().parse().unwrap();
        ([127, 0, 0, 1], address.port()).into()
    }

    /// The next line of its standard output.
    pub(crate) fn line(&mut self) -> Value {
        let line = self.lines.as_mut().and_then(Iterator::next);
        let line = line.expect("the process ended too early").unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"))
    }

    /// The next line, whose message begins like this.
    pub(crate) fn message(&mut self, expected: &str) -> Value {
        let line = self.line();
        assert!(
            line["message"].as_str().unwrap().starts_with(expected),
            "expected {expected:?}: {line}"
        );
        line
    }

    /// All that it still writes to standard output, until it ends.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        self.lines.take().unwrap().map(Result::unwrap).collect()
    }

    /// Sends one line to its standard input.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Closes its standard input and waits: the exit code, and what it wrote to standard error.
    pub(crate) fn end(&mut self) -> (Option<i32>, String) {
        drop(self.child.stdin.take());
        let mut stderr = String::new();
        let mut pipe = self.child.stderr.take().unwrap();
        pipe.read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), stderr)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
