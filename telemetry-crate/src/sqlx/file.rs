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
/// again. A file that takes its place, as after a restore, is opened anew.
///
/// A database in memory has no file, and is left alone. Asks the file system before each use of a connection, which takes some microseconds. It takes the place of
/// [`before_acquire`](PoolOptions::before_acquire). On systems other than Unix, a file that was replaced is not noticed.
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
    let known = Mutex::new(Known::Nothing);
    options.before_acquire(move |_, connection| {
        let file = File::at(&path);
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = known.is_same(file, connection.age);
        Box::pin(async move { Ok(is_same) })
    })
}

/// What was at the path at the last look.
enum Known {
    /// There was no look yet.
    Nothing,
    /// No file from the first look on: the database is in memory.
    Memory,
    File {
        /// `None` if it was gone.
        file: Option<File>,
        /// When another was there than before; older connections are to that.
        changed: Option<Instant>,
    },
}

impl Known {
    /// Whether a connection of this age is to what is at the path now.
    fn is_same(&mut self, found: Option<File>, age: Duration) -> bool {
        let (file, changed) = match self {
            Self::Memory => return true,
            Self::Nothing => {
                *self = match found {
                    None => Self::Memory,
                    file => Self::File {
                        file,
                        changed: None,
                    },
                };
                return true;
            }
            Self::File { file, changed } => (file, changed),
        };
        if *file != found {
            *file = found;
            *changed = Some(Instant::now());
        }
        file.is_some() && changed.is_none_or(|at| age <= at.elapsed())
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
