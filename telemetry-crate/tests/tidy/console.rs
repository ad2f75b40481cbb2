//! The files of the console: their size, and what they must not contain.

use std::{fs, path::PathBuf};

use crate::path;

/// The largest size of all files together in bytes, compressed one by one.
const MAX_COMPRESSED: usize = 150_000;

/// Largest number of lines of a file, as of a file of Rust.
const MAX_LINES: usize = 400;

/// What makes code or elements from text, and what is sent to other pages.
const FORBIDDEN: [&str; 10] = [
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "setHTMLUnsafe",
    "createContextualFragment",
    "DOMParser",
    "eval(",
    "new Function",
    "document.cookie",
];

/// The files with their texts.
fn files() -> Vec<(PathBuf, String)> {
    let folder = fs::read_dir(path("telemetry-crate/console")).unwrap();
    let files = folder.map(|file| file.unwrap().path());
    let files: Vec<_> = files
        .map(|file| {
            let text = fs::read_to_string(&file).unwrap();
            (file, text)
        })
        .collect();
    assert!(files.len() > 10);
    files
}

#[test]
fn console_is_small() {
    let sizes = files().into_iter().map(|(file, text)| {
        let lines = text.lines().count();
        assert!(lines <= MAX_LINES, "{}: {lines} lines", file.display());
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        encoder.finish().unwrap().len()
    });
    let size: usize = sizes.sum();
    assert!(size <= MAX_COMPRESSED, "{size} bytes");
}

#[test]
fn console_makes_nothing_from_text() {
    for (file, text) in files() {
        for forbidden in FORBIDDEN {
            assert!(!text.contains(forbidden), "{}: {forbidden}", file.display());
        }
        // Addresses of other hosts are only those of commands to copy and of the namespace of SVG.
        for (start, _) in text.match_indices("://") {
            let host = &text[start + 3..];
            let is_known = ["localhost", "www.w3.org/2000/svg", "${"];
            let is_known = is_known.iter().any(|known| host.starts_with(known));
            let line = text[..start].lines().count();
            assert!(is_known, "{}:{line}: another host", file.display());
        }
    }
}
