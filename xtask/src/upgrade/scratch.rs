//! The folder for templates and renderings, which is removed at the end.
//!
//! A signal removes it, too, and the next run removes the folder of a run that was killed.
//!
//! It is outside of every checkout and every Cargo project, because both change what the template renders.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use support::{interrupt, process};

/// A new folder, which is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: PathBuf,
    /// The number of paths.
    used: Arc<Mutex<u32>>,
}

impl Scratch {
    pub(super) fn new() -> anyhow::Result<Self> {
        let temp = std::env::temp_dir();
        let temp = temp
            .canonicalize()
            .with_context(|| temp.display().to_string())?;
        remove_left(&temp);
        let folder = temp.join(format!("{NAME}{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let used = Arc::new(Mutex::new(0));
        let scratch = Self { folder, used };
        let (folder, used) = (scratch.folder.clone(), Arc::clone(&scratch.used));
        interrupt::exit_after(move || {
            // The upgrade now waits before it uses a further path.
            let _used = used.lock();
            remove_for_good(&folder);
        })?;
        Ok(scratch)
    }

    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// A path that is not yet in use; nothing is created.
    pub(super) fn fresh(&self, what: &str) -> PathBuf {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used += 1;
        self.folder.join(format!("{what}-{used}"))
    }

    /// A new empty folder.
    pub(super) fn folder(&self, what: &str) -> anyhow::Result<PathBuf> {
        let folder = self.fresh(what);
        fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        Ok(folder)
    }
}

/// The name of a folder, before the id of its process.
const NAME: &str = "firstlight-upgrade-";

/// Removes a folder into which a program may still write for a moment.
fn remove_for_good(folder: &Path) {
    for _ in 0..40 {
        let _ = fs::remove_dir_all(folder);
        thread::sleep(Duration::from_millis(50));
        if !folder.exists() {
            break;
        }
    }
}

/// Removes the folders of processes that have ended.
fn remove_left(temp: &Path) {
    for entry in fs::read_dir(temp).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix(NAME));
        let id: Option<u32> = id.and_then(|id| id.parse().ok());
        let is_left = |id| id == std::process::id() || !process::is_running(id);
        if id.is_some_and(is_left) {
            // It fails for the folder of another user.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
