//! Edits of a generated service's source before it is built.

use std::{fs, path::Path};

use anyhow::{Context as _, ensure};
use support::paths;

/// A replacement of text in one file.
#[derive(Debug)]
pub struct Edit {
    /// The file, relative to the service's folder.
    pub file: &'static str,
    /// The text to replace, which must occur exactly once.
    pub found: &'static str,
    /// The text that replaces it.
    pub replacement: &'static str,
}

impl Edit {
    /// Applies the edit to the service in `source`.
    ///
    /// # Errors
    ///
    /// If the text does not occur exactly once. Then the template has changed, and the edit must be adapted.
    fn apply(&self, source: &Path) -> anyhow::Result<()> {
        let Self {
            file,
            found,
            replacement,
        } = self;
        let path = source.join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("read {file}"))?;
        let times = text.matches(found).count();
        ensure!(
            times == 1,
            "{file}: found {found:?} {times} times, expected once; the template has changed"
        );
        fs::write(&path, text.replace(found, replacement)).with_context(|| format!("write {file}"))
    }
}

/// Applies all edits, which the file `defined_in` of this repository defines.
///
/// # Errors
///
/// If an edit cannot be applied. The message names that file.
pub fn apply(edits: &[Edit], source: &Path, defined_in: &str) -> anyhow::Result<()> {
    for edit in edits {
        let advice = || format!("adapt {defined_in} to the template");
        edit.apply(source).with_context(advice)?;
    }
    Ok(())
}

/// Copies a file of this repository into the service.
pub fn add(from: &str, source: &Path, to: &str) -> anyhow::Result<()> {
    let file = paths::root().join(from);
    fs::copy(file, source.join(to)).with_context(|| format!("copy {from} to {to}"))?;
    Ok(())
}
