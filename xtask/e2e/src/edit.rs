//! A generated service that is changed before it is built, in the places where its owner would change it.

use std::{fs, path::Path};

use anyhow::{Context as _, ensure};
use support::paths;

/// A line of the generated source, and what it becomes.
#[derive(Debug)]
pub struct Edit {
    /// The file, relative to the service's folder.
    pub file: &'static str,
    /// What must be there exactly once.
    pub found: &'static str,
    /// What it is replaced by.
    pub becomes: &'static str,
}

impl Edit {
    /// # Errors
    ///
    /// When the line is not there once: the template has changed, and the edit has to change with it.
    fn apply(&self, source: &Path) -> anyhow::Result<()> {
        let Self {
            file,
            found,
            becomes,
        } = self;
        let path = source.join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("read {file}"))?;
        let times = text.matches(found).count();
        ensure!(
            times == 1,
            "{file}: found {found:?} {times} times, expected once; the template has changed"
        );
        fs::write(&path, text.replace(found, becomes)).with_context(|| format!("write {file}"))
    }
}

/// All of them; `listed` is the file that has them.
pub fn apply(edits: &[Edit], source: &Path, listed: &str) -> anyhow::Result<()> {
    for edit in edits {
        let advice = || format!("change {listed} with the template");
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
