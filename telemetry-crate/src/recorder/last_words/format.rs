//! The layout of the file: a header, two heartbeats, and two areas.
//!
//! | offset | bytes | content |
//! | --- | --- | --- |
//! | 0 | 28 | magic, version, size of the file, checksum |
//! | 1024, 2048 | 44 each | heartbeats, written in turn |
//! | 4096, 67584 | 63488 each | areas, written in turn: generation, heartbeat, length, checksum, payload |
//!
//! Numbers are little-endian. A heartbeat belongs to the area of its generation. The newest whole area counts.

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{LastWords, Memory, codec};
use crate::proto::nanos;

/// The size of the file in bytes.
pub(super) const FILE_SIZE: u64 = 128 * 1024;

/// The offsets of the heartbeats, each in a sector of its own.
const BEATS: [usize; 2] = [1024, 2048];
const BEAT: usize = 44;

const AREAS: [usize; 2] = [4096, 4096 + AREA];
const AREA: usize = 62 * 1024;
const AREA_HEADER: usize = 40;

/// The maximum length of an area's payload in bytes.
pub(super) const MAX_PAYLOAD: usize = AREA - AREA_HEADER;

const _: () = assert!(AREAS[1] + AREA == FILE_SIZE as usize);

const MAGIC: &[u8; 16] = b"firstlight\0last\n";
const VERSION: u32 = 1;

/// The values that are written with each heartbeat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Beat {
    pub(super) time: SystemTime,
    pub(super) memory: Option<Memory>,
}

/// What the bytes of an existing file are.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// An empty file.
    Nothing,
    /// Last words, with the generation of their area.
    Words(u64, Box<LastWords>),
    /// A file of firstlight without a whole area.
    Torn(&'static str),
    /// A file of another version of firstlight.
    OtherVersion { version: u32, expected: u32 },
    /// Another file.
    Foreign,
}

/// The first bytes of the file.
pub(super) fn header() -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.extend(VERSION.to_le_bytes());
    header.extend((FILE_SIZE as u32).to_le_bytes());
    seal(&mut header, &[]);
    header
}

/// Writes a whole area into `out`, and returns its offset.
pub(super) fn area(generation: u64, beat: Beat, payload: &[u8], out: &mut Vec<u8>) -> u64 {
    out.clear();
    out.extend(generation.to_le_bytes());
    put_beat(beat, out);
    out.extend((payload.len() as u32).to_le_bytes());
    seal(out, payload);
    out.extend(payload);
    AREAS[(generation % 2) as usize] as u64
}

/// A heartbeat and its offset.
pub(super) fn beat(sequence: u64, generation: u64, beat: Beat) -> (Vec<u8>, u64) {
    let mut out = Vec::with_capacity(BEAT);
    out.extend(sequence.to_le_bytes());
    out.extend(generation.to_le_bytes());
    put_beat(beat, &mut out);
    seal(&mut out, &[]);
    (out, BEATS[(sequence % 2) as usize] as u64)
}

/// Finds out what the bytes of a file are.
///
/// The bytes end after [`FILE_SIZE`] and one byte more.
pub(super) fn examine(file: &[u8]) -> Found {
    if file.is_empty() {
        return Found::Nothing;
    }
    let Some(rest) = file.strip_prefix(MAGIC) else {
        // A crash of the machine leaves zeros of a file whose content was not yet on the disk.
        let is_torn = file.len() as u64 <= FILE_SIZE && file.iter().all(|byte| *byte == 0);
        return if is_torn {
            Found::Torn("it has only zeros")
        } else {
            Found::Foreign
        };
    };
    match rest.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)) {
        None => return Found::Torn("its header is not whole"),
        Some(VERSION) => {}
        Some(version) => {
            return Found::OtherVersion {
                version,
                expected: VERSION,
            };
        }
    }
    if !file.starts_with(&header()) {
        return Found::Torn("its header is damaged");
    }
    let mut areas: Vec<_> = AREAS.iter().filter_map(|at| read_area(file, *at)).collect();
    areas.sort_by_key(|(generation, ..)| *generation);
    while let Some((generation, area_beat, payload)) = areas.pop() {
        if let Some(mut words) = codec::decode(payload) {
            let beat = newest_beat(file, generation).unwrap_or(area_beat);
            (words.heartbeat, words.memory) = (beat.time, beat.memory);
            return Found::Words(generation, Box::new(words));
        }
    }
    Found::Torn("none of its two areas is whole")
}

fn read_area(file: &[u8], at: usize) -> Option<(u64, Beat, &[u8])> {
    let area = file.get(at..)?;
    let (header, rest) = area.split_at_checked(AREA_HEADER)?;
    let length = u32_at(header, AREA_HEADER - 8)? as usize;
    let payload = rest.get(..length.min(MAX_PAYLOAD + 1))?;
    let is_whole = length <= MAX_PAYLOAD && is_sealed(header, payload);
    is_whole.then_some((u64_at(header, 0)?, beat_at(header, 8)?, payload))
}

/// The newest whole heartbeat of the generation.
fn newest_beat(file: &[u8], generation: u64) -> Option<Beat> {
    let beats = BEATS.iter().filter_map(|at| {
        let bytes = file.get(*at..at + BEAT)?;
        let is_whole = is_sealed(bytes, &[]) && u64_at(bytes, 8)? == generation;
        is_whole.then_some((u64_at(bytes, 0)?, beat_at(bytes, 16)?))
    });
    let newest = beats.max_by_key(|(sequence, _)| *sequence)?;
    Some(newest.1)
}

/// Appends the checksum of what is in `out` and of `payload`.
fn seal(out: &mut Vec<u8>, payload: &[u8]) {
    let checksum = checksum(out, payload);
    out.extend(checksum.to_le_bytes());
}

/// Whether the last four bytes of `sealed` are the right checksum.
fn is_sealed(sealed: &[u8], payload: &[u8]) -> bool {
    let Some((bytes, found)) = sealed.split_last_chunk::<4>() else {
        return false;
    };
    u32::from_le_bytes(*found) == checksum(bytes, payload)
}

fn checksum(bytes: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytes);
    hasher.update(payload);
    hasher.finalize()
}

/// The number that stands for an unknown memory or limit.
const UNKNOWN: u64 = u64::MAX;

fn put_beat(beat: Beat, out: &mut Vec<u8>) {
    let used = beat.memory.map(|memory| memory.used);
    let limit = beat.memory.and_then(|memory| memory.limit);
    out.extend(nanos(beat.time).to_le_bytes());
    out.extend(used.unwrap_or(UNKNOWN).to_le_bytes());
    out.extend(limit.unwrap_or(UNKNOWN).to_le_bytes());
}

fn beat_at(bytes: &[u8], at: usize) -> Option<Beat> {
    let known = |value: u64| (value != UNKNOWN).then_some(value);
    let (used, limit) = (u64_at(bytes, at + 8)?, known(u64_at(bytes, at + 16)?));
    Some(Beat {
        time: time_of(u64_at(bytes, at)?),
        memory: known(used).map(|used| Memory { used, limit }),
    })
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

/// The time of a number of nanoseconds since the Unix epoch.
pub(super) fn time_of(nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos)
}
