//! The file of an SQLite database, which may be removed or replaced while it is open.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use sqlx::{Database, Error, pool::PoolOptions};

use super::{TARGET, read_only};

/// Makes pools with these options close their connections to a file that is no longer at `path`.
///
/// A file that is removed while it is open goes on taking writes, which are lost with the last connection. Without
/// `create_if_missing`, a pool has no connections then, and its calls fail with `SQLITE_CANTOPEN` until there is a file
/// again. A file that takes its place, as after a restore, is opened anew. Either is one warning in the log, and the
/// [transactions](super::begin) that were open meanwhile fail to commit, with [`Error::Io`].
///
/// A file that could not be written is open for reading only, and stays so: once a write was refused for that, connections
/// that were open by then are closed.
///
/// A database in memory has no file, and is left alone. Asks the file system before each use of a connection and after each
/// commit, which takes some microseconds. It takes the place of [`before_acquire`](PoolOptions::before_acquire). On systems
/// other than Unix, a file that was replaced is not noticed.
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
    let followed = Arc::new(Followed {
        path: path.into(),
        known: Mutex::new(Known::Nothing),
    });
    let mut all = FOLLOWED.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|other| other.strong_count() > 0);
    all.push(Arc::downgrade(&followed));
    drop(all);
    options.before_acquire(move |_, connection| {
        let is_good = followed.is_good(connection.age);
        Box::pin(async move { Ok(is_good) })
    })
}

/// Of all pools that there are, so that a commit, which knows its connection alone, can ask.
static FOLLOWED: Mutex<Vec<Weak<Followed>>> = Mutex::new(Vec::new());

/// Whether what was stored within this time was stored in files that are still there.
///
/// # Errors
///
/// Of several databases it may be another one's file that is gone; then something was stored that is said not to be.
pub(super) fn committed_within(age: Duration) -> Result<(), Error> {
    let all = FOLLOWED.lock().unwrap_or_else(PoisonError::into_inner);
    for followed in all.iter().filter_map(Weak::upgrade) {
        if !followed.is_same(age) {
            let gone = format!(
                "{} was removed or replaced while the transaction was open, and what it stored is gone with it",
                followed.path.display()
            );
            return Err(Error::Io(io::Error::new(io::ErrorKind::NotFound, gone)));
        }
    }
    Ok(())
}

struct Followed {
    path: PathBuf,
    known: Mutex<Known>,
}

impl Followed {
    /// Whether a connection of this age is to be used.
    fn is_good(&self, age: Duration) -> bool {
        let is_memory = matches!(*self.known(), Known::Memory);
        is_memory || self.is_same(age) && !read_only::is_outdated(age)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something of this age is about what is at the path now.
    fn is_same(&self, age: Duration) -> bool {
        let found = File::at(&self.path);
        let (is_same, news) = self.known().look(found, age);
        if let Some(news) = news {
            let path = self.path.display();
            tracing::warn!(target: TARGET, "the database's file {path} {news}");
        }
        is_same
    }
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
    /// Whether a connection of this age is to what is at the path now; and what is new about it.
    fn look(&mut self, found: Option<File>, age: Duration) -> (bool, Option<&'static str>) {
        let (file, changed) = match self {
            Self::Memory => return (true, None),
            Self::Nothing => {
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
        let mut news = None;
        if *file != found {
            news = Some(match (&file, &found) {
                (_, None) => "is gone: nothing can be stored until there is one again",
                (None, _) => "is there again",
                _ => "was replaced: what was stored in the other one from then on is lost",
            });
            *file = found;
            *changed = Some(Instant::now());
        }
        let is_same = file.is_some() && changed.is_none_or(|at| age <= at.elapsed());
        (is_same, news)
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
