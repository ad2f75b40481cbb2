//! An empty database for each test, in a file that is removed afterward.

use std::{
    env,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// Path of the file, which is removed when this value is dropped.
pub struct Database(PathBuf);

impl Database {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = concat!(env!("CARGO_PKG_NAME"), "-", env!("CARGO_CRATE_NAME"));
        Self(env::temp_dir().join(format!("{name}-{}-{number}.db", process::id())))
    }

    pub fn url(&self) -> String {
        format!("sqlite://{}", self.0.display())
    }

    /// Environment variables for the service.
    pub fn variables(&self) -> [(&'static str, String); 1] {
        [("DATABASE_URL", self.url())]
    }

    /// Whether the file is complete, without a write-ahead log beside it.
    pub fn is_at_rest(&self) -> bool {
        !Path::new(&format!("{}-wal", self.0.display())).exists()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        for suffix in ["", "-lock", "-shm", "-wal"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", self.0.display()));
        }
    }
}
