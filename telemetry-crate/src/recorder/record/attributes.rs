//! The records of attributes that many spans have.

use super::{HEADER, LENGTH, Record};
use crate::evidence::{AttributeRecords, VisitText};

/// Writes the records of the attributes that `visit` visits.
///
/// They have no number of a span yet. The values are not longer than the recorder keeps.
pub(in crate::recorder) fn write_attributes(visit: &dyn Fn(VisitText<'_>)) -> AttributeRecords {
    let (mut bytes, mut count) = (Vec::new(), 0);
    visit(&mut |key, value, _| {
        let record = Record::Attribute {
            span: 0,
            key,
            value,
        };
        record.write(&mut bytes);
        count += 1;
    });
    AttributeRecords {
        bytes: bytes.into(),
        count,
    }
}

/// Copies records of [`write_attributes`] for a span.
pub(in crate::recorder) fn copy_attributes(
    out: &mut Vec<u8>,
    records: &AttributeRecords,
    span: u32,
) {
    let mut start = out.len();
    out.extend_from_slice(&records.bytes);
    while let Some(record) = out.get_mut(start..)
        && let Some((length, rest)) = record.split_first_chunk_mut::<LENGTH>()
    {
        if let Some(number) = rest.get_mut(HEADER - LENGTH..HEADER) {
            number.copy_from_slice(&span.to_le_bytes());
        }
        start += LENGTH + u32::from_le_bytes(*length) as usize;
    }
}
