//! A disk that can be filled and freed, and calls that can be made to fail.

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

use super::SOON;

/// A file system of a few megabytes in memory. Dropping it unmounts it.
pub(super) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// # Errors
    ///
    /// Where file systems may not be mounted.
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
        // PostgreSQL's files belong to another user.
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

    /// Leaves room for no more than this; others write meanwhile.
    pub(super) fn fill(&self, left: u64) -> anyhow::Result<()> {
        let free = rustix::fs::statvfs(&self.folder)?;
        let size = (free.f_bavail * free.f_frsize).saturating_sub(left);
        match fs::write(self.ballast(), vec![0_u8; usize::try_from(size)?]) {
            Err(error) if error.kind() != ErrorKind::StorageFull => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Makes room again.
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

/// Makes a process' writes to some files fail, until it ends.
pub(super) struct Fault {
    /// Lets go of the process when it is dropped.
    _tracer: Process,
    folder: PathBuf,
}

impl Fault {
    /// `error` is a name such as `EIO`; the files are in `folder`.
    ///
    /// # Errors
    ///
    /// Where there is no `strace`, or it may not attach.
    pub(super) fn inject(
        process: u32,
        error: &str,
        folder: &Path,
        files: &[PathBuf],
    ) -> anyhow::Result<Self> {
        let strace = tools::on_path("strace").context("there is no strace on PATH")?;
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
        tracer.wait_for_line("that it is attached", SOON, |line| {
            line.contains("attached").then_some(())
        })?;
        Ok(Self {
            _tracer: tracer,
            folder: folder.to_owned(),
        })
    }

    /// Lets them succeed again. It is dropped once no call that it has made to fail is under way.
    pub(super) fn end(&self) -> anyhow::Result<()> {
        // A call that is to fail is one without a number until strace sets its result. If strace let go of the process in
        // between, the kernel's answer would be ENOSYS. So the files get another path first, which strace does not look for: the
        // folder and a link to it change places, at once.
        let moved = self.folder.with_extension("moved");
        symlink(moved.file_name().unwrap_or_default(), &moved)?;
        renameat_with(CWD, &self.folder, CWD, &moved, RenameFlags::EXCHANGE)
            .context("moving the folder of the files")
    }
}

/// Waits until `enough` holds.
pub(super) fn wait(what: &str, enough: impl Fn() -> bool) -> anyhow::Result<()> {
    let until = Instant::now() + SOON;
    while !enough() {
        ensure!(
            Instant::now() < until,
            "expected {what}, and it did not come"
        );
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
