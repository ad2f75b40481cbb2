//! An empty database for each test, in a file that goes away with it.

use std::{
    env,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

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

    /// For the environment of the service.
    pub fn variables(&self) -> [(&'static str, String); 1] {
        [("DATABASE_URL", self.url())]
    }

    /// Whether a copy of the file has all of it: the last service has written its log back.
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
