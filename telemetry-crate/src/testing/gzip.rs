//! Unpacks what a sender has compressed.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::server::{MAX_BODY_BYTES, Unreadable};

/// The content, which has a limit like everything else: a kilobyte can unpack into gigabytes.
pub(super) fn unpack(packed: &[u8]) -> Result<Bytes, Unreadable> {
    let most = u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX);
    let mut content = Vec::new();
    MultiGzDecoder::new(packed)
        .take(most.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|error| Unreadable::Malformed(format!("not gzip: {error}")))?;
    if content.len() > MAX_BODY_BYTES {
        let reason = format!("unpacks to more than {MAX_BODY_BYTES} bytes");
        return Err(Unreadable::TooLarge(reason));
    }
    Ok(content.into())
}
