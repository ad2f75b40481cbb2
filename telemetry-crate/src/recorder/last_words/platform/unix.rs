//! Files on Unix.

use std::{
    fs::{File, FileType, Metadata, OpenOptions, Permissions},
    io,
    os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::Errno,
    process::{Resource, geteuid, getrlimit},
};

/// The mode of the file, which only its owner reads.
///
/// Log lines may contain user data.
const MODE: u32 = 0o600;

/// Opens an existing file.
///
/// A link is not followed, and a FIFO does not block.
pub(in super::super) fn open_existing(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    options()
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

/// Creates a file that does not exist.
pub(in super::super) fn create(path: &Path) -> io::Result<File> {
    options().create_new(true).mode(MODE).open(path)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options
}

/// Locks the file against other processes. Returns whether the lock was free.
pub(in super::super) fn try_lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Takes the rights of other users away.
pub(in super::super) fn make_private(file: &File) -> io::Result<()> {
    if file.metadata()?.mode() & 0o777 == MODE {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(MODE))
}

/// Returns the owner of a file and the user of this process if they differ.
pub(in super::super) fn other_owner(file: &Metadata) -> Option<(u32, u32)> {
    let user = geteuid().as_raw();
    (file.uid() != user).then(|| (file.uid(), user))
}

/// Whether both are the same file.
pub(in super::super) fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// The process's limit on the size of a file, in bytes.
///
/// A write beyond it ends the process with the signal SIGXFSZ.
pub(in super::super) fn file_size_limit() -> Option<u64> {
    getrlimit(Resource::Fsize).current
}

/// Names what is not a regular file.
pub(in super::super) fn describe(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a directory"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// Writes all bytes at the offset.
pub(in super::super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}
