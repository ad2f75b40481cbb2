//! Hashes that are the same in each process and in each build.
//!
//! The hashers of the standard library promise neither.

/// A hash of texts: FNV-1a with 64 bits.
///
/// Programs choose these texts, and clients choose parts of them. A client that finds two texts with the same hash mixes
/// two groups of errors, and nothing else.
#[derive(Debug, Clone, Copy)]
pub(in crate::recorder) struct Fingerprint(u64);

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The byte after each text.
///
/// No text contains it, because it is invalid in UTF-8.
const END: u8 = 0xff;

impl Fingerprint {
    pub(in crate::recorder) fn new() -> Self {
        Self(OFFSET)
    }

    pub(in crate::recorder) fn of(texts: &[&str]) -> Self {
        texts.iter().fold(Self::new(), |hash, text| hash.text(text))
    }

    pub(in crate::recorder) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes()).bytes(&[END])
    }

    pub(in crate::recorder) fn number(self, number: u32) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    pub(in crate::recorder) fn bytes(self, bytes: &[u8]) -> Self {
        let add = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        Self(bytes.iter().fold(self.0, add))
    }

    pub(in crate::recorder) fn value(self) -> u64 {
        self.0
    }

    /// Half of the bits, where 64 take too much memory.
    pub(in crate::recorder) fn short(self) -> u32 {
        (self.0 ^ (self.0 >> 32)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the authors of FNV.
    #[test]
    fn hash_is_fnv_1a() {
        for (text, expected) in [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            let hash = Fingerprint::new().bytes(text.as_bytes());
            assert_eq!(hash.value(), expected, "{text}");
        }
    }

    #[test]
    fn ends_of_texts_count() {
        let hash = |texts: &[&str]| Fingerprint::of(texts).value();
        assert_ne!(hash(&["a", "bc"]), hash(&["ab", "c"]));
        assert_ne!(hash(&["a"]), hash(&["a", ""]));
    }
}
