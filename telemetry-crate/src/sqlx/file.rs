//! The file of an SQLite database, which may be removed or replaced while it is open.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{Database, pool::PoolOptions};

/// Makes pools with these options close their connections to a file that is no longer at `path`.
///
/// A file that is removed while it is open goes on taking writes, which are lost with the last connection. Without
/// `create_if_missing`, a pool has no connections then, and its calls fail with `SQLITE_CANTOPEN` until there is a file
/// again. A file that takes its place, as after a restore, is opened anew. The same goes for its write-ahead log, `path` with `-wal`
/// behind it, which has what is committed until it is written back.
///
/// A database in memory has no file, and is left alone, and so is a URI (`file:`). Asks the file system before each use of a connection,
/// which takes some microseconds. It takes the place of [`before_acquire`](PoolOptions::before_acquire). On systems other than Unix,
/// a file that was replaced is not noticed.
///
/// ```no_run
/// # use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
/// # async fn example() -> Result<(), sqlx::Error> {
/// let options = SqliteConnectOptions::new().filename("orders.db").create_if_missing(true);
/// let pool = firstlight::sqlx::follow_file(SqlitePoolOptions::new(), "orders.db");
/// let pool = pool.connect_with(options.clone()).await?;
/// // Made if it was missing; from here on it is not made again.
/// pool.set_connect_options(options.create_if_missing(false));
/// # Ok(())
/// # }
/// ```
pub fn follow_file<DB: Database>(
    options: PoolOptions<DB>,
    path: impl Into<PathBuf>,
) -> PoolOptions<DB> {
    let path = path.into();
    let is_file = !path.as_os_str().is_empty()
        && path != Path::new(":memory:")
        && !path.to_string_lossy().starts_with("file:");
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = PathBuf::from(log);
    let known = Mutex::new(None);
    options.before_acquire(move |_, connection| {
        let is_same = !is_file || {
            let found = (File::at(&path), File::at(&log));
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            Known::look(&mut known, found, connection.age)
        };
        Box::pin(async move { Ok(is_same) })
    })
}

/// What was at the paths at the last look.
struct Known {
    /// `None` if it was gone.
    file: Option<File>,
    /// `None` as well if the database has no log.
    log: Option<File>,
    at: Instant,
    /// Connections that are older may be to what was there before.
    changed: Option<Instant>,
}

impl Known {
    /// Whether a connection of this age is to what is at the paths now.
    fn look(
        known: &mut Option<Self>,
        (file, log): (Option<File>, Option<File>),
        age: Duration,
    ) -> bool {
        let now = Instant::now();
        let changed = known.as_ref().and_then(|known| {
            if known.file != file || (known.log.is_some() && log.is_none()) {
                Some(now)
            } else if known.log.is_some() && known.log != log {
                // The last connection to close removes it, and the next one makes another: younger ones are to that.
                Some(known.at)
            } else {
                known.changed
            }
        });
        let is_there = file.is_some();
        *known = Some(Self {
            file,
            log,
            at: now,
            changed,
        });
        is_there && changed.is_none_or(|at| age < now.duration_since(at))
    }
}

/// Which file it is.
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
