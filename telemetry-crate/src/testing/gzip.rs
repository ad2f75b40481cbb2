//! Decompression of requests.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::body::{MAX_BODY_BYTES, Unreadable};

/// Decompresses a body up to [`MAX_BODY_BYTES`].
///
/// Without the limit, a request of 16 MiB could become 16 GiB, because gzip shrinks zeros to about a thousandth.
pub(super) fn unpack(packed: &[u8]) -> Result<Bytes, Unreadable> {
    let limit = u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX);
    let mut content = Vec::new();
    MultiGzDecoder::new(packed)
        .take(limit.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|error| Unreadable::Malformed(format!("not gzip: {error}")))?;
    if content.len() > MAX_BODY_BYTES {
        let reason = format!("unpacks to more than {MAX_BODY_BYTES} bytes");
        return Err(Unreadable::TooLarge(reason));
    }
    Ok(content.into())
}
