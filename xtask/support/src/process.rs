//! Child processes: their output line by line, signals, and a kill on drop.
//!
//! Each child has its own process group, so Ctrl-C at the terminal reaches only this program, which then stops its
//! children in the right order.

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process, kill_process_group, test_kill_process},
};

use crate::command;

/// A running child process, which is killed on drop with its own children.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    stdin: Option<ChildStdin>,
    output: Arc<Output>,
    readers: Vec<JoinHandle<()>>,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` with both output streams captured.
    ///
    /// Standard input stays open until [`Process::close_stdin`].
    pub fn start(name: &'static str, command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}: {}", command::display(command)))?;
        let output = Arc::new(Output::default());
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            readers.push(read(stdout, Arc::clone(&output)));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.push(read(stderr, Arc::clone(&output)));
        }
        let stdin = child.stdin.take();
        running().push(Pid::from_child(&child));
        Ok(Self {
            name,
            child,
            stdin,
            output,
            readers,
            status: None,
        })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All lines of both streams so far.
    pub fn lines(&self) -> Vec<String> {
        self.output.lock().lines.clone()
    }

    /// Waits for the first line for which `wanted` returns a value.
    ///
    /// # Errors
    ///
    /// If the child ends or the deadline passes first. The message holds the output so far.
    pub fn wait_for_line<T>(
        &self,
        what: &str,
        deadline: Duration,
        mut wanted: impl FnMut(&str) -> Option<T>,
    ) -> anyhow::Result<T> {
        let until = Instant::now() + deadline;
        let mut seen = 0;
        let mut state = self.output.lock();
        loop {
            while let Some(line) = state.lines.get(seen) {
                seen += 1;
                if let Some(found) = wanted(line) {
                    return Ok(found);
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || state.streams_ended == self.readers.len() {
                let reason = if left.is_zero() {
                    "did not print in time"
                } else {
                    "ended without printing"
                };
                bail!(
                    "{} {reason}: {what}; its output:\n{}",
                    self.name,
                    state.lines.join("\n")
                );
            }
            let waited = self.output.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Writes to the standard input.
    pub fn type_in(&mut self, text: &str) -> anyhow::Result<()> {
        let stdin = self.stdin.as_mut().context("standard input is closed")?;
        stdin
            .write_all(text.as_bytes())
            .with_context(|| format!("writing to {}", self.name))?;
        stdin
            .flush()
            .with_context(|| format!("writing to {}", self.name))
    }

    /// Closes standard input, as Ctrl-D does.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Sends SIGTERM without waiting for the end.
    pub fn terminate(&self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)
    }

    /// Sends SIGINT without waiting for the end.
    pub fn interrupt(&self) -> anyhow::Result<()> {
        self.signal(Signal::INT)
    }

    /// Sends SIGKILL without waiting for the end.
    pub fn kill(&self) -> anyhow::Result<()> {
        self.signal(Signal::KILL)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        if self.status.is_none() {
            kill_process(Pid::from_child(&self.child), signal)
                .with_context(|| format!("signaling {}", self.name))?;
        }
        Ok(())
    }

    /// Whether the child has ended for any reason.
    pub fn has_ended(&mut self) -> bool {
        if self.status.is_none() {
            // Once the status is collected, another process may get the same process id, and `kill_all` must not kill it.
            // So the list is locked until the id is removed from it.
            let mut running = running();
            self.status = self.child.try_wait().unwrap_or_default();
            if self.status.is_some() {
                running.retain(|pid| *pid != Pid::from_child(&self.child));
            }
        }
        self.status.is_some()
    }

    /// Waits until the child has ended and its output is read completely.
    ///
    /// # Errors
    ///
    /// If the child has not ended by the deadline. It keeps running.
    pub fn wait(&mut self, deadline: Duration) -> anyhow::Result<ExitStatus> {
        let until = Instant::now() + deadline;
        while self.status.is_none() {
            if self.has_ended() {
                break;
            }
            if Instant::now() >= until {
                let output = self.lines().join("\n");
                bail!(
                    "{} has not ended after {} s; its output:\n{output}",
                    self.name,
                    deadline.as_secs()
                );
            }
            thread::sleep(POLL);
        }
        for reader in self.readers.drain(..) {
            // A panic of the reader has been printed, and the lines read before it are kept.
            let _ = reader.join();
        }
        self.status.context("the exit status was not collected")
    }

    /// Sends SIGTERM and waits for the end: the normal way to stop a server.
    pub fn stop(&mut self, deadline: Duration) -> anyhow::Result<ExitStatus> {
        self.terminate()?;
        self.wait(deadline)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.has_ended() {
            // An error means that the child ended by itself in the meantime.
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.wait(KILL_TIMEOUT);
        }
    }
}

#[derive(Debug, Default)]
struct Output {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    streams_ended: usize,
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(stream: impl Read + Send + 'static, output: Arc<Output>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(stream.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            let mut state = output.lock();
            // The demo may run for days. Lines past the limit are read and dropped.
            if state.lines.len() < MAX_LINES {
                state.lines.push(text);
            }
            drop(state);
            output.changed.notify_all();
        }
        output.lock().streams_ended += 1;
        output.changed.notify_all();
    })
}

/// Whether a process with this id runs, also of another user.
pub fn is_running(id: u32) -> bool {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

/// Kills all running children and their own children.
///
/// For an exit that runs no destructors.
pub fn kill_all() {
    for pid in running().drain(..) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

fn running() -> MutexGuard<'static, Vec<Pid>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Children whose status is not collected yet.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// How long a program may take to start, on a machine that is also building.
pub const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a killed process may take to end.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);
/// How many lines of output are kept for each child.
const MAX_LINES: usize = 200_000;
/// The interval at which [`Process::wait`] looks for the end of the child.
const POLL: Duration = Duration::from_millis(10);
