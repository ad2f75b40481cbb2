//! Why the file cannot be used, and what was found in a file that was replaced.

use std::{io, path::PathBuf};

use super::format::FILE_SIZE;

/// The reason why the service runs without the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(
        "FIRSTLIGHT_RECORDER_FILE: {path:?} is {found}, expected a regular file or a path that does not exist; name another path"
    )]
    NotAFile { path: PathBuf, found: &'static str },

    #[error(
        "FIRSTLIGHT_RECORDER_FILE: {path:?} belongs to the user {owner}, expected {user}, the user of this process; remove the file, or name another path"
    )]
    OtherOwner {
        path: PathBuf,
        owner: u32,
        user: u32,
    },

    #[error(
        "FIRSTLIGHT_RECORDER_FILE: {path:?} is in use by another process{}; name another path for each process",
        by(*pid)
    )]
    Locked {
        path: PathBuf,
        /// The last process that wrote the file.
        pid: Option<u32>,
    },

    #[error(
        "FIRSTLIGHT_RECORDER_FILE: {path:?} is not a file of firstlight, and cannot be moved to {aside:?}: {reason}; remove one of the two, or name another path"
    )]
    Foreign {
        path: PathBuf,
        aside: PathBuf,
        reason: io::Error,
    },

    #[error(
        "FIRSTLIGHT_RECORDER_FILE: no space for the {FILE_SIZE} bytes of {path:?}: {reason}; free some space, or name a path on another volume"
    )]
    Full { path: PathBuf, reason: io::Error },

    #[error(
        "FIRSTLIGHT_RECORDER_FILE: this process may write files of at most {limit} bytes, expected {FILE_SIZE}; raise the limit (ulimit -f)"
    )]
    FileSizeLimit { limit: u64 },

    #[error(
        "FIRSTLIGHT_RECORDER_FILE: {path:?} is on a read-only file system; name a path on a writable volume, such as an emptyDir"
    )]
    ReadOnly { path: PathBuf },

    #[error(
        "FIRSTLIGHT_RECORDER_FILE: cannot {action} {path:?}: {reason}; name a path in a folder that exists and in which the user of this process may write"
    )]
    Io {
        action: &'static str,
        path: PathBuf,
        reason: io::Error,
    },

    #[error(
        "FIRSTLIGHT_RECORDER_FILE: not supported on this operating system, only on Unix; unset it"
    )]
    Unsupported,
}

impl OpenError {
    /// The error of a failed call.
    pub(super) fn of(action: &'static str, path: &std::path::Path, reason: io::Error) -> Self {
        use io::ErrorKind::{
            FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull, Unsupported,
        };
        let path = path.to_owned();
        match reason.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => Self::Full { path, reason },
            ReadOnlyFilesystem => Self::ReadOnly { path },
            Unsupported if cfg!(not(unix)) => Self::Unsupported,
            _ => Self::Io {
                action,
                path,
                reason,
            },
        }
    }
}

fn by(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (pid {pid} wrote it last)"))
}

/// What was found in a file that was refused and replaced.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Refused {
    #[error(
        "{path:?} has no readable last words of a process: {found}; a new file was made in its place"
    )]
    Torn { path: PathBuf, found: &'static str },

    #[error(
        "{path:?} has the format {version} of another version of firstlight, expected {expected}; a new file was made in its place"
    )]
    OtherVersion {
        path: PathBuf,
        version: u32,
        expected: u32,
    },

    #[error(
        "{path:?} was not a file of firstlight; it was moved to {aside:?}, and a new file was made; check FIRSTLIGHT_RECORDER_FILE"
    )]
    Foreign { path: PathBuf, aside: PathBuf },
}
