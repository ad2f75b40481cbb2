//! Decides which words in double quotes are names, and which may be values.
//!
//! In PostgreSQL, all of them are names. In SQLite and `MySQL`, `"alice@example.com"` may be a
//! value, so a word in double quotes is shown only where the grammar does not allow a value.
//! `` `name` `` is a name in every database that has this syntax.

use super::{
    lexer::{Dialect, Token},
    summary::Summarizer,
};

/// The kind of the next name, as far as the preceding tokens determine it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// The table of an `INSERT`, which a list of columns may follow.
    RowsTable,
    /// Another table, or a query of `WITH`.
    Table,
    /// Anything else, such as a column or a value.
    Other,
}

impl Position {
    /// Returns the position of the token that `summarizer` reads next.
    pub(super) fn next(summarizer: &Summarizer<'_>) -> Self {
        if summarizer.expects_rows_table() {
            Self::RowsTable
        } else if summarizer.expects_table() {
            Self::Table
        } else {
            Self::Other
        }
    }
}

/// Reads tokens in order, with the state needed from previous tokens.
#[derive(Debug)]
pub(super) struct Quotes<'a> {
    dialect: Dialect,
    previous: Option<Token<'a>>,
    /// Whether the last name, of one or several parts, was the table of an `INSERT`.
    after_rows_table: bool,
    depth: usize,
    /// The depth of the parenthesis in `INSERT INTO t ("a", "b")`.
    columns: Option<usize>,
    /// The depth of the `SET` of an `UPDATE`, which has names before `=`.
    assignments: Option<usize>,
    /// Whether an account's password may follow: `IDENTIFIED WITH plugin AS "hash"`.
    expects_password: bool,
}

impl<'a> Quotes<'a> {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            previous: None,
            after_rows_table: false,
            depth: 0,
            columns: None,
            assignments: None,
            expects_password: false,
        }
    }

    /// Returns the token as it may be shown; a possible value becomes a literal.
    pub(super) fn redact(
        &mut self,
        token: Token<'a>,
        next: Option<Token<'a>>,
        position: Position,
    ) -> Token<'a> {
        let redacted = match token {
            Token::Quoted(word)
                if word.starts_with('"') && position == Position::Other && !self.is_name(next) =>
            {
                Token::Literal
            }
            token => token,
        };
        self.advance(token, position);
        redacted
    }

    fn is_name(&self, next: Option<Token<'a>>) -> bool {
        let after = |words: &[&str]| matches!(self.previous, Some(Token::Word(word)) if words.iter().any(|w| word.eq_ignore_ascii_case(w)));
        let follows_comma = self.previous == Some(Token::Symbol(','));
        self.dialect == Dialect::PostgreSql
            // `"orders"."id"`
            || self.previous == Some(Token::Symbol('.'))
            || next == Some(Token::Symbol('.'))
            || after(&["AS"]) && !self.expects_password
            || self.columns == Some(self.depth)
            || self.assignments == Some(self.depth)
                && (after(&["SET"]) || follows_comma)
                && next == Some(Token::Symbol('='))
    }

    fn advance(&mut self, token: Token<'a>, position: Position) {
        match token {
            Token::Symbol('(') => {
                self.depth += 1;
                if self.after_rows_table && self.columns.is_none() {
                    self.columns = Some(self.depth);
                }
            }
            Token::Symbol(')') => {
                if self.columns == Some(self.depth) {
                    self.columns = None;
                }
                self.depth = self.depth.saturating_sub(1);
            }
            Token::Symbol(';') => *self = Self::new(self.dialect),
            Token::Word(word) if position == Position::Other => {
                let is = |words: &[&str]| words.iter().any(|w| word.eq_ignore_ascii_case(w));
                if is(&["IDENTIFIED"]) {
                    self.expects_password = true;
                } else if is(&["SET"]) {
                    self.assignments = Some(self.depth);
                } else if is(&["WHERE", "FROM", "RETURNING"]) {
                    self.assignments = None;
                }
            }
            _ => {}
        }
        let goes_on = self.after_rows_table && token == Token::Symbol('.');
        let is_name = matches!(token, Token::Word(_) | Token::Quoted(_));
        self.after_rows_table = goes_on || position == Position::RowsTable && is_name;
        self.previous = Some(token);
    }
}

