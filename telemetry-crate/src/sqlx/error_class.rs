//! Whose fault an error of the database is.

use http::StatusCode;
use sqlx::{Error, error::ErrorKind};

/// What an error of a query means for the request that asked for it.
///
/// By the SQLSTATE of PostgreSQL, or the result code of SQLite.
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
    /// A value that the database cannot take, which came with the request: text with a NUL (22021, 22P05), too long
    /// (22001, 54000, `SQLITE_TOOBIG`), out of range (22003, 22008, 22023), of another form than its type's (22P02, 22007,
    /// `SQLITE_MISMATCH`), or against a `CHECK` (23514, `SQLITE_CONSTRAINT_CHECK`). 400 or 422.
    Invalid,
    /// It collides with a row that is there, or refers to one that is not: 23505, 23503, 23P01, and SQLite's constraints
    /// of the same kinds. 409, where the request chose the value; otherwise the query is wrong.
    Conflict,
    /// The same request may go well later, or elsewhere: no connection, a conflict with another transaction (40), a
    /// lock that was not had in time (55P03, `SQLITE_BUSY`), a statement or a transaction that took too long (57014,
    /// 25P03, 25P04, `SQLITE_INTERRUPT`), a server that stops or starts (57P), a lack of resources
    /// (53, `SQLITE_FULL`), a failing disk (58030, `SQLITE_IOERR`), a file that is gone (58P01), transaction ids that are used up
    /// (54000), a database that can only be read (25006, `SQLITE_READONLY`) or not be opened (`SQLITE_CANTOPEN`). 503.
    Unavailable,
    /// Everything else is a fault of the service: wrong SQL, a missing value (23502), a division by zero (22012), a
    /// damaged database. 500.
    Internal,
}

impl ErrorClass {
    /// The HTTP status: 422, 409, 503 or 500, in the order of the variants.
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
            Error::Database(said) => match said.kind() {
                ErrorKind::UniqueViolation
                | ErrorKind::ForeignKeyViolation
                | ErrorKind::ExclusionViolation => Self::Conflict,
                // Without a constraint, a partitioned table has no partition for the row.
                ErrorKind::CheckViolation
                    if said.constraint().is_some() || is_sqlite_check(error) =>
                {
                    Self::Invalid
                }
                _ if is_out_of_transactions(error) => Self::Unavailable,
                _ => match Code::of(error) {
                    Some(Code::SqlState(state)) => of_sqlstate(&state),
                    Some(Code::Sqlite(code)) => of_sqlite(code),
                    None => Self::Internal,
                },
            },
            _ => Self::Internal,
        }
    }
}

fn of_sqlstate(state: &str) -> ErrorClass {
    match state {
        // Character not in repertoire, untranslatable character; too long.
        "22021" | "22P05" | "22001" | "22026" => ErrorClass::Invalid,
        // Numbers, times, zones and intervals out of range; parameters of functions, such as a time zone's name; bounds of a
        // range in the wrong order; LIMIT, OFFSET and the length of a substring below zero.
        "22003" | "22008" | "22009" | "22015" | "22023" | "22000" | "2201W" | "2201X" | "22011" => {
            ErrorClass::Invalid
        }
        // Text of another form than its type's; dates; an escape sequence or a regular expression of the client's; JSON and
        // XML.
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

fn of_sqlite(code: u32) -> ErrorClass {
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

/// Whether the database cannot store anything now, whatever is asked of it: a full or failing disk, a missing or damaged
/// file, a server or a file that can only be read. A lock that another holds is no such thing.
pub(super) fn is_storage_failure(error: &Error) -> bool {
    match Code::of(error) {
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

/// Whether the database, or the connection to it, can only be read.
pub(super) fn is_read_only(error: &Error) -> bool {
    match Code::of(error) {
        Some(Code::SqlState(state)) => state == "25006",
        Some(Code::Sqlite(code)) => code & 0xff == 8,
        None => false,
    }
}

/// Whether PostgreSQL assigns no transaction ids until it has been vacuumed. Its code, 54000, is also that of values that are too
/// long, and only the text differs.
fn is_out_of_transactions(error: &Error) -> bool {
    error.as_database_error().is_some_and(|said| {
        let message = said.message();
        said.code().as_deref() == Some("54000")
            && (message.contains("wraparound") || message.contains("multixact"))
    })
}

/// SQLITE_CONSTRAINT_CHECK.
fn is_sqlite_check(error: &Error) -> bool {
    matches!(Code::of(error), Some(Code::Sqlite(275)))
}

/// Whether another holds a lock: the database is busy, and well.
pub(super) fn is_busy(error: &Error) -> bool {
    match Code::of(error) {
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
    fn of(error: &Error) -> Option<Self> {
        let code = error.as_database_error()?.code()?;
        // An SQLSTATE has five characters, and may be all digits. SQLite's codes have four digits at most.
        if code.len() == 5 {
            return Some(Self::SqlState(code.into_owned()));
        }
        code.parse().ok().map(Self::Sqlite)
    }
}
