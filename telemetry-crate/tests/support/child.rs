//! Waits for the end of a child process with a deadline.

use std::{
    io::Read,
    process::{Child, ExitStatus},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// The exit status and the output of a process.
///
/// The text of a stream without a pipe is empty.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Reads the output of a child until its end.
///
/// A child that has not ended at the deadline is killed.
pub(crate) fn wait(mut child: Child, deadline: Duration) -> Ended {
    let stdout = child.stdout.take().map(read);
    let stderr = child.stderr.take().map(read);
    let end = Instant::now() + deadline;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > end {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(10));
    };
    let text = |reader: Option<JoinHandle<String>>| {
        reader.map_or_else(String::new, |reader| reader.join().unwrap())
    };
    Ended {
        status,
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

/// Reads a pipe in a thread, because a full pipe would block the child.
fn read(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
