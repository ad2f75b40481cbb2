//! A field whose value is a part of a longer text.

use std::ops::Range;

/// The name of a field, and its value as a range of the text of all fields.
#[derive(Debug, Clone)]
pub(crate) struct TextField<N> {
    pub(crate) name: N,
    pub(crate) text: Range<usize>,
    pub(crate) kind: Kind,
}

/// The notation of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A number or a boolean, which JSON shows without quotation marks.
    Bare,
    Text,
    /// The message of the event, which is not a field.
    Message,
}
