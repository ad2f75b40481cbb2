//! Classification of the database's errors for an HTTP response.

use http::StatusCode;
use sqlx::{Error, error::ErrorKind};

/// The class of a query's error, by its meaning for the request that caused it.
///
/// The class follows from the SQLSTATE of PostgreSQL, or the result code of SQLite.
///
/// ```
/// use firstlight::sqlx::ErrorClass;
///
/// let status = |error: sqlx::Error| ErrorClass::of(&error).status();
/// assert_eq!(status(sqlx::Error::PoolTimedOut), 503);
/// assert_eq!(status(sqlx::Error::RowNotFound), 500);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorClass {
    /// The request contains a value that the database cannot accept: 400 or 422.
    ///
    /// The value is text with a NUL (22021, 22P05), too long (22001, 54000, `SQLITE_TOOBIG`), out
    /// of range (22003, 22008, 22023), not in the format of its type (22P02, 22007,
    /// `SQLITE_MISMATCH`), or violates a `CHECK` (23514, `SQLITE_CONSTRAINT_CHECK`).
    Invalid,
    /// A row collides with an existing one, or refers to a missing one: 409.
    ///
    /// The codes are 23505, 23503, 23P01, and SQLite's constraints of the same kinds. The status
    /// 409 is right if the value comes from the request. Otherwise the service's query is wrong.
    Conflict,
    /// The same request may succeed later or elsewhere: 503.
    ///
    /// Causes are a lost connection, a conflict with another transaction (40), a lock timeout (55P03,
    /// `SQLITE_BUSY`), a statement or a transaction that took too long (57014, 25P03, 25P04,
    /// `SQLITE_INTERRUPT`), a server that stops or starts (57P), a lack of resources (53,
    /// `SQLITE_FULL`), a failing disk (58030, `SQLITE_IOERR`), a missing file (58P01), an
    /// exhaustion of transaction ids (54000), and a database that is read-only (25006,
    /// `SQLITE_READONLY`) or cannot be opened (`SQLITE_CANTOPEN`).
    Unavailable,
    /// Any other error is a fault of the service: 500.
    ///
    /// Examples are wrong SQL, a missing value (23502), a division by zero (22012) and a damaged
    /// database.
    Internal,
}

impl ErrorClass {
    /// Returns the HTTP status of the class: 422, 409, 503 or 500.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Classifies an error.
    pub fn of(error: &Error) -> Self {
        match error {
            Error::PoolTimedOut
            | Error::PoolClosed
            | Error::WorkerCrashed
            | Error::Io(_)
            | Error::Tls(_) => Self::Unavailable,
            Error::Database(database) => match database.kind() {
                ErrorKind::UniqueViolation
                | ErrorKind::ForeignKeyViolation
                | ErrorKind::ExclusionViolation => Self::Conflict,
                // Without a constraint, the error means that a partitioned table has no partition
                // for the row.
                ErrorKind::CheckViolation
                    if database.constraint().is_some() || is_sqlite_check(error) =>
                {
                    Self::Invalid
                }
                _ if is_out_of_transactions(error) => Self::Unavailable,
                _ => match Code::from_error(error) {
                    Some(Code::SqlState(state)) => classify_sqlstate(&state),
                    Some(Code::Sqlite(code)) => classify_sqlite(code),
                    None => Self::Internal,
                },
            },
            _ => Self::Internal,
        }
    }
}

fn classify_sqlstate(state: &str) -> ErrorClass {
    match state {
        // Character not in repertoire, untranslatable character; too long.
        "22021" | "22P05" | "22001" | "22026" => ErrorClass::Invalid,
        // Numbers, times, zones and intervals out of range; parameters of functions, such as a time
        // zone's name; bounds of a range in the wrong order; a negative LIMIT, OFFSET or length of
        // a substring.
        "22003" | "22008" | "22009" | "22015" | "22023" | "22000" | "2201W" | "2201X" | "22011" => {
            ErrorClass::Invalid
        }
        // Text that is not in the format of its type; dates; an escape sequence or a regular
        // expression from the client; JSON and XML.
        "22P02" | "22007" | "22025" | "2201B" | "22030" | "22031" | "22032" | "2200M" | "2200N" => {
            ErrorClass::Invalid
        }
        // More than an index or a row can hold; nested too deeply.
        "54000" | "54001" => ErrorClass::Invalid,
        // WITH CHECK OPTION of a view.
        "44000" => ErrorClass::Invalid,
        "25006" | "25P03" | "25P04" | "55P03" | "57014" | "58030" | "58P01" => {
            ErrorClass::Unavailable
        }
        _ if ["08", "40", "53", "57P"]
            .iter()
            .any(|class| state.starts_with(class)) =>
        {
            ErrorClass::Unavailable
        }
        _ => ErrorClass::Internal,
    }
}

