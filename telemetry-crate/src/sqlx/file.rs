//! The file of an SQLite database, which may be removed or replaced while open.

#[cfg(feature = "sqlx-sqlite")]
use std::any::Any;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

#[cfg(feature = "sqlx-sqlite")]
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Database, Error, Pool, pool::PoolOptions};

use super::read_only;
use crate::db::TARGET;

/// Makes pools with these options follow the file at `path`.
///
/// A file that is removed while it is open still accepts writes, which are lost with the last
/// connection. So the pool closes its connections to a removed file. Without `create_if_missing`,
/// the pool's calls then fail with `SQLITE_CANTOPEN` until the file exists again. If another file
/// replaces the removed file, as after a restore, new connections open the other file. In both
/// cases one warning is logged, and [transactions](super::begin) that were open at that time fail
/// to commit, with [`Error::Io`]. With the feature `sqlx-sqlite`, only the transactions of this
/// file fail. Without the feature, the transactions of all SQLite files fail, because the file of a
/// transaction is not known.
///
/// A connection to a file without write permission stays read-only when the permission returns. So
/// after a refused write, the connections that were open at that time are closed.
///
/// A database in memory has no file, and is not affected. The file system is checked before each
/// use of a pooled connection, before each transaction and after each commit, which takes some
/// microseconds. On systems other than Unix, a replaced file is not noticed. This function replaces
/// [`before_acquire`](PoolOptions::before_acquire) of the options.
///
/// ```no_run
/// # use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
/// # async fn example() -> Result<(), sqlx::Error> {
/// let options = SqliteConnectOptions::new().filename("orders.db").create_if_missing(true);
/// let pool = firstlight::sqlx::follow_file(SqlitePoolOptions::new(), "orders.db");
/// let pool = pool.connect_with(options.clone()).await?;
/// // The file was created if it was missing. It is not created again after this call.
/// pool.set_connect_options(options.create_if_missing(false));
/// # Ok(())
/// # }
/// ```
pub fn follow_file<DB: Database>(
    options: PoolOptions<DB>,
    path: impl Into<PathBuf>,
) -> PoolOptions<DB> {
    let followed = Arc::new(FollowedFile {
        path: path.into(),
        history: Mutex::new(FileHistory::Unchecked),
    });
    let mut files = FOLLOWED_FILES
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    files.retain(|other| other.strong_count() > 0);
    files.push(Arc::downgrade(&followed));
    drop(files);
    options.before_acquire(move |_, connection| {
        let is_usable = followed.is_usable(connection.age);
        Box::pin(async move { Ok(is_usable) })
    })
}

/// The files of all pools, among which a transaction finds its own.
static FOLLOWED_FILES: Mutex<Vec<Weak<FollowedFile>>> = Mutex::new(Vec::new());

/// The followed files to which a transaction may belong.
#[derive(Default)]
pub(super) struct FollowedFiles(Vec<Arc<FollowedFile>>);

impl FollowedFiles {
    pub(super) fn of_pool<DB: Database>(pool: &Pool<DB>) -> Self {
        if DB::NAME != "SQLite" {
            return Self::default();
        }
        let files = FOLLOWED_FILES
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let files = files.iter().filter_map(Weak::upgrade);
        Self(files.filter(|followed| followed.belongs_to(pool)).collect())
    }

    /// Notices a change of a file before a transaction begins.
    ///
    /// The pool checks only connections that were idle. Without this check, the commit on a new
    /// connection would fail because of a change before the transaction.
    pub(super) fn check_begin(&self) {
        for followed in &self.0 {
            followed.is_unchanged(Duration::ZERO);
        }
    }

    /// Fails if a file changed within `age`, the duration of the transaction.
    pub(super) fn check_commit(&self, age: Duration) -> Result<(), Error> {
        let Some(missing) = self.0.iter().find(|followed| !followed.is_unchanged(age)) else {
            return Ok(());
        };
        let message = format!(
            "{} was removed or replaced while the transaction was open, and the transaction's changes are lost",
            missing.path.display()
        );
        Err(Error::Io(io::Error::new(io::ErrorKind::NotFound, message)))
    }
}

struct FollowedFile {
    path: PathBuf,
    history: Mutex<FileHistory>,
}

impl FollowedFile {
    /// Returns whether the pool's connections are to this file.
    #[cfg(feature = "sqlx-sqlite")]
    fn belongs_to<DB: Database>(&self, pool: &Pool<DB>) -> bool {
        let options = pool.connect_options();
        let options: &dyn Any = &*options;
        let file = options
            .downcast_ref()
            .map(SqliteConnectOptions::get_filename);
        file.is_none_or(|file| {
            file == self.path || canonical_path(file) == canonical_path(&self.path)
        })
    }

    /// Returns `true`, because without the driver a pool's file is not known.
    #[cfg(not(feature = "sqlx-sqlite"))]
    fn belongs_to<DB: Database>(&self, _: &Pool<DB>) -> bool {
        true
    }

    /// Returns whether a connection of this age may be used.
    fn is_usable(&self, age: Duration) -> bool {
        let is_memory = matches!(*self.history(), FileHistory::Memory);
        is_memory || self.is_unchanged(age) && !read_only::is_outdated(age)
    }

    fn history(&self) -> MutexGuard<'_, FileHistory> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the path has had the same file for the time `age`.
    fn is_unchanged(&self, age: Duration) -> bool {
        let mut history = self.history();
        // The file is looked up under the lock, so that no thread overwrites a later state by an
        // earlier one.
        let (is_same, change) = history.update(File::at(&self.path), age);
        drop(history);
        if let Some(change) = change {
            let path = self.path.display();
            tracing::warn!(target: TARGET, "the database's file {path} {change}");
        }
        is_same
    }
}

/// Returns the path with its folder in canonical form; the file may be missing.
#[cfg(feature = "sqlx-sqlite")]
fn canonical_path(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// The state of the path at the last check.
enum FileHistory {
    /// The path was not checked yet.
    Unchecked,
    /// There was no file at the first check: the database is in memory.
    Memory,
    /// There was a file at the first check.
    File {
        /// The file at the last check; `None` if it was missing.
        file: Option<File>,
        /// Time of the last change; older connections are to a previous file.
        changed: Option<Instant>,
    },
}

impl FileHistory {
    /// Returns whether a connection of this age is to the current file.
    ///
    /// It also returns the change since the last check, worded for a log line.
    fn update(&mut self, found: Option<File>, age: Duration) -> (bool, Option<&'static str>) {
        let (file, changed) = match self {
            Self::Memory => return (true, None),
            Self::Unchecked => {
                *self = match found {
                    None => Self::Memory,
                    file => Self::File {
                        file,
                        changed: None,
                    },
                };
                return (true, None);
            }
            Self::File { file, changed } => (file, changed),
        };
        let mut change = None;
        if *file != found {
            change = Some(match (&file, &found) {
                (_, None) => "is missing: nothing can be stored until it exists again",
                (None, _) => "exists again",
                _ => "was replaced: later writes to the previous file are lost",
            });
            *file = found;
            *changed = Some(Instant::now());
        }
        let is_same = file.is_some() && changed.is_none_or(|at| age <= at.elapsed());
        (is_same, change)
    }
}

/// Identity of a file.
#[derive(Debug, PartialEq, Eq)]
struct File {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    number: u64,
}

impl File {
    fn at(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            Some(Self {
                device: found.dev(),
                number: found.ino(),
            })
        }
        #[cfg(not(unix))]
        {
            let _ = found;
            Some(Self {})
        }
    }
}
