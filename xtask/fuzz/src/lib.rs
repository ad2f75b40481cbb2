//! Fuzz targets, of which this file has the one for the file of the last words.
//!
//! The next start of a service reads it, whatever is in it. The files under test are compiled again here. Without a
//! fuzzer, `tests/seeded.rs` runs the same checks with pseudo-random inputs on any compiler.
//!
//! The other targets are in the library, in `fuzzing.rs`. The book's page about fuzzing says how to run all of them.

mod damage;
mod input;

#[expect(dead_code, reason = "the fuzz targets use a part of the file")]
#[path = "../../../telemetry-crate/src/values/text.rs"]
mod text;

#[path = "../../../telemetry-crate/src/recorder/last_words/codec.rs"]
mod codec;
#[path = "../../../telemetry-crate/src/recorder/last_words/format.rs"]
mod format;
#[expect(dead_code, reason = "the fuzz targets use a part of the file")]
#[path = "../../../telemetry-crate/src/recorder/last_words/words.rs"]
mod words;

/// Takes the place of the library's module.
mod values {
    pub(crate) use crate::text::prefix;
}

/// Takes the place of the library's module, most of which is for OTLP.
mod proto {
    use std::time::{SystemTime, UNIX_EPOCH};

    pub(crate) fn nanos(time: SystemTime) -> u64 {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

use words::{Ended, LastWords, Memory, OpenRoot, Panic, Process};

pub use self::input::Input;

/// The largest encoding of the process and its end, in bytes.
const MAX_HEAD: usize = 6 * 1024;

/// Runs all checks on one input.
///
/// # Panics
///
/// If the library breaks a promise.
pub fn check(input: Input<'_>) {
    match input {
        Input::Payload(payload) => decode(payload),
        Input::Words(words, limit, damage) => {
            let mut payload = Vec::new();
            codec::encode(&words.0, limit.into(), &mut payload);
            assert!(payload.len() <= MAX_HEAD.max(limit.into()));
            assert!(codec::decode(&payload).is_some(), "its own encoding");
            damage.iter().for_each(|damage| damage.apply(&mut payload));
            decode(&payload);
        }
        Input::File(writes, damage) => file(&writes, &damage),
        Input::Foreign(bytes) => {
            format::examine(bytes);
        }
    }
}

/// Reads a file as the next start of a service does.
///
/// Returns whether it has last words.
pub fn has_words(file: &[u8]) -> bool {
    matches!(format::examine(file), format::Found::Words(..))
}

/// Decodes any bytes.
fn decode(payload: &[u8]) {
    let Some(words) = codec::decode(payload) else {
        return;
    };
    // What is decoded is bounded by the input.
    let lines: usize = words.lines.iter().map(|line| 2 + line.len()).sum();
    let roots: usize = words.open.iter().map(|root| 36 + root.name.len()).sum();
    let all = lines + roots + 8 * words.fingerprints.len();
    assert!(all <= payload.len(), "{all} of {}", payload.len());
    // What fits once fits again.
    let again = encoded_and_decoded(&words);
    assert_eq!(encoded_and_decoded(&again), again);
}

fn encoded_and_decoded(words: &LastWords) -> LastWords {
    let mut payload = Vec::new();
    codec::encode(words, format::MAX_PAYLOAD, &mut payload);
    assert!(payload.len() <= format::MAX_PAYLOAD);
    codec::decode(&payload).expect("an encoding is decoded")
}

/// Writes areas and heartbeats as a process does, damages the file, and reads it.
fn file(writes: &[input::Write], damages: &[damage::Damage]) {
    let mut file = format::header();
    file.resize(format::FILE_SIZE as usize, 0);
    // The last whole area of each place.
    let mut whole: [Option<(u64, LastWords)>; 2] = [None, None];
    for write in writes {
        let (bytes, offset) = match write {
            input::Write::Area { generation, words } => {
                let words = encoded_and_decoded(&words.0);
                let mut payload = Vec::new();
                codec::encode(&words, format::MAX_PAYLOAD, &mut payload);
                let mut bytes = Vec::new();
                let offset = format::area(*generation, write.beat(), &payload, &mut bytes);
                whole[(generation % 2) as usize] = Some((*generation, words));
                (bytes, offset)
            }
            input::Write::Beat {
                sequence,
                generation,
                ..
            } => format::beat(*sequence, *generation, write.beat()),
        };
        let offset = offset as usize;
        file[offset..offset + bytes.len()].copy_from_slice(&bytes);
    }
    damages.iter().for_each(|damage| damage.apply(&mut file));
    let newest = whole.iter().flatten().max_by_key(|(number, _)| *number);
    match (format::examine(&file), newest) {
        (format::Found::Words(generation, found), _) => {
            let mut written = whole.iter().flatten();
            let written = written.find(|(number, words)| {
                let mut words = words.clone();
                (words.heartbeat, words.memory) = (found.heartbeat, found.memory);
                *number == generation && words == *found
            });
            assert!(written.is_some(), "never written: {generation} {found:?}");
            let is_newest = newest.is_some_and(|(number, _)| *number == generation);
            assert!(is_newest || !damages.is_empty(), "{generation} is older");
        }
        (found, Some(_)) => assert!(!damages.is_empty(), "{found:?}"),
        (_, None) => {}
    }
}
