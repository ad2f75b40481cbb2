//! The checks of the target `last_words` without a fuzzer.
//!
//! They run on its seeds and on pseudo-random inputs, the same in each run.

use std::{fs, path::Path};

use arbitrary::{Arbitrary as _, Unstructured};
use fuzz::Input;

/// The size of a file in bytes. A seed has no zeros at its end.
const FILE_SIZE: usize = 128 * 1024;

/// The number of damaged files that are made from each seed.
const DAMAGED: u64 = 1_000;

/// The number of inputs; `FUZZ_ROUNDS` replaces it.
const ROUNDS: u64 = 50_000;

/// The longest input in bytes.
const MAX_BYTES: usize = 2_048;

#[test]
fn last_words_hold_their_promises() {
    let rounds = std::env::var("FUZZ_ROUNDS").map_or(ROUNDS, |rounds| {
        rounds.parse().expect("FUZZ_ROUNDS is a number")
    });
    let mut kinds = [0_u64; 4];
    for seed in 0..rounds {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut bytes = vec![0; random.usize(0..MAX_BYTES)];
        random.fill(&mut bytes);
        // Half of all inputs are text, so that strings are not cut at their first byte.
        if random.bool() {
            bytes.iter_mut().for_each(|byte| *byte &= 0x7f);
        }
        let Ok(input) = Input::arbitrary(&mut Unstructured::new(&bytes)) else {
            continue;
        };
        let kind = match &input {
            Input::Payload(_) => 0,
            Input::Words(..) => 1,
            Input::File(..) => 2,
            Input::Foreign(_) => 3,
        };
        kinds[kind] += 1;
        let is_passed = std::panic::catch_unwind(|| fuzz::check(input)).is_ok();
        assert!(is_passed, "with the seed {seed}");
    }
    println!("{kinds:?} payloads, words, files and foreign files");
    assert!(kinds.iter().all(|count| count * 10 > rounds), "{kinds:?}");
}

#[test]
fn files_of_version_1_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/last_words");
    let mut seeds = 0;
    for seed in fs::read_dir(&folder).expect("the folder of the seeds") {
        let seed = seed.expect("a seed").path();
        let mut file = fs::read(&seed).expect("a seed");
        let written = file.len();
        file.resize(FILE_SIZE, 0);
        assert!(fuzz::has_words(&file), "{}", seed.display());
        seeds += 1;
        for number in 0..DAMAGED {
            let mut random = fastrand::Rng::with_seed(number);
            let mut damaged = file.clone();
            for _ in 0..random.usize(1..8) {
                damaged[random.usize(..written)] = random.u8(..);
            }
            damaged.truncate(match random.bool() {
                true => random.usize(..written),
                false => FILE_SIZE,
            });
            fuzz::has_words(&damaged);
            fuzz::check(Input::Payload(&damaged[random.usize(..damaged.len().max(1))..]));
        }
    }
    assert!(seeds > 4, "{seeds} seeds");
}
