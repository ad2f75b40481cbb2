//! How long a line may be, and what of one that is longer goes out.
//!
//! Docker's `json-file` and containerd split a line after 16 KiB, and shippers cut it there: what arrives is two records, of
//! which neither is JSON. So a line that would be longer is written again with less of each value, down to 64 bytes; if it
//! is still too long then, it has so many fields that the outermost are left out, and says how many.

#[cfg(test)]
mod tests;

/// Bytes of a line, with its newline.
pub(super) const MAX_LINE: usize = 16 * 1024;

/// What a value ends in that is longer.
pub(super) const CUT: &str = "...[truncated]";

/// Bytes of a text that never changes, such as the service's name.
pub(super) const MAX_CONSTANT: usize = 1024;

/// Room for what stands behind the fields: their number, ids, the end of the line.
const BEHIND: usize = 128;

/// How much of each part of a line is written, in bytes on the line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) target: usize,
    pub(super) message: usize,
    pub(super) value: usize,
    /// Where the last field has to end.
    pub(super) fields: usize,
}

impl Room {
    pub(super) const UNLIMITED: Self = Self {
        target: usize::MAX,
        message: usize::MAX,
        value: usize::MAX,
        fields: usize::MAX,
    };

    /// With these and constant texts, a line without fields fits.
    const LIMITED: Self = Self {
        target: 1024,
        message: 8 * 1024,
        ..Self::UNLIMITED
    };
}

/// Values of this size are tried, in bytes.
const VALUES: [usize; 7] = [4096, 2048, 1024, 512, 256, 128, 64];

/// Whether everything is on a line that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IsWhole(pub(super) bool);

/// Writes a line that is not longer than it may be.
pub(super) fn write_bounded(
    out: &mut Vec<u8>,
    write: impl Fn(&mut Vec<u8>, Room) -> IsWhole,
) -> IsWhole {
    out.clear();
    let is_whole = write(out, Room::UNLIMITED);
    if out.len() <= MAX_LINE {
        return is_whole;
    }
    shorten(out, write);
    IsWhole(false)
}

#[cold]
fn shorten(out: &mut Vec<u8>, write: impl Fn(&mut Vec<u8>, Room) -> IsWhole) {
    let mut room = Room::LIMITED;
    for value in VALUES {
        room.value = value;
        out.clear();
        write(out, room);
        if out.len() <= MAX_LINE {
            return;
        }
    }
    room.fields = MAX_LINE - BEHIND;
    out.clear();
    write(out, room);
}

/// Adds a text as `escape` writes it, so many bytes at most.
pub(super) fn write_within(
    out: &mut Vec<u8>,
    text: &str,
    bytes: usize,
    escape: impl Fn(&mut Vec<u8>, &str),
) {
    let start = out.len();
    // A character takes a byte at least.
    if text.len() <= bytes {
        escape(out, text);
        if out.len() - start <= bytes {
            return;
        }
        out.truncate(start);
    }
    let end = start + bytes.saturating_sub(CUT.len());
    for (index, character) in text.char_indices() {
        let last = out.len();
        escape(out, &text[index..index + character.len_utf8()]);
        if out.len() > end {
            out.truncate(last);
            break;
        }
    }
    out.extend_from_slice(CUT.as_bytes());
}
