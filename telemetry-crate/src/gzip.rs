//! Gzip compression of exported data.

use std::io::{self, Write};

use flate2::{Compression, write::GzEncoder};

/// Compresses quickly: the lowest level reaches most of the size reduction.
pub(crate) fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}
