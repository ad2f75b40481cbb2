//! Gzip compression of export requests and expositions.

use std::io::{self, Write};

use flate2::{Compression, write::GzEncoder};

/// Compresses at the lowest level.
///
/// It is the fastest level, and reaches most of the size reduction.
pub(crate) fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}
