//! Statements with their shown texts.

use super::MAX_BYTES;
use crate::db::{lexer::Dialect, statement::Statement};

fn text(sql: &str) -> String {
    Statement::read(sql, Dialect::PostgreSql).text.to_string()
}

#[test]
fn text_contains_no_values() {
    for (sql, expected) in [
        (
            "SELECT * FROM t WHERE a = $1 AND b < $2",
            "SELECT * FROM t WHERE a = $1 AND b < $2",
        ),
        (
            "SELECT * FROM t\n  WHERE a = 'hunter2'",
            "SELECT * FROM t WHERE a = ?",
        ),
        ("SELECT 'it''s hunter2', 1.5e3, 0xff, -7", "SELECT ?"),
        ("SELECT E'\\'hunter2', X'ff', u&'hunter2', n", "SELECT ?, n"),
        ("SELECT $$hunter2$$, $a$hun$$ter2$a$", "SELECT ?"),
        ("SELECT $1, $2", "SELECT $1, $2"),
        ("/* hunter2 /* nested */ */ SELECT 1 -- hunter2", "SELECT ?"),
        ("SELECT 'hunter2", "SELECT ?"),
        ("SELECT $$hunter2", "SELECT ?"),
        (
            "SELECT a::text, orders2 FROM t WHERE n = :name AND m = ?1",
            "SELECT a::text, orders2 FROM t WHERE n = :name AND m = ?1",
        ),
        ("SELECT 'ü' || \"ü\"", "SELECT ? || \"ü\""),
        (
            "SELECT a[1:2], b #3, @5, @c, :d",
            "SELECT a[?:?], b #?, @?, @c, :d",
        ),
        (
            "SELECT a - 1, a -1, -a, (b) - 1, - -1",
            "SELECT a - ?, a -?, -a, (b) - ?, - -?",
        ),
    ] {
        let shown = text(sql);
        assert_eq!(shown, expected, "{sql}");
        assert!(!shown.contains("hunter2"));
    }
}

#[test]
fn lists_of_any_length_are_one_text() {
    for (texts, expected) in [
        (
            &[
                "SELECT * FROM t WHERE a IN ($1) AND b = $2",
                "SELECT * FROM t WHERE a IN ($1, $2,$3) AND b = $4",
                "SELECT * FROM t WHERE a IN (?) AND b = ?",
                "SELECT * FROM t WHERE a IN (?1, ?2, :c) AND b = @d",
                "SELECT * FROM t WHERE a IN (1, $1, -2, 'x') AND b = 3",
            ][..],
            "SELECT * FROM t WHERE a IN (?) AND b = ?",
        ),
        (
            &[
                "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4), ($5, $6) ON CONFLICT DO NOTHING",
            ],
            "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT DO NOTHING",
        ),
        (
            &[
                "INSERT INTO t VALUES (1, 'a')",
                "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
            ],
            "INSERT INTO t VALUES (?)",
        ),
        (
            &[
                "INSERT INTO t VALUES ($1, now(), $2);",
                "insert INTO t VALUES ($1, now(), $2), ($3, now(), $4);",
            ],
            " INTO t VALUES (?, now(), ?);",
        ),
        (
            &[
                "SELECT * FROM (VALUES (1, $1)) v WHERE (a, b) NOT IN ((?, ?))",
                "SELECT * FROM (VALUES (1, $1), (2, $2)) v WHERE (a, b) NOT IN ((?, ?), (?, ?))",
            ],
            "SELECT * FROM (VALUES (?, ?)) v WHERE (a, b) NOT IN ((?, ?))",
        ),
        (
            &[
                "SELECT a = ANY(ARRAY[$1]), b IN (lower($2))",
                "SELECT a = ANY(ARRAY[$1, $2]), b IN (lower($3), lower($4))",
            ],
            "SELECT a = ANY(ARRAY[?]), b IN (lower(?))",
        ),
        // Other parentheses keep their items.
        (
            &["SELECT f($1, $2), a[1] FROM t WHERE (a, b) = ($3, $4)"],
            "SELECT f($1, $2), a[?] FROM t WHERE (a, b) = ($3, $4)",
        ),
        (
            &["SELECT a IN (b, c, $1, d) FROM t WHERE e IN (SELECT a, b FROM u)"],
            "SELECT a IN (b, c, ?, d) FROM t WHERE e IN (SELECT a, b FROM u)",
        ),
    ] {
        for sql in texts {
            let shown = text(sql);
            assert!(shown.ends_with(expected), "{sql}: {shown}");
            // The expected text may lack the first word, which has two spellings.
            assert!(
                shown.len() <= expected.len() + "INSERT".len(),
                "{sql}: {shown}"
            );
        }
    }
}

#[test]
fn text_is_bounded_for_any_input() {
    let long = text(&format!("SELECT {}", "a, ".repeat(100_000)));
    assert!(long.len() <= MAX_BYTES + 4 && long.ends_with(" ..."));
    let nasty = "'\"`$?:@#/*-*/--\\()[];.,E'1eüß\u{1f4a9}\0 \n$a$";
    for dialect in [Dialect::PostgreSql, Dialect::Sqlite, Dialect::Other] {
        for start in (0..nasty.len()).filter(|start| nasty.is_char_boundary(*start)) {
            for end in (start..=nasty.len()).filter(|end| nasty.is_char_boundary(*end)) {
                let part = &nasty[start..end];
                for before in ["", "SELECT * FROM ", "VALUES (1),", "a IN (", "ARRAY[-"] {
                    Statement::read(&format!("{before}{part}"), dialect);
                    Statement::read(&format!("{before}{part})]),(1"), dialect);
                }
            }
        }
    }
}
