//! A small file system that can be filled, and injected errors of system calls.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use support::{command, process::Process, tools};

use super::DEADLINE;

/// A small file system in memory, which is unmounted on drop.
pub(super) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts the file system in a temporary folder.
    ///
    /// # Errors
    ///
    /// If this process may not mount file systems.
    pub(super) fn mount(name: &str, megabytes: u32) -> anyhow::Result<Self> {
        let name = format!("firstlight-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder)?;
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(&folder);
        command::run_quietly(&mut mount)
            .context("mounting a small file system takes root, and CAP_SYS_ADMIN in a container")?;
        // PostgreSQL may run as another user.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777))?;
        let disk = Self { folder };
        fs::create_dir(disk.data())?;
        Ok(disk)
    }

    /// The folder of the database's files.
    pub(super) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Fills the disk up to `left` bytes, while other processes write as well.
    pub(super) fn fill(&self, left: u64) -> anyhow::Result<()> {
        let free = rustix::fs::statvfs(&self.folder)?;
        let size = (free.f_bavail * free.f_frsize).saturating_sub(left);
        match fs::write(self.ballast(), vec![0_u8; usize::try_from(size)?]) {
            Err(error) if error.kind() != ErrorKind::StorageFull => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Removes the file that fills the disk.
    pub(super) fn free(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.ballast())?)
    }

    fn ballast(&self) -> PathBuf {
        self.path("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let mut unmount = Command::new("umount");
        unmount.arg("--lazy").arg(&self.folder);
        let _ = command::run_quietly(&mut unmount);
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Makes a process's writes to some files fail.
pub(super) struct Fault {
    /// Detaches from the process on drop.
    _tracer: Process,
    folder: PathBuf,
}

impl Fault {
    /// Injects `error`, such as `EIO`, into writes to `files`, which are in `folder`.
    ///
    /// # Errors
    ///
    /// If `strace` is missing or may not attach to the process.
    pub(super) fn inject(
        process: u32,
        error: &str,
        folder: &Path,
        files: &[PathBuf],
    ) -> anyhow::Result<Self> {
        let strace = tools::on_path("strace").context("strace is not on PATH")?;
        let mut command = Command::new(strace);
        command
            .args(["-f", "-p", &process.to_string()])
            .args([
                "-e",
                &format!("inject=write,pwrite64,ftruncate,fsync,fdatasync:error={error}"),
            ])
            .args(["-o", "/dev/null"]);
        for file in files {
            command.arg("-P").arg(file);
        }
        let tracer = Process::start("strace", &mut command)?;
        tracer.wait_for_line("\"attached\"", DEADLINE, |line| {
            line.contains("attached").then_some(())
        })?;
        Ok(Self {
            _tracer: tracer,
            folder: folder.to_owned(),
        })
    }

    /// Lets the writes succeed again.
    ///
    /// The caller drops the value once no failing call is under way.
    pub(super) fn end(&self) -> anyhow::Result<()> {
        // strace replaces the number of a failing call and sets its result when the call returns. If strace detached in
        // between, the call would fail with ENOSYS. So the files first get another path, which strace does not match: the
        // folder and a link to it are exchanged atomically.
        let moved = self.folder.with_extension("moved");
        symlink(moved.file_name().unwrap_or_default(), &moved)?;
        renameat_with(CWD, &self.folder, CWD, &moved, RenameFlags::EXCHANGE)
            .context("moving the folder of the files")
    }
}

/// Waits until `enough` holds.
pub(super) fn wait(what: &str, enough: impl Fn() -> bool) -> anyhow::Result<()> {
    let until = Instant::now() + DEADLINE;
    while !enough() {
        ensure!(Instant::now() < until, "expected {what} within a minute");
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
