//! The last words of a process: a file of fixed size, which the next start reads.
//!
//! A thread of its own writes the file every 125 ms. The next process reads how the last one ended, what was open
//! and the last log lines. The file survives a restart of the container on an `emptyDir`. It is lost with the pod, and may
//! be lost with the machine, because it is never synchronized to the disk.
//!
//! The file has two areas that are written in turn, each with a generation, a length and a checksum. A process that is
//! killed in the middle of a write leaves the other area whole.

mod codec;
mod file;
mod format;
mod open_error;
mod platform;
mod report;
#[cfg(test)]
mod samples;
#[cfg(all(test, unix))]
mod tests;
mod words;
mod writer;

pub(crate) use self::{
    file::LastWordsFile,
    open_error::{OpenError, Refused},
    platform::boot_id,
    report::Report,
    words::{Ended, LastWords, Memory, OpenRoot, Panic, Process},
    writer::{Source, Writer},
};
