//! The checks of the fuzz targets with pseudo-random inputs, the same in each run.

use arbitrary::{Arbitrary as _, Unstructured};
use fuzz::Input;

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
