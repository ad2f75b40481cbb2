#![expect(clippy::panic, reason = "tests")]

use super::*;
use crate::recorder::last_words::samples::{Random, at, full};

fn beat_of(words: &LastWords) -> Beat {
    Beat {
        time: words.heartbeat,
        memory: words.memory,
    }
}

/// Last words that can be told from those of other generations.
fn words_of(generation: u64) -> LastWords {
    LastWords {
        heartbeat: at(generation),
        lines: vec![format!("of generation {generation}").into_bytes(); 30],
        ..full()
    }
}

/// Writes the area of a generation, up to `length` bytes.
fn write_area(file: &mut [u8], generation: u64, length: usize) -> usize {
    let words = words_of(generation);
    let (mut payload, mut bytes) = (Vec::new(), Vec::new());
    codec::encode(&words, MAX_PAYLOAD, &mut payload);
    let offset = area(generation, beat_of(&words), &payload, &mut bytes) as usize;
    let length = length.min(bytes.len());
    file[offset..offset + length].copy_from_slice(&bytes[..length]);
    bytes.len()
}

fn write_beat(file: &mut [u8], sequence: u64, generation: u64, time: SystemTime) {
    let memory = None;
    let (bytes, offset) = beat(sequence, generation, Beat { time, memory });
    file[offset as usize..][..bytes.len()].copy_from_slice(&bytes);
}

fn new_file() -> Vec<u8> {
    let mut file = header();
    file.resize(FILE_SIZE as usize, 0);
    file
}

fn found(file: &[u8]) -> (u64, LastWords) {
    match examine(file) {
        Found::Words(generation, words) => (generation, *words),
        found => panic!("{found:?}"),
    }
}

#[test]
fn newest_area_counts() {
    let mut file = new_file();
    for generation in 1..5 {
        write_area(&mut file, generation, usize::MAX);
        assert_eq!(found(&file), (generation, words_of(generation)));
    }
}

#[test]
fn area_torn_at_any_byte_leaves_the_other() {
    let mut file = new_file();
    let length = write_area(&mut file, 1, usize::MAX);
    write_area(&mut file, 2, usize::MAX);
    for torn in 0..length {
        let mut file = file.clone();
        write_area(&mut file, 3, torn);
        assert_eq!(found(&file), (2, words_of(2)), "{torn}");
    }
}

#[test]
fn newest_beat_of_the_area_counts() {
    let mut file = new_file();
    write_area(&mut file, 1, usize::MAX);
    write_beat(&mut file, 1, 1, at(500));
    write_beat(&mut file, 2, 1, at(501));
    assert_eq!(found(&file).1.heartbeat, at(501));
    assert_eq!(found(&file).1.memory, None);
    // A torn heartbeat leaves the other.
    file[BEATS[0] + 20] ^= 1;
    assert_eq!(found(&file).1.heartbeat, at(500));
    // A heartbeat of an older area is older than the area.
    write_area(&mut file, 2, usize::MAX);
    assert_eq!(found(&file).1.heartbeat, words_of(2).heartbeat);
}

#[test]
fn other_content_is_told_apart() {
    assert_eq!(examine(b""), Found::Nothing);
    assert_eq!(examine(b"key = 1\n"), Found::Foreign);
    assert_eq!(examine(&[0; 100]), Found::Torn("it has only zeros"));
    assert_eq!(examine(&vec![0; FILE_SIZE as usize + 1]), Found::Foreign);
    assert_eq!(examine(MAGIC), Found::Torn("its header is not whole"));
    let torn = Found::Torn("none of its two areas is whole");
    assert_eq!(examine(&new_file()), torn);
    assert_eq!(examine(&header()), torn);
    let mut file = new_file();
    file[24] ^= 1;
    assert_eq!(examine(&file), Found::Torn("its header is damaged"));
    file[16] = 9;
    let newer = Found::OtherVersion {
        version: 9,
        expected: VERSION,
    };
    assert_eq!(examine(&file), newer);
}

#[test]
fn any_damage_is_survived() {
    let mut whole = new_file();
    write_area(&mut whole, 1, usize::MAX);
    write_area(&mut whole, 2, usize::MAX);
    write_beat(&mut whole, 1, 2, at(500));
    let mut random = Random(2);
    for _ in 0..5_000 {
        let mut file = whole.clone();
        for _ in 0..=random.below(8) {
            // Most bytes are zeros, so damage is aimed at the others.
            let start = [0, BEATS[0], BEATS[1], AREAS[0], AREAS[1]][random.below(5)];
            file[start + random.below(64)] = random.next() as u8;
        }
        if random.below(3) == 0 {
            file.truncate(random.below(FILE_SIZE as usize));
        }
        if let Found::Words(generation, words) = examine(&file) {
            assert_eq!(words.lines, words_of(generation).lines);
        }
    }
}

/// The checksum of another content may be right by chance.
#[test]
fn sealed_garbage_leaves_the_other_area() {
    let mut file = new_file();
    write_area(&mut file, 1, usize::MAX);
    let mut bytes = Vec::new();
    let offset = area(2, beat_of(&full()), b"garbage", &mut bytes) as usize;
    file[offset..offset + bytes.len()].copy_from_slice(&bytes);
    assert_eq!(found(&file), (1, words_of(1)));
}
