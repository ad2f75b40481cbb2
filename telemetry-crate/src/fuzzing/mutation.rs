//! Inputs that are near the seeds, which a parser reads further than random bytes.

use proptest::{collection::vec, prelude::*, sample::Index};

/// One change of a seed.
#[derive(Debug, Clone)]
pub(super) enum Mutation {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Cut(Index, usize),
    /// Repeats a part, which makes an input long.
    Repeat(Index, usize, usize),
    /// Inserts a part of another seed.
    Splice(Index, Index, Index),
}

/// Bytes that end, begin or escape something in most formats.
const DELIMITERS: &[u8] = b"\0\x01\x02\t\n\r \"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\x7f\x80\xc3\xff";

fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), proptest::sample::select(DELIMITERS)]
}

/// A few changes, in order.
pub(super) fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let at = any::<Index>;
    let mutation = prop_oneof![
        3 => (at(), byte()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        3 => (at(), vec(byte(), 1..8)).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        2 => (at(), 1..40_usize).prop_map(|(at, length)| Mutation::Cut(at, length)),
        1 => (at(), 1..40_usize, 1..300_usize).prop_map(|(at, length, times)| Mutation::Repeat(at, length, times)),
        2 => (at(), at(), at()).prop_map(|(at, seed, part)| Mutation::Splice(at, seed, part)),
    ];
    vec(mutation, 0..8)
}

/// Applies changes to one of the seeds.
pub(super) fn mutated(seeds: &[Vec<u8>], seed: Index, mutations: &[Mutation]) -> Vec<u8> {
    let mut bytes = seed.get(seeds).clone();
    for mutation in mutations {
        let place = |at: &Index| at.index(bytes.len() + 1);
        match mutation {
            Mutation::Set(at, byte) => {
                let at = place(at);
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
            Mutation::Insert(at, new) => {
                let at = place(at);
                bytes.splice(at..at, new.iter().copied());
            }
            Mutation::Cut(at, length) => {
                let at = place(at);
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Mutation::Repeat(at, length, times) => {
                let at = place(at);
                let part = bytes[at..(at + length).min(bytes.len())].repeat(*times);
                bytes.splice(at..at, part);
            }
            Mutation::Splice(at, seed, part) => {
                let at = place(at);
                let other = seed.get(seeds);
                let start = part.index(other.len() + 1);
                bytes.splice(at..at, other[start..].iter().copied().take(200));
            }
        }
    }
    bytes
}
