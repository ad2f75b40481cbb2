//! The payload of an area: all fields of [`LastWords`] except the heartbeat.
//!
//! The fields have a fixed order. A text is its length in two bytes and its bytes. A list is its length in two bytes and its items. An optional value is
//! one byte, 0 or 1, and the value.

#[cfg(test)]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Ended, LastWords, OpenRoot, Panic, Process, format::time_of};
use crate::{proto::nanos, values::prefix};

/// Maximum length of a name, a version or an instance id in bytes.
const MAX_NAME: usize = 256;
/// Maximum length of a panic's message in bytes.
const MAX_MESSAGE: usize = 2048;
/// Maximum length of a log line in bytes, which is the maximum of the log writer.
const MAX_LINE: usize = 16 * 1024;
/// Maximum number of open roots, of lines and of fingerprints, each.
const MAX_ITEMS: usize = 1024;

/// Encodes into `out` what fits into `limit` bytes.
///
/// The process and the end are always encoded, in at most 6 KiB. The remaining bytes have the newest fingerprints (a
/// quarter of them at most), the oldest open roots (half at most), and the newest log lines.
pub(super) fn encode(words: &LastWords, limit: usize, out: &mut Vec<u8>) {
    out.clear();
    put_process(&words.process, out);
    match &words.ended {
        Ended::Running => out.push(0),
        Ended::Clean { at } => {
            out.push(1);
            put_time(*at, out);
        }
        Ended::Panic(panic) => {
            out.push(2);
            put_panic(panic, out);
        }
        Ended::Failed(error) => {
            out.push(3);
            put_panic(error, out);
        }
    }
    put_option(words.survived_panic.as_ref(), put_panic, out);
    put_option(words.stopping_since, put_time, out);
    put_option(words.stalled_since, put_time, out);

    // Two bytes for the number of each of the three lists, and eight for the open roots that are left out.
    let room = limit.saturating_sub(out.len() + 14);
    let rest = put_fingerprints(&words.fingerprints, room / 4, room, out);
    let rest = put_open(words, room / 2, rest, out);
    put_lines(&words.lines, rest, out);
}

/// Encodes at most `share` bytes of fingerprints.
///
/// Returns what is left of `room`.
fn put_fingerprints(fingerprints: &[u64], share: usize, room: usize, out: &mut Vec<u8>) -> usize {
    let most = MAX_ITEMS.min(share / 8);
    let kept = &fingerprints[fingerprints.len().saturating_sub(most)..];
    put_count(kept.len(), out);
    for fingerprint in kept {
        out.extend(fingerprint.to_le_bytes());
    }
    room - kept.len() * 8
}

/// Encodes at most `share` bytes of open roots.
///
/// Returns what is left of `room`.
fn put_open(words: &LastWords, share: usize, room: usize, out: &mut Vec<u8>) -> usize {
    let mut oldest: Vec<_> = words.open.iter().collect();
    oldest.sort_by_key(|root| root.started);
    let start = out.len();
    put_count(0, out);
    let mut kept = 0;
    for root in oldest.iter().take(MAX_ITEMS) {
        let before = out.len();
        put_root(root, out);
        if out.len() - start - 2 > share {
            out.truncate(before);
            break;
        }
        kept += 1;
    }
    let used = out.len() - start - 2;
    set_count(start, kept, out);
    let left_out = (oldest.len() - kept) as u64;
    out.extend(words.open_left_out.saturating_add(left_out).to_le_bytes());
    room - used
}

/// Encodes at most `room` bytes of lines.
fn put_lines(lines: &[Vec<u8>], room: usize, out: &mut Vec<u8>) {
    let mut used = 0;
    let fits = |line: &&Vec<u8>| {
        used += 2 + line.len().min(MAX_LINE);
        used <= room
    };
    let kept = lines.iter().rev().take(MAX_ITEMS).take_while(fits).count();
    put_count(kept, out);
    for line in &lines[lines.len() - kept..] {
        put_bytes(&line[..line.len().min(MAX_LINE)], out);
    }
}

fn put_process(process: &Process, out: &mut Vec<u8>) {
    out.extend(process.pid.to_le_bytes());
    put_time(process.started, out);
    let put_boot = |boot: u128, out: &mut Vec<u8>| out.extend(boot.to_le_bytes());
    put_option(process.boot, put_boot, out);
    for name in [
        &process.service,
        &process.version,
        &process.revision,
        &process.instance,
    ] {
        put_bytes(prefix(name, MAX_NAME).as_bytes(), out);
    }
}

