//! Which words in double quotes are names.
//!
//! To PostgreSQL all are. To SQLite and `MySQL` `"alice@example.com"` may be a value, so what is in double quotes is shown only where
//! the grammar has no place for a value. What it leaves out: `` `name` ``, which is a name to all that know it.

use super::lexer::{Dialect, Token};

/// Reads tokens in their order, and remembers what it needs of those before.
#[derive(Debug)]
pub(super) struct Quotes<'a> {
    dialect: Dialect,
    previous: Option<Token<'a>>,
    /// The last name, of one part or several, was one of a table.
    after_table: bool,
    depth: usize,
    /// The parenthesis of `INSERT INTO t ("a", "b")`.
    columns: Option<usize>,
    /// Where the `SET` of an `UPDATE` is, which has names before `=`.
    assignments: Option<usize>,
    inserts: bool,
}

impl<'a> Quotes<'a> {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            previous: None,
            after_table: false,
            depth: 0,
            columns: None,
            assignments: None,
            inserts: false,
        }
    }

    /// The token as it may be shown: a value is a literal. `names_table` if a table's name stands here.
    pub(super) fn shown(
        &mut self,
        token: Token<'a>,
        next: Option<Token<'a>>,
        names_table: bool,
    ) -> Token<'a> {
        let shown = match token {
            Token::Quoted(word) if word.starts_with('"') && !names_table && !self.is_name(next) => {
                Token::Literal
            }
            token => token,
        };
        self.remember(token, names_table);
        shown
    }

    fn is_name(&self, next: Option<Token<'a>>) -> bool {
        let after = |words: &[&str]| matches!(self.previous, Some(Token::Word(word)) if words.iter().any(|w| word.eq_ignore_ascii_case(w)));
        let follows_comma = self.previous == Some(Token::Symbol(','));
        self.dialect == Dialect::PostgreSql
            // `"orders"."id"`
            || self.previous == Some(Token::Symbol('.'))
            || next == Some(Token::Symbol('.'))
            || after(&["AS"])
            || self.columns == Some(self.depth)
            || self.assignments == Some(self.depth)
                && (after(&["SET"]) || follows_comma)
                && next == Some(Token::Symbol('='))
    }

    fn remember(&mut self, token: Token<'a>, names_table: bool) {
        match token {
            Token::Symbol('(') => {
                self.depth += 1;
                if self.inserts && self.after_table && self.columns.is_none() {
                    self.columns = Some(self.depth);
                }
            }
            Token::Symbol(')') => {
                if self.columns == Some(self.depth) {
                    self.columns = None;
                    self.inserts = false;
                }
                self.depth = self.depth.saturating_sub(1);
            }
            Token::Symbol(';') => *self = Self::new(self.dialect),
            Token::Word(word) if !names_table => {
                let is = |words: &[&str]| words.iter().any(|w| word.eq_ignore_ascii_case(w));
                if is(&["INSERT", "REPLACE"]) {
                    self.inserts = true;
                } else if is(&["VALUES", "SELECT", "DEFAULT"]) {
                    self.inserts = false;
                } else if is(&["SET"]) {
                    self.assignments = Some(self.depth);
                } else if is(&["WHERE", "FROM", "RETURNING"]) {
                    self.assignments = None;
                }
            }
            _ => {}
        }
        let goes_on = self.after_table && token == Token::Symbol('.');
        let is_name = matches!(token, Token::Word(_) | Token::Quoted(_));
        self.after_table = goes_on || names_table && is_name;
        self.previous = Some(token);
    }
}

#[cfg(test)]
mod tests {
    use crate::sqlx::{lexer::Dialect, statement::Statement};

    fn of(sql: &str, dialect: Dialect) -> String {
        Statement::read(sql, dialect).text
    }

    const CASES: [(&str, &str); 16] = [
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
    ];

    #[test]
    fn values_in_double_quotes_are_hidden() {
        for (sql, expected) in CASES {
            for dialect in [Dialect::Sqlite, Dialect::Other] {
                assert_eq!(of(sql, dialect), expected, "{sql}");
            }
        }
    }

    #[test]
    fn values_in_brackets_are_hidden() {
        let sql = "SELECT ARRAY[1, 'a'], b[c], b[2] FROM [order items] WHERE a = [secret";
        for dialect in [Dialect::PostgreSql, Dialect::Other] {
            let text = of(sql, dialect);
            assert!(
                !text.contains(['1', '2']) && !text.contains("'a'"),
                "{text}"
            );
        }
        let sql = "SELECT [a b] FROM [t 1] WHERE [c] = 'x' AND d = [";
        assert_eq!(
            of(sql, Dialect::Sqlite),
            "SELECT [a b] FROM [t 1] WHERE [c] = ? AND d = ["
        );
    }

    #[test]
    fn names_of_postgresql_stay() {
        let sql = r#"SELECT "name" FROM "users" WHERE "mail" = $1 AND lower("a b") = 'x'"#;
        let expected = r#"SELECT "name" FROM "users" WHERE "mail" = $1 AND lower("a b") = ?"#;
        assert_eq!(of(sql, Dialect::PostgreSql), expected);
        for (sql, _) in CASES {
            let names = |sql: &str| sql.matches('"').count();
            assert_eq!(
                names(&of(sql, Dialect::PostgreSql)) > 0,
                names(sql) > 0,
                "{sql}"
            );
        }
    }

    #[test]
    fn a_backslash_may_hide_a_quote() {
        let sql = r"SELECT * FROM t WHERE a = 'it\'s secret' AND b = 'x'";
        for sql in [sql, r#"SELECT * FROM t WHERE a = "it\"s secret""#] {
            assert!(!of(sql, Dialect::Other).contains("secret"), "{sql}");
        }
        let sql = "SELECT 1 # secret\n FROM t WHERE a #> $1";
        assert_eq!(of(sql, Dialect::Other), "SELECT ? FROM t WHERE a #> $1");
        // A backslash is a character there.
        let sql = r"SELECT * FROM t WHERE a = 'C:\' AND b = c";
        assert_eq!(
            of(sql, Dialect::PostgreSql),
            "SELECT * FROM t WHERE a = ? AND b = c"
        );
    }
}
