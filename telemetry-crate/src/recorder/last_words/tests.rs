//! Tests with processes that are killed.
//!
//! Each process is this test binary again, which runs only [`child::child`].

#![expect(clippy::unwrap_used, reason = "tests")]

mod child;

use std::{
    env, fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant, SystemTime},
};

use super::{
    format::Found,
    samples::{Folder, Random, full, open_root, opened},
    *,
};

/// The file that says what the child does, in its current folder.
///
/// The library reads the environment only in its configuration, and so do its tests.
const ROLE: &str = "role";

/// The file with the last words, in the same folder.
const LAST: &str = "last";

/// The number of different last words that the child writes in a loop.
const PAYLOADS: u64 = 16;

const SIGKILL: i32 = 9;
const SIGABRT: i32 = 6;

fn in_a_minute() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Nearly 60 KiB of lines that all have the same number.
fn numbered(number: u64) -> LastWords {
    LastWords {
        lines: vec![format!("{number:059}").into_bytes(); 950],
        ..full()
    }
}

/// The child that does this with the file.
fn command(role: &str, path: &Path) -> Command {
    command_of(Command::new(env::current_exe().unwrap()), role, path)
}

fn command_of(mut command: Command, role: &str, path: &Path) -> Command {
    let folder = path.parent().unwrap();
    fs::write(folder.join(ROLE), role).unwrap();
    command
        .args(["--exact", "recorder::last_words::tests::child::child"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// A child that is killed at the end of a test.
struct Running(Child);

impl Running {
    fn new(role: &str, path: &Path) -> Self {
        Self(command(role, path).spawn().unwrap())
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        assert_eq!(self.0.wait().unwrap().signal(), Some(SIGKILL));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the file has now, without its lock.
fn found(path: &Path) -> Option<LastWords> {
    match format::examine(&fs::read(path).ok()?) {
        Found::Words(_, words) => Some(*words),
        _ => None,
    }
}

/// Waits until the file has last words for which `test` is true.
fn wait_for(path: &Path, test: impl Fn(&LastWords) -> bool) {
    let deadline = in_a_minute();
    while !found(path).is_some_and(|words| test(&words)) {
        assert!(Instant::now() < deadline, "waited in vain");
        sleep(Duration::from_millis(1));
    }
}

fn report(path: &Path) -> (LastWords, Report) {
    let opened = opened(path);
    assert_eq!(opened.refused, None);
    let words = opened.previous.unwrap();
    let report = Report::new(&words, SystemTime::now(), boot_id());
    (words, report)
}

#[test]
fn killed_in_any_write_leaves_whole_words() {
    let folder = Folder::new("kill");
    let path = folder.path(LAST);
    let mut random = Random(3);
    let mut numbers = Vec::new();
    for round in 0..100 {
        let before = found(&path);
        let mut child = Running::new("writes in a loop", &path);
        wait_for(&path, |words| before.as_ref() != Some(words));
        sleep(Duration::from_micros(random.below(3000) as u64));
        child.kill();
        let opened = opened(&path);
        assert_eq!(opened.refused, None, "{round}");
        let words = opened.previous.unwrap();
        let time = words.heartbeat.duration_since(samples::at(0)).unwrap();
        let number = time.as_secs();
        assert_eq!(words.lines, numbered(number % PAYLOADS).lines, "{round}");
        numbers.push(number);
    }
    // The children were killed at different times.
    numbers.sort_unstable();
    numbers.dedup();
    assert!(numbers.len() > 10, "{numbers:?}");
}

#[test]
fn kill_is_reported() {
    let folder = Folder::new("kill-report");
    let path = folder.path(LAST);
    let mut child = Running::new("runs", &path);
    wait_for(&path, |words| !words.lines.is_empty());
    let pid = child.0.id();
    child.kill();
    let (words, report) = report(&path);
    assert_eq!(report.ended, "killed");
    assert!(report.summary.contains("did not shut down"), "{report:?}");
    assert_eq!(words.process.pid, pid);
    assert_eq!(words.open, [open_root(3)]);
    assert_eq!(words.lines, [b"the last line"]);
    assert_eq!(words.fingerprints, [77]);
}

#[test]
fn abort_is_reported() {
    let folder = Folder::new("abort");
    let path = folder.path(LAST);
    let ended = command("aborts", &path).status().unwrap();
    assert_eq!(ended.signal(), Some(SIGABRT));
    let (words, _) = report(&path);
    assert_eq!(words.lines, [b"the last line"]);
}

#[test]
fn panic_that_aborts_is_reported() {
    let folder = Folder::new("panic");
    let path = folder.path(LAST);
    let ended = command("panics", &path).status().unwrap();
    assert_eq!(ended.signal(), Some(SIGABRT));
    let (_, report) = report(&path);
    assert_eq!(report.ended, "panic");
    assert!(
        report.summary.ends_with(": index out of bounds"),
        "{report:?}"
    );
}

#[test]
fn clean_end_is_reported() {
    let folder = Folder::new("clean");
    let path = folder.path(LAST);
    assert!(command("ends", &path).status().unwrap().success());
    assert_eq!(report(&path).1.ended, "clean");
}

#[test]
fn stalled_runtime_is_reported() {
    let folder = Folder::new("stalled");
    let path = folder.path(LAST);
    let mut child = Running::new("stalls", &path);
    wait_for(&path, |words| words.stalled_since.is_some());
    // The heartbeat continues while the runtime is stalled.
    let first = found(&path).unwrap().heartbeat;
    wait_for(&path, |words| words.heartbeat > first);
    child.kill();
    let (_, report) = report(&path);
    assert!(
        report.summary.contains("its runtime had stalled since"),
        "{report:?}"
    );
}

#[test]
fn second_process_is_locked_out() {
    let folder = Folder::new("second");
    let path = folder.path(LAST);
    let mut child = Running::new("runs", &path);
    wait_for(&path, |words| !words.lines.is_empty());
    assert!(command("opens", &path).status().unwrap().success());
    let error = fs::read_to_string(path.with_extension("error")).unwrap();
    let expected = format!(
        "in use by another process (pid {} wrote it last)",
        child.0.id()
    );
    assert!(error.contains(&expected), "{error}");
    // The lock ends with the process.
    child.kill();
    opened(&path);
}

/// A write beyond the limit would end the process with the signal SIGXFSZ.
#[test]
fn file_size_limit_does_not_kill() {
    let folder = Folder::new("limit");
    let path = folder.path(LAST);
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -f 64 && exec \"$@\"", "sh"]);
    shell.arg(env::current_exe().unwrap());
    assert!(
        command_of(shell, "opens", &path)
            .status()
            .unwrap()
            .success()
    );
    let error = fs::read_to_string(path.with_extension("error")).unwrap();
    assert!(
        error.contains("may write files of at most 32768 bytes"),
        "{error}"
    );
}

/// A control group with a limit on its memory, which only root can make.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new(limit: u64) -> Option<Self> {
        let name = format!("firstlight-test-{}", process::id());
        let limit = limit.to_string();
        for (root, file) in [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ] {
            let group = Path::new(root).join(&name);
            if fs::create_dir(&group).is_err() {
                continue;
            }
            let group = Self(group);
            if group.0.join(file).exists() && fs::write(group.0.join(file), &limit).is_ok() {
                // Without swap, the limit is reached sooner.
                let _ = fs::write(group.0.join("memory.swap.max"), "0");
                return Some(group);
            }
        }
        None
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// The kernel kills the child in a control group.
///
/// Where none can be made, the test kills the child at the same state.
#[cfg(target_os = "linux")]
#[test]
fn oom_kill_is_reported() {
    const LIMIT: u64 = 64 * 1024 * 1024;
    let folder = Folder::new("oom");
    let path = folder.path(LAST);
    let cgroup = Cgroup::new(LIMIT);
    let mut shell = Command::new("sh");
    let role = match &cgroup {
        Some(group) => {
            let procs = group.0.join("cgroup.procs");
            shell
                .args(["-c", "echo $$ > \"$0\" && exec \"$@\""])
                .arg(procs);
            format!("fills its memory:{LIMIT}:enforced")
        }
        None => {
            shell.args(["-c", "exec \"$@\"", "sh"]);
            format!("fills its memory:{LIMIT}")
        }
    };
    shell.arg(env::current_exe().unwrap());
    let mut child = Running(command_of(shell, &role, &path).spawn().unwrap());
    if cgroup.is_some() {
        let ended = child.0.wait().unwrap();
        assert_eq!(ended.signal(), Some(SIGKILL), "{ended:?}");
    } else {
        wait_for(&path, |words| words.survived_panic.is_some());
        child.kill();
    }
    let (_, report) = report(&path);
    assert!(
        report.summary.contains("probably the OOM killer"),
        "{report:?}"
    );
}
