//! Short texts without an allocation.

use std::hash::{Hash, Hasher};

use crate::values::prefix;

/// A text of at most `N` bytes; a longer text is truncated at a character.
#[derive(Clone, Copy)]
pub(super) struct ShortText<const N: usize> {
    length: u8,
    bytes: [u8; N],
}

impl<const N: usize> ShortText<N> {
    pub(super) const EMPTY: Self = Self {
        length: 0,
        bytes: [0; N],
    };

    pub(super) fn new(text: &str) -> Self {
        let mut short = Self::EMPTY;
        short.push(text);
        short
    }

    /// Appends as much of `text` as fits.
    pub(super) fn push(&mut self, text: &str) {
        let start = usize::from(self.length);
        let text = prefix(text, N - start);
        self.bytes[start..start + text.len()].copy_from_slice(text.as_bytes());
        self.length += text.len() as u8;
    }

    /// The length in bytes.
    pub(super) fn len(&self) -> usize {
        self.length.into()
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }

    /// Whether this is the whole of `text`.
    ///
    /// Cheaper than a comparison with [`as_str`](Self::as_str).
    pub(super) fn is(&self, text: &str) -> bool {
        self.as_bytes() == text.as_bytes()
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl<const N: usize> PartialEq for ShortText<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<const N: usize> Eq for ShortText<N> {}

impl<const N: usize> Hash for ShortText<N> {
    /// Without the unused bytes, which would cost more than the text.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.as_bytes());
    }
}

impl<const N: usize> std::fmt::Debug for ShortText<N> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_end_at_a_character() {
        let mut text = ShortText::<8>::new("GET");
        text.push(" /ööö");
        assert_eq!(text.as_str(), "GET /ö");
        text.push("more");
        assert_eq!(text.as_str().len(), 8);
    }
}
