//! Systems other than Unix, where the file is not supported.
//!
//! Opening fails, so the other functions are never called with a file.

use std::{
    fs::{File, FileType, Metadata},
    io,
    path::Path,
};

pub(in super::super) fn open_existing(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(in super::super) fn create(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(in super::super) fn try_lock(_: &File) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(in super::super) fn make_private(_: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(in super::super) fn other_owner(_: &Metadata) -> Option<(u32, u32)> {
    None
}

pub(in super::super) fn is_same(_: &Metadata, _: &Metadata) -> bool {
    false
}

pub(in super::super) fn file_size_limit() -> Option<u64> {
    None
}

pub(in super::super) fn describe(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a directory"
    } else {
        "a symbolic link"
    }
}

pub(in super::super) fn write_at(_: &File, _: &[u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
