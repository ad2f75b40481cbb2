//! Checks of summaries and shown texts with statements of any program.

use super::{lexer::Dialect, statement::Statement};

/// A value that telemetry must not show.
const VALUE: &str = "hunter2";

/// Parts of statements, each complete in all dialects and in any order.
const PARTS: [&str; 32] = [
    "SELECT",
    "INSERT INTO",
    "UPDATE",
    "DELETE FROM",
    "WITH",
    "AS",
    "FROM",
    "JOIN",
    "WHERE",
    "IN",
    "VALUES",
    "SET",
    "AND",
    "orders",
    "\"Orders\".o",
    "(",
    ")",
    "[a]",
    "a.b",
    ",",
    ";",
    "=",
    "-",
    "*",
    "$1",
    "?",
    ":name",
    "'hunter2'",
    "'it''s hunter2'",
    "-- hunter2\n",
    "/* hunter2 */",
    "0xhunter2",
];

/// Checks a statement in all dialects.
///
/// If the first byte is a zero, each other byte is one of [`PARTS`].
///
/// # Panics
///
/// If what is shown is too long, has several lines, has a value, or is read differently when it is read again.
pub(crate) fn check(bytes: &[u8]) {
    let (has_values, sql) = match bytes {
        [0, parts @ ..] => {
            let part = |byte: &u8| PARTS[usize::from(*byte) % PARTS.len()];
            let parts: Vec<_> = parts.iter().take(400).map(part).collect();
            (true, parts.join(" "))
        }
        text => (false, String::from_utf8_lossy(text).into_owned()),
    };
    for dialect in [Dialect::PostgreSql, Dialect::Sqlite, Dialect::Other] {
        let statement = Statement::read(&sql, dialect);
        let (text, summary) = (&statement.text, &statement.summary);
        assert!(text.len() <= 4 * 1024 + 8, "{} bytes of text", text.len());
        assert!(summary.len() <= 255, "{} bytes of summary", summary.len());
        for shown in [text, summary, &statement.operation] {
            assert!(
                !shown.contains(['\n', '\r']),
                "{dialect:?}: {shown:?} of {sql:?}"
            );
            assert!(
                !has_values || !shown.contains(VALUE),
                "{dialect:?}: {shown:?} of {sql:?}"
            );
        }
        // A longer text was cut, or had its lists folded at another place.
        if text.len() < 1024 && sql.len() < 1024 {
            let again = Statement::read(text, dialect);
            assert_eq!(&again.text, text, "{dialect:?}: {sql:?}");
        }
    }
}
