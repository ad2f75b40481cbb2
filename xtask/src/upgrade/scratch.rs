//! The folder for templates and renderings, which is removed at the end.
//!
//! It is outside of every checkout and every Cargo project, because both change what the template renders.

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

/// A new folder, which is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: PathBuf,
    used: Cell<u32>,
}

impl Scratch {
    pub(super) fn new() -> anyhow::Result<Self> {
        let temp = std::env::temp_dir();
        let temp = temp
            .canonicalize()
            .with_context(|| temp.display().to_string())?;
        let folder = temp.join(format!("firstlight-upgrade-{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let used = Cell::new(0);
        Ok(Self { folder, used })
    }

    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// A path that is not yet in use; nothing is created.
    pub(super) fn fresh(&self, what: &str) -> PathBuf {
        let number = self.used.get() + 1;
        self.used.set(number);
        self.folder.join(format!("{what}-{number}"))
    }

    /// A new empty folder.
    pub(super) fn folder(&self, what: &str) -> anyhow::Result<PathBuf> {
        let folder = self.fresh(what);
        fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        Ok(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