fn put_root(root: &OpenRoot, out: &mut Vec<u8>) {
    out.extend(root.trace_id);
    put_bytes(prefix(&root.name, MAX_NAME).as_bytes(), out);
    put_time(root.started, out);
    put_bytes(prefix(&root.deepest, MAX_NAME).as_bytes(), out);
    put_time(root.since, out);
}

fn put_panic(panic: &Panic, out: &mut Vec<u8>) {
    put_time(panic.at, out);
    put_bytes(prefix(&panic.message, MAX_MESSAGE).as_bytes(), out);
}

fn put_time(time: SystemTime, out: &mut Vec<u8>) {
    out.extend(nanos(time).to_le_bytes());
}

fn put_option<T>(value: Option<T>, put: impl FnOnce(T, &mut Vec<u8>), out: &mut Vec<u8>) {
    out.push(value.is_some().into());
    if let Some(value) = value {
        put(value, out);
    }
}

/// Writes a number that is at most [`MAX_ITEMS`] or [`MAX_LINE`].
fn put_count(count: usize, out: &mut Vec<u8>) {
    out.extend((count as u16).to_le_bytes());
}

fn set_count(at: usize, count: usize, out: &mut [u8]) {
    out[at..at + 2].copy_from_slice(&(count as u16).to_le_bytes());
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_count(bytes.len(), out);
    out.extend(bytes);
}

/// Decodes a payload. Returns `None` if it is not one that [`encode`] writes.
///
/// The heartbeat and the memory are not part of the payload.
pub(super) fn decode(payload: &[u8]) -> Option<LastWords> {
    let mut input = Input(payload);
    let mut words = LastWords::new(input.process()?, UNIX_EPOCH);
    words.ended = match input.byte()? {
        0 => Ended::Running,
        1 => Ended::Clean { at: input.time()? },
        2 => Ended::Panic(input.panic()?),
        3 => Ended::Failed(input.panic()?),
        _ => return None,
    };
    words.survived_panic = input.option(Input::panic)?;
    words.stopping_since = input.option(Input::time)?;
    words.stalled_since = input.option(Input::time)?;
    words.fingerprints = input.list(|input| input.array().map(u64::from_le_bytes))?;
    words.open = input.list(Input::root)?;
    words.open_left_out = u64::from_le_bytes(input.array()?);
    words.lines = input.list(|input| input.bytes().map(<[u8]>::to_vec))?;
    input.0.is_empty().then_some(words)
}

/// The bytes that are not decoded yet.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn count(&mut self) -> Option<usize> {
        self.array().map(|bytes| u16::from_le_bytes(bytes).into())
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.count()?;
        self.take(length)
    }

    fn text(&mut self) -> Option<String> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).ok().map(str::to_owned)
    }

    fn time(&mut self) -> Option<SystemTime> {
        self.array().map(|bytes| time_of(u64::from_le_bytes(bytes)))
    }

    fn option<T>(&mut self, value: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.byte()? {
            0 => Some(None),
            1 => value(self).map(Some),
            _ => None,
        }
    }

    /// A list of at most [`MAX_ITEMS`].
    ///
    /// The number is checked, because empty items need more memory than they have bytes.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.count().filter(|count| *count <= MAX_ITEMS)?;
        (0..count).map(|_| item(self)).collect()
    }

    fn process(&mut self) -> Option<Process> {
        Some(Process {
            pid: u32::from_le_bytes(self.array()?),
            started: self.time()?,
            boot: self.option(|input| input.array().map(u128::from_le_bytes))?,
            service: self.text()?,
            version: self.text()?,
            revision: self.text()?,
            instance: self.text()?,
        })
    }

    fn panic(&mut self) -> Option<Panic> {
        Some(Panic {
            at: self.time()?,
            message: self.text()?,
        })
    }

    fn root(&mut self) -> Option<OpenRoot> {
        Some(OpenRoot {
            trace_id: self.array()?,
            name: self.text()?,
            started: self.time()?,
            deepest: self.text()?,
            since: self.time()?,
        })
    }
}
