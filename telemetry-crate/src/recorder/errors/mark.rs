//! The last error of a local root, with which the next one is compared.

use super::{fingerprint::Fingerprint, occurrence::Occurrence};
use crate::values::prefix;

/// The longest end of a text that is remembered, in bytes.
const MAX_END: usize = 256;

/// The longest start of a text in which the last text is searched, in bytes.
const MAX_SEARCHED: usize = 1024;

/// The last error that counted in a local root.
///
/// An error that is logged again on its way up has the same text, with the errors that it caused in front and its causes
/// behind: `no order: cannot save: disk full`. From the place of the last error itself, it is another occurrence, as in a
/// loop. An error that is returned with another text, such as `no order` alone, counts again: it may be another one.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::recorder) struct Mark {
    place: u32,
    /// The hash of the end of the text.
    text: u32,
    /// The length of this end in bytes.
    length: u16,
    has_error: bool,
}

impl Mark {
    /// Whether an error has counted.
    pub(in crate::recorder) fn has_error(self) -> bool {
        self.has_error
    }

    /// Marks that an error counts that has no text of its own.
    ///
    /// Returns `false` if an error has counted before.
    pub(in crate::recorder) fn set_first(&mut self) -> bool {
        !std::mem::replace(&mut self.has_error, true)
    }

    /// Marks an error; returns `false` if it is the last one again.
    pub(in crate::recorder) fn set(&mut self, error: &Occurrence<'_>) -> bool {
        let text = error.text().as_bytes();
        let place = hash(&error.place_key().to_le_bytes());
        if self.length > 0 && self.place != place && self.is_in(error.text()) {
            return false;
        }
        let end = &text[text.len().saturating_sub(MAX_END)..];
        *self = Self {
            place,
            text: hash(end),
            length: end.len() as u16,
            has_error: true,
        };
        true
    }

    /// Whether a text has the text of the last error.
    ///
    /// It is at the end, or one of the parts between colons.
    fn is_in(self, text: &str) -> bool {
        let length = usize::from(self.length);
        let bytes = text.as_bytes();
        let end = bytes.len().checked_sub(length);
        let later = prefix(text, MAX_SEARCHED).match_indices(": ");
        let starts = later.map(|(colon, _)| colon + 2);
        let mut starts = std::iter::once(0).chain(starts);
        let is_at = |start: usize| {
            let rest = bytes.get(start..).unwrap_or_default();
            let part = rest.split_at_checked(length);
            part.is_some_and(|(part, rest)| {
                (rest.is_empty() || rest.starts_with(b": ")) && hash(part) == self.text
            })
        };
        end.is_some_and(is_at) || starts.any(is_at)
    }
}

fn hash(bytes: &[u8]) -> u32 {
    Fingerprint::new().bytes(bytes).short()
}
