#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::recorder::last_words::samples::{Random, at, full, open_root, process};

fn encoded(words: &LastWords, limit: usize) -> Vec<u8> {
    let mut out = Vec::new();
    encode(words, limit, &mut out);
    out
}

/// Encodes and decodes.
fn kept(words: &LastWords, limit: usize) -> LastWords {
    let encoded = encoded(words, limit);
    assert!(encoded.len() <= limit, "{} > {limit}", encoded.len());
    let mut kept = decode(&encoded).unwrap();
    (kept.heartbeat, kept.memory) = (words.heartbeat, words.memory);
    kept
}

#[test]
fn all_fields_survive() {
    let words = full();
    assert_eq!(kept(&words, 63_000), words);
    let empty = LastWords::new(process(), at(1));
    assert_eq!(kept(&empty, 63_000), empty);
    let clean = LastWords {
        ended: Ended::Clean { at: at(9) },
        ..empty
    };
    assert_eq!(kept(&clean, 63_000), clean);
    let Ended::Panic(panic) = full().ended else {
        unreachable!("the sample has ended in a panic");
    };
    let failed = LastWords {
        ended: Ended::Failed(panic),
        ..clean
    };
    assert_eq!(kept(&failed, 63_000), failed);
}

#[test]
fn oldest_roots_and_newest_lines_are_kept() {
    let words = LastWords {
        open: (0..3000).rev().map(open_root).collect(),
        lines: (0..3000_u32)
            .map(|number| number.to_string().repeat(20).into_bytes())
            .collect(),
        fingerprints: (0..3000).collect(),
        ..full()
    };
    let kept = kept(&words, 40_000);
    let last = kept.open.len();
    assert!(last > 100, "{last}");
    let numbers = kept.open.iter().zip(0..);
    assert!(
        numbers
            .into_iter()
            .all(|(root, number)| *root == open_root(number))
    );
    assert_eq!(kept.open_left_out, 2 + 3000 - last as u64);
    assert!(kept.lines.len() > 100);
    assert!(words.lines.ends_with(&kept.lines));
    assert_eq!(kept.fingerprints.len(), MAX_ITEMS);
    assert!(words.fingerprints.ends_with(&kept.fingerprints));
}

#[test]
fn room_without_roots_is_for_lines() {
    let words = LastWords {
        lines: vec![vec![b'x'; 10_000]; 5],
        fingerprints: Vec::new(),
        open: Vec::new(),
        ..full()
    };
    assert_eq!(kept(&words, 63_000).lines.len(), 5);
    assert_eq!(kept(&words, 33_000).lines.len(), 3);
}

#[test]
fn long_values_are_cut() {
    let long = "ä".repeat(40_000);
    let panic = Panic {
        at: at(1),
        message: long.clone(),
    };
    let root = OpenRoot {
        name: long.clone(),
        deepest: long.clone(),
        ..open_root(1)
    };
    let words = LastWords {
        process: Process {
            service: long.clone(),
            version: long.clone(),
            revision: long.clone(),
            instance: long.clone(),
            ..process()
        },
        ended: Ended::Panic(panic.clone()),
        survived_panic: Some(panic),
        open: vec![root; 2000],
        lines: vec![long.into_bytes(); 2000],
        fingerprints: vec![1; 2000],
        ..full()
    };
    let kept = kept(&words, 63_000);
    assert_eq!(kept.process.service, "ä".repeat(MAX_NAME / 2));
    assert_eq!(kept.open[0].name, "ä".repeat(MAX_NAME / 2));
    assert_eq!(kept.lines[0].len(), MAX_LINE);
    let mut alone = Vec::new();
    encode(&words, 0, &mut alone);
    assert!(alone.len() <= 6 * 1024, "{}", alone.len());
}

#[test]
fn every_shorter_payload_is_rejected() {
    let payload = encoded(&full(), 63_000);
    for length in 0..payload.len() {
        assert_eq!(decode(&payload[..length]), None, "{length}");
    }
    let longer = [&payload[..], b"\0"].concat();
    assert_eq!(decode(&longer), None);
}

#[test]
fn any_bytes_are_decoded_or_rejected() {
    let payload = encoded(&full(), 63_000);
    let mut random = Random(1);
    let (mut decoded, mut rejected) = (0, 0);
    for round in 0..120_000 {
        let mut bytes = if round % 4 == 0 {
            let length = random.below(600);
            (0..length).map(|_| random.next() as u8).collect()
        } else {
            payload.clone()
        };
        for _ in 0..random.below(4) {
            mutate(&mut bytes, &mut random);
        }
        match decode(&bytes) {
            Some(words) => {
                decoded += 1;
                // Decoded words are bounded by the input, and can be encoded again.
                let items = words.lines.len() + words.open.len() + words.fingerprints.len();
                assert!(items <= 3 * MAX_ITEMS);
                let lines: usize = words.lines.iter().map(Vec::len).sum();
                assert!(lines <= bytes.len());
                assert!(decode(&encoded(&words, 63_000)).is_some());
            }
            None => rejected += 1,
        }
    }
    assert!(decoded > 1000 && rejected > 1000, "{decoded}, {rejected}");
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    if bytes.is_empty() {
        return;
    }
    let at = random.below(bytes.len());
    match random.below(5) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.next() as u8,
        2 => bytes.truncate(at),
        3 => bytes.insert(at, random.next() as u8),
        _ => {
            bytes[at] = 0xff;
            if let Some(next) = bytes.get_mut(at + 1) {
                *next = 0xff;
            }
        }
    }
}
