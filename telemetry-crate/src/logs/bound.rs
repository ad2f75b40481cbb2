//! The limit on the length of a log line.
//!
//! Docker's `json-file` and containerd split a line after 16 KiB, and a log shipper then receives two records, neither of
//! which is JSON. A longer line is therefore written again with a shorter target and message, and with shorter values, down
//! to 64 bytes each. If the line is still too long, the fields that do not fit are left out, first the fields of the
//! outermost spans, and the line states their number.

#[cfg(test)]
mod tests;

use crate::values::TRUNCATION_MARK;

/// Maximum length of a line in bytes, including its newline.
pub(super) const MAX_LINE: usize = 16 * 1024;

/// Maximum length of a constant text, such as the service's name, in bytes.
pub(super) const MAX_CONSTANT: usize = 1024;

/// Bytes reserved after the fields.
///
/// The bytes hold the number of dropped fields and the end of the line, and in the pretty format also the trace id.
const TRAILER_BYTES: usize = 128;

/// Maximum length of each part of a line in bytes, after escaping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineLimits {
    pub(super) target: usize,
    pub(super) message: usize,
    pub(super) value: usize,
    /// The last position in the line, in bytes, at which a field may end.
    pub(super) fields: usize,
}

impl LineLimits {
    pub(super) const UNLIMITED: Self = Self {
        target: usize::MAX,
        message: usize::MAX,
        value: usize::MAX,
        fields: usize::MAX,
    };

    /// Limits with which a line without fields always fits.
    const LIMITED: Self = Self {
        target: 1024,
        message: 8 * 1024,
        ..Self::UNLIMITED
    };
}

/// The limits on each value, in bytes, tried in this order until the line fits.
const VALUE_LIMITS: [usize; 7] = [4096, 2048, 1024, 512, 256, 128, 64];

/// Whether a line has all fields and values in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IsComplete(pub(super) bool);

/// Writes a line of at most [`MAX_LINE`] bytes.
pub(super) fn write_bounded(
    out: &mut Vec<u8>,
    mut write: impl FnMut(&mut Vec<u8>, LineLimits) -> IsComplete,
) -> IsComplete {
    out.clear();
    let is_complete = write(out, LineLimits::UNLIMITED);
    if out.len() <= MAX_LINE {
        return is_complete;
    }
    write_shortened(out, write);
    IsComplete(false)
}

#[cold]
fn write_shortened(
    out: &mut Vec<u8>,
    mut write: impl FnMut(&mut Vec<u8>, LineLimits) -> IsComplete,
) {
    let mut limits = LineLimits::LIMITED;
    for value in VALUE_LIMITS {
        limits.value = value;
        out.clear();
        write(out, limits);
        if out.len() <= MAX_LINE {
            return;
        }
    }
    limits.fields = MAX_LINE - TRAILER_BYTES;
    out.clear();
    write(out, limits);
}

/// Writes `text` with `escape`, truncated to `bytes` bytes after escaping.
#[inline]
pub(super) fn write_truncated(
    out: &mut Vec<u8>,
    text: &str,
    bytes: usize,
    escape: impl Fn(&mut Vec<u8>, &str),
) {
    // The usual case.
    if bytes == usize::MAX {
        escape(out, text);
    } else {
        write_limited(out, text, bytes, escape);
    }
}

fn write_limited(out: &mut Vec<u8>, text: &str, bytes: usize, escape: impl Fn(&mut Vec<u8>, &str)) {
    let start = out.len();
    // Escaping never makes a text shorter, so a longer text does not fit.
    if text.len() <= bytes {
        escape(out, text);
        if out.len() - start <= bytes {
            return;
        }
        out.truncate(start);
    }
    let end = start + bytes.saturating_sub(TRUNCATION_MARK.len());
    for (index, character) in text.char_indices() {
        let last = out.len();
        escape(out, &text[index..index + character.len_utf8()]);
        if out.len() > end {
            out.truncate(last);
            break;
        }
    }
    out.extend_from_slice(TRUNCATION_MARK.as_bytes());
}
