//! Compression of what leaves the process.

use std::io::{self, Write};

use flate2::{Compression, write::GzEncoder};

/// Fast rather than small: the first tenth of the effort is most of the gain.
pub(crate) fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}