#[cfg(test)]
mod tests {
    use crate::db::{lexer::Dialect, statement::Statement};

    fn shown_text(sql: &str, dialect: Dialect) -> String {
        Statement::read(sql, dialect).text.to_string()
    }

    const CASES: [(&str, &str); 26] = [
        (
            r#"SELECT * FROM users WHERE email = "alice@example.com""#,
            "SELECT * FROM users WHERE email = ?",
        ),
        (
            r#"SELECT * FROM users WHERE name = "alice""#,
            "SELECT * FROM users WHERE name = ?",
        ),
        (
            r#"SELECT "alice", id FROM users"#,
            "SELECT ?, id FROM users",
        ),
        (
            r#"SELECT lower("alice") FROM "users""#,
            r#"SELECT lower(?) FROM "users""#,
        ),
        (
            r#"SELECT "u"."id" AS "a" FROM "main"."users" AS "u" WHERE "u"."id" = "alice""#,
            r#"SELECT "u"."id" AS "a" FROM "main"."users" AS "u" WHERE "u"."id" = ?"#,
        ),
        (
            r#"SELECT * FROM "a" JOIN "b" ON "a"."b" = "b"."id", "c""#,
            r#"SELECT * FROM "a" JOIN "b" ON "a"."b" = "b"."id", "c""#,
        ),
        (
            r#"INSERT INTO "users" ("name", "mail") VALUES ("alice", "a@b")"#,
            r#"INSERT INTO "users" ("name", "mail") VALUES (?)"#,
        ),
        (
            r#"INSERT INTO users VALUES ("alice")"#,
            "INSERT INTO users VALUES (?)",
        ),
        (
            r#"INSERT INTO "main"."users"("a") SELECT ("alice")"#,
            r#"INSERT INTO "main"."users"("a") SELECT (?)"#,
        ),
        (
            r#"UPDATE "users" SET "name" = "alice", "mail" = "a@b" WHERE "bob" = name"#,
            r#"UPDATE "users" SET "name" = ?, "mail" = ? WHERE ? = name"#,
        ),
        (
            r#"UPDATE users SET name = CASE WHEN a IN (1, "alice" = b) THEN "x" END"#,
            "UPDATE users SET name = CASE WHEN a IN (?, ? = b) THEN ? END",
        ),
        (
            r#"DELETE FROM "users" WHERE a IN ("alice", "bob")"#,
            r#"DELETE FROM "users" WHERE a IN (?)"#,
        ),
        (
            r#"SELECT `name` FROM t WHERE a = "ali""ce""#,
            "SELECT `name` FROM t WHERE a = ?",
        ),
        (
            r#"SELECT [name] FROM t WHERE a = "alice"#,
            "SELECT [name] FROM t WHERE a = ?",
        ),
        (
            r#"SELECT a FROM t WHERE a IS NOT DISTINCT FROM "alice""#,
            "SELECT a FROM t WHERE a IS NOT DISTINCT FROM ?",
        ),
        (
            r#"SELECT a FROM t ORDER BY "alice" LIMIT 1"#,
            "SELECT a FROM t ORDER BY ? LIMIT ?",
        ),
        // `replace` and `insert` are functions, and possible names of columns.
        (
            r#"SELECT replace(a, "b", "c") FROM json_each("x")"#,
            "SELECT replace(a, ?) FROM json_each(?)",
        ),
        (
            r#"SELECT insert FROM json_each("x")"#,
            "SELECT insert FROM json_each(?)",
        ),
        (
            r#"INSERT INTO t ("a") VALUES (replace("x", "y", "z"))"#,
            r#"INSERT INTO t ("a") VALUES (replace(?))"#,
        ),
        (
            r#"UPDATE t SET a = replace(a, "x", "y") FROM json_each("z")"#,
            "UPDATE t SET a = replace(a, ?) FROM json_each(?)",
        ),
        (
            r#"INSERT OR REPLACE INTO "t" ("a") SELECT value FROM json_each("x")"#,
            r#"INSERT OR REPLACE INTO "t" ("a") SELECT value FROM json_each(?)"#,
        ),
        (
            r#"INSERT INTO t WITH u AS (SELECT 1) SELECT * FROM json_each("x")"#,
            "INSERT INTO t WITH u AS (SELECT ?) SELECT * FROM json_each(?)",
        ),
        (r#"VACUUM INTO "/data/copy.db""#, "VACUUM INTO ?"),
        (r#"VACUUM "main" INTO "/data/copy.db""#, "VACUUM ? INTO ?"),
        (
            r#"SELECT a FROM t INTO OUTFILE "/data/a.csv""#,
            "SELECT a FROM t INTO OUTFILE ?",
        ),
        (
            r#"CREATE USER a IDENTIFIED WITH plugin AS "hash""#,
            "CREATE USER a IDENTIFIED WITH plugin AS ?",
        ),
    ];

    #[test]
    fn values_in_double_quotes_are_hidden() {
        for (sql, expected) in CASES {
            for dialect in [Dialect::Sqlite, Dialect::Other] {
                assert_eq!(shown_text(sql, dialect), expected, "{sql}");
            }
        }
    }

    #[test]
    fn values_in_brackets_are_hidden() {
        let sql = "SELECT ARRAY[1, 'a'], b[c], b[2] FROM [order items] WHERE a = [secret";
        for dialect in [Dialect::PostgreSql, Dialect::Other] {
            let text = shown_text(sql, dialect);
            assert!(
                !text.contains(['1', '2']) && !text.contains("'a'"),
                "{text}"
            );
        }
        let sql = "SELECT [a b] FROM [t 1] WHERE [c] = 'x' AND d = [";
        assert_eq!(
            shown_text(sql, Dialect::Sqlite),
            "SELECT [a b] FROM [t 1] WHERE [c] = ? AND d = ["
        );
    }

    #[test]
    fn postgresql_names_are_kept() {
        let sql = r#"SELECT "name" FROM "users" WHERE "mail" = $1 AND lower("a b") = 'x'"#;
        let expected = r#"SELECT "name" FROM "users" WHERE "mail" = $1 AND lower("a b") = ?"#;
        assert_eq!(shown_text(sql, Dialect::PostgreSql), expected);
        for (sql, _) in CASES {
            let names = |sql: &str| sql.matches('"').count();
            assert_eq!(
                names(&shown_text(sql, Dialect::PostgreSql)) > 0,
                names(sql) > 0,
                "{sql}"
            );
        }
    }

    #[test]
    fn backslashes_may_escape_quotes() {
        let sql = r"SELECT * FROM t WHERE a = 'it\'s secret' AND b = 'x'";
        for sql in [sql, r#"SELECT * FROM t WHERE a = "it\"s secret""#] {
            assert!(!shown_text(sql, Dialect::Other).contains("secret"), "{sql}");
        }
        let sql = "SELECT 1 # secret\n FROM t WHERE a #> $1";
        assert_eq!(
            shown_text(sql, Dialect::Other),
            "SELECT ? FROM t WHERE a #> $1"
        );
        // In PostgreSQL a backslash is an ordinary character.
        let sql = r"SELECT * FROM t WHERE a = 'C:\' AND b = c";
        assert_eq!(
            shown_text(sql, Dialect::PostgreSql),
            "SELECT * FROM t WHERE a = ? AND b = c"
        );
    }
}