fn classify_sqlite(code: u32) -> ErrorClass {
    match code {
        // SQLITE_CONSTRAINT_ROWID.
        2579 => return ErrorClass::Conflict,
        // SQLITE_CONSTRAINT_DATATYPE, which is MISMATCH in a STRICT table.
        3091 => return ErrorClass::Invalid,
        _ => {}
    }
    match code & 0xff {
        // TOOBIG, MISMATCH.
        18 | 20 => ErrorClass::Invalid,
        // BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN, PROTOCOL.
        5..=10 | 13..=15 => ErrorClass::Unavailable,
        _ => ErrorClass::Internal,
    }
}

/// Returns whether the error means that the database cannot store anything now.
///
/// The reason is that its disk is full or fails, its file is missing or damaged, the server or the
/// file is read-only, or no transaction ids are left. A lock of another transaction does not count.
pub(super) fn is_storage_failure(error: &Error) -> bool {
    match Code::from_error(error) {
        Some(Code::SqlState(state)) => {
            matches!(
                &*state,
                "25006" | "53100" | "58030" | "58P01" | "XX001" | "XX002"
            ) || is_out_of_transactions(error)
        }
        // READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB.
        Some(Code::Sqlite(code)) => matches!(code & 0xff, 8 | 10 | 11 | 13 | 14 | 26),
        None => false,
    }
}

/// Returns the meaning of a code of [`is_storage_failure`], and what to check.
///
/// It is the end of a sentence.
pub(super) fn meaning(code: &str) -> &'static str {
    match code {
        "25006" => ": the server is read-only, such as a standby; connect to the primary",
        "53100" => ": the server's disk is full; free space",
        "58030" => ": the server cannot read or write a file; check its disk",
        "58P01" => ": a file of the server is missing; check its data folder",
        "XX001" | "XX002" => ": data of the server are damaged; restore a backup",
        "54000" => ": the server has no transaction ids left; vacuum it",
        _ => match code.parse::<u32>().unwrap_or_default() & 0xff {
            8 => {
                " (SQLITE_READONLY): the file is read-only; check its permissions and its folder's"
            }
            10 => " (SQLITE_IOERR): the file cannot be read or written; check the disk",
            11 => " (SQLITE_CORRUPT): the file is damaged; restore a backup",
            13 => " (SQLITE_FULL): the disk is full; free space",
            14 => {
                " (SQLITE_CANTOPEN): the file cannot be opened; check that its folder exists and is writable"
            }
            26 => {
                " (SQLITE_NOTADB): the file is not a database; check the URL, or restore a backup"
            }
            _ => "",
        },
    }
}

/// Returns whether the error means a read-only database or connection.
pub(super) fn is_read_only(error: &Error) -> bool {
    match Code::from_error(error) {
        Some(Code::SqlState(state)) => state == "25006",
        Some(Code::Sqlite(code)) => code & 0xff == 8,
        None => false,
    }
}

/// Returns whether the error means that PostgreSQL has no transaction ids left.
///
/// It assigns none until it is vacuumed. The error's code, 54000, is also that of values that are
/// too long, and only the text differs.
fn is_out_of_transactions(error: &Error) -> bool {
    error.as_database_error().is_some_and(|database| {
        let message = database.message();
        database.code().as_deref() == Some("54000")
            && (message.contains("wraparound") || message.contains("multixact"))
    })
}

/// Returns whether the error is `SQLITE_CONSTRAINT_CHECK`.
fn is_sqlite_check(error: &Error) -> bool {
    matches!(Code::from_error(error), Some(Code::Sqlite(275)))
}

/// Returns whether the error means that another transaction holds a lock.
///
/// Such a database is healthy.
pub(super) fn is_busy(error: &Error) -> bool {
    match Code::from_error(error) {
        Some(Code::SqlState(state)) => state == "55P03" || state.starts_with("40"),
        Some(Code::Sqlite(code)) => matches!(code & 0xff, 5 | 6),
        None => false,
    }
}

enum Code {
    SqlState(String),
    Sqlite(u32),
}

impl Code {
    fn from_error(error: &Error) -> Option<Self> {
        let code = error.as_database_error()?.code()?;
        // An SQLSTATE has five characters, and may be all digits. SQLite's codes have four digits
        // at most.
        if code.len() == 5 {
            return Some(Self::SqlState(code.into_owned()));
        }
        code.parse().ok().map(Self::Sqlite)
    }
}
