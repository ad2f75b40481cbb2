//! What may happen to bytes.

use arbitrary::Arbitrary;

/// One change of a file or a payload.
#[derive(Debug, Arbitrary)]
pub enum Damage {
    /// Bits that are flipped near one of the beginnings in the file.
    Flip {
        part: u8,
        at: u16,
        mask: u8,
    },
    Set {
        at: u32,
        byte: u8,
    },
    Cut(u32),
    Insert {
        at: u32,
        byte: u8,
    },
    /// Zeros to the end, as after a crash of the machine.
    Zeros(u32),
}

/// Where the parts of the file begin.
const PARTS: [usize; 5] = [0, 1024, 2048, 4096, 67_584];

impl Damage {
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>) {
        let below = |at: u32| (at as usize).checked_rem(bytes.len()).unwrap_or(0);
        match *self {
            Self::Flip { part, at, mask } => {
                let start = PARTS[usize::from(part) % PARTS.len()];
                if let Some(byte) = bytes.get_mut(start + usize::from(at)) {
                    *byte ^= mask;
                }
            }
            Self::Set { at, byte } => {
                let at = below(at);
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            Self::Cut(at) => bytes.truncate(below(at)),
            Self::Insert { at, byte } => bytes.insert(below(at), byte),
            Self::Zeros(at) => {
                let at = below(at);
                bytes[at..].fill(0);
            }
        }
    }
}
