//! Tests of the summaries of statements.

use super::{Summarizer, Summary};
use crate::db::lexer::{Dialect, Lexer};

fn summary(sql: &str) -> Summary {
    summary_of(sql, Dialect::PostgreSql)
}

fn summary_of(sql: &str, dialect: Dialect) -> Summary {
    let mut summarizer = Summarizer::new(dialect);
    Lexer::new(sql, dialect).for_each(|(_, token)| summarizer.read(token));
    summarizer.finish()
}

fn assert_summaries(cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        assert_eq!(summary(sql).text, *expected, "{sql}");
    }
}

/// Checks the conventions' examples, except for a name in single quotes.
///
/// In the supported databases, single quotes enclose a value.
#[test]
fn follows_the_conventions_examples() {
    assert_summaries(&[
        (
            "SELECT * FROM wuser_table WHERE username = ?",
            "SELECT wuser_table",
        ),
        (
            "INSERT INTO shipping_details (order_id, address) SELECT order_id, address FROM orders WHERE order_id = ?",
            "INSERT shipping_details SELECT orders",
        ),
        (
            "SELECT * FROM songs, artists WHERE songs.artist_id == artists.id",
            "SELECT songs artists",
        ),
        (
            "SELECT order_date FROM (SELECT * FROM orders o JOIN customers c ON o.customer_id = c.customer_id)",
            "SELECT SELECT orders customers",
        ),
        ("SELECT * FROM \"song list\"", "SELECT \"song list\""),
        ("call some_stored_procedure", "CALL some_stored_procedure"),
    ]);
}

#[test]
fn reads_are_operations_and_sources() {
    assert_summaries(&[
        ("SELECT id FROM orders WHERE id = $1", "SELECT orders"),
        ("select 1", "SELECT"),
        (
            "  -- why\n select * /* from b */ from \"Order Items\"",
            "SELECT \"Order Items\"",
        ),
        ("SELECT * FROM shop.orders o", "SELECT shop.orders"),
        ("SELECT * FROM \"a b\".\"c\"", "SELECT \"a b\".c"),
        (
            "SELECT * FROM a JOIN b USING (id) LEFT JOIN c ON true",
            "SELECT a b c",
        ),
        (
            "SELECT * FROM t1, t2 x JOIN t3 ON x.a = t3.a, t4 AS y WHERE a IN (1, 2) ORDER BY a, b",
            "SELECT t1 t2 t3 t4",
        ),
        (
            "SELECT * FROM (t1), (t2 JOIN t3 USING (id)), t4",
            "SELECT t1 t2 t3 t4",
        ),
        ("SELECT * FROM a x JOIN a y ON x.b = y.c", "SELECT a a"),
        (
            "SELECT * FROM users orders JOIN orders o ON true",
            "SELECT users orders",
        ),
        (
            "SELECT a, b FROM t GROUP BY a, b FOR UPDATE OF t, u",
            "SELECT t",
        ),
        (
            "SELECT EXTRACT(EPOCH FROM placed), o.from FROM orders o",
            "SELECT orders",
        ),
        ("SELECT a IS DISTINCT FROM b FROM t", "SELECT t"),
        ("SELECT * FROM generate_series(1, 10)", "SELECT"),
        (
            "SELECT * FROM t, unnest(t.a) WITH ORDINALITY AS u (v, n), w",
            "SELECT t w",
        ),
        ("SELECT id FROM jobs FOR UPDATE SKIP LOCKED", "SELECT jobs"),
        (
            "SELECT * FROM t1, LATERAL (SELECT * FROM t2) a, t3",
            "SELECT t1 SELECT t2 t3",
        ),
        (
            "SELECT id, (SELECT MAX(a) FROM jobs) FROM orders",
            "SELECT SELECT jobs orders",
        ),
        (
            "SELECT * FROM products WHERE price > (SELECT AVG(price) FROM products)",
            "SELECT products SELECT products",
        ),
        (
            "(SELECT id FROM a) UNION ALL SELECT id FROM b EXCEPT SELECT id FROM c",
            "SELECT a SELECT b SELECT c",
        ),
        (
            "SELECT * FROM ((SELECT id FROM a) UNION SELECT id FROM b) x",
            "SELECT SELECT a SELECT b",
        ),
        (
            "SELECT * FROM (VALUES (1), (2)) AS t (id) JOIN users ON true",
            "SELECT users",
        ),
    ]);
}

#[test]
fn writes_are_operations_and_targets() {
    assert_summaries(&[
        (
            "INSERT INTO orders (id, note) VALUES (?, ?)",
            "INSERT orders",
        ),
        (
            "INSERT INTO orders(id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET n = 1, m = 2 RETURNING id, n",
            "INSERT orders",
        ),
        ("INSERT INTO t (from, select) VALUES (1, 2)", "INSERT t"),
        ("INSERT OR REPLACE INTO orders VALUES (1)", "INSERT orders"),
        ("REPLACE INTO orders VALUES (1)", "REPLACE orders"),
        (
            "insert into old select * from orders",
            "INSERT old SELECT orders",
        ),
        ("UPDATE ONLY orders SET a = 1, b = 2", "UPDATE orders"),
        ("UPDATE OR IGNORE orders SET a = 1", "UPDATE orders"),
        (
            "UPDATE a SET b = c.b, d = 1 FROM c, e WHERE a.id = c.id",
            "UPDATE a c e",
        ),
        (
            "DELETE FROM orders WHERE id = 1 RETURNING a, b",
            "DELETE orders",
        ),
        ("DELETE FROM a USING b, c WHERE true", "DELETE a b c"),
        (
            "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1)",
            "MERGE a b",
        ),
        (
            "UPDATE jobs SET a = 1 WHERE id IN (SELECT id FROM jobs FOR UPDATE SKIP LOCKED)",
            "UPDATE jobs SELECT jobs",
        ),
    ]);
}

#[test]
fn cte_names_are_not_tables() {
    assert_summaries(&[
        (
            "WITH recent AS (SELECT * FROM orders) SELECT * FROM recent",
            "SELECT orders SELECT",
        ),
        (
            "WITH gone AS (DELETE FROM orders RETURNING id) SELECT id FROM gone",
            "DELETE orders SELECT",
        ),
        (
            "WITH \"A\" (x, y) AS NOT MATERIALIZED (SELECT 1), b AS (SELECT * FROM a JOIN t ON true) SELECT * FROM a, b, c",
            "SELECT SELECT t SELECT c",
        ),
        (
            "WITH RECURSIVE tree AS (SELECT id FROM t UNION ALL SELECT t.id FROM t JOIN tree ON true) SELECT * FROM tree",
            "SELECT t SELECT t SELECT",
        ),
        // `WITH` at other positions.
        (
            "INSERT INTO archive WITH x AS (SELECT * FROM orders) SELECT * FROM x",
            "INSERT archive SELECT orders SELECT",
        ),
        (
            "SELECT * FROM (WITH x AS (SELECT * FROM a) SELECT * FROM x) y, x",
            "SELECT SELECT a SELECT x",
        ),
        (
            "CREATE TABLE old AS WITH x AS (SELECT * FROM a) SELECT * FROM x",
            "CREATE old SELECT a SELECT",
        ),
        // Only the name before `AS` of a `WITH` counts.
        (
            "WITH x AS (SELECT id AS orders FROM items) SELECT count AS items FROM x, orders, items",
            "SELECT items SELECT orders items",
        ),
        // The query of `users` reads the table, because it is not recursive.
        (
            "WITH users AS (SELECT * FROM users) SELECT * FROM users",
            "SELECT users SELECT",
        ),
        (
            "WITH t AS (SELECT 1) INSERT INTO t SELECT * FROM t",
            "SELECT INSERT t SELECT",
        ),
        (
            "WITH t AS (SELECT 1) SELECT * FROM shop.t",
            "SELECT SELECT shop.t",
        ),
    ]);
}

#[test]
fn other_commands_are_their_first_word() {
    assert_summaries(&[
        (
            "CREATE TABLE IF NOT EXISTS orders (id int)",
            "CREATE orders",
        ),
        ("DROP TABLE IF EXISTS a, b CASCADE", "DROP a b"),
        ("ALTER TABLE a DROP COLUMN b, DROP COLUMN c", "ALTER a"),
        ("CREATE INDEX a ON b (c)", "CREATE"),
        ("CREATE VIEW a AS SELECT * FROM b, c", "CREATE a SELECT b c"),
        ("CREATE POLICY a ON b FOR SELECT TO c", "CREATE"),
        ("TRUNCATE TABLE orders, items", "TRUNCATE orders items"),
        ("COPY orders (id) FROM STDIN", "COPY orders"),
        (
            "COPY (SELECT * FROM orders) TO STDOUT",
            "COPY SELECT orders",
        ),
        ("GRANT SELECT ON orders TO reader", "GRANT"),
        ("BEGIN", "BEGIN"),
        ("PRAGMA journal_mode = WAL", "PRAGMA"),
        ("VACUUM orders", "VACUUM"),
        ("EXPLAIN SELECT * FROM orders", "EXPLAIN SELECT orders"),
        (
            "EXPLAIN ANALYZE DELETE FROM orders",
            "EXPLAIN DELETE orders",
        ),
        (
            "EXPLAIN (ANALYZE, BUFFERS) WITH x AS (SELECT 1) UPDATE orders SET a = 1",
            "EXPLAIN SELECT UPDATE orders",
        ),
        (
            "EXPLAIN QUERY PLAN SELECT * FROM orders",
            "EXPLAIN SELECT orders",
        ),
        ("BEGIN; DELETE FROM a; COMMIT", "BEGIN DELETE a COMMIT"),
    ]);
}

#[test]
fn any_text_has_a_summary() {
    assert_summaries(&[
        ("", ""),
        ("'", ""),
        (")))", ""),
        ("SELECT * FROM", "SELECT"),
        ("SELECT * FROM a.", "SELECT a."),
        ("SELECT * FROM 'secret'", "SELECT"),
        ("SELECT * FROM $1, b", "SELECT b"),
        ("SELECT * FROM bücher", "SELECT bücher"),
        ("WITH", ""),
        ("WITH a", ""),
    ]);
}

#[test]
fn operation_ignores_ctes() {
    let with = summary("WITH x AS (SELECT 1 FROM orders) UPDATE items SET a = 1 FROM x");
    assert_eq!(with.operation, "UPDATE");
    assert_eq!(summary("select 1").operation, "SELECT");
    assert_eq!(summary("vacuum").operation, "VACUUM");
    assert_eq!(
        summary("EXPLAIN ANALYZE DELETE FROM a").operation,
        "EXPLAIN"
    );
}

#[test]
fn collection_is_the_only_table() {
    let collection = |sql| summary(sql).collection;
    assert_eq!(
        collection("SELECT * FROM orders").as_deref(),
        Some("orders")
    );
    assert_eq!(
        collection("SELECT * FROM a WHERE b IN (SELECT b FROM a)").as_deref(),
        Some("a")
    );
    assert_eq!(collection("SELECT * FROM a, b"), None);
    assert_eq!(collection("CALL settle($1)"), None);
}

#[test]
fn names_are_never_truncated() {
    let (first, second) = ("ü".repeat(80), "ä".repeat(80));
    let long = summary(&format!("SELECT * FROM {first} JOIN {second} ON true"));
    assert_eq!(long.text, format!("SELECT {first}"));
    let names: Vec<_> = (0..50)
        .map(|n| format!("very_long_table_name_{n}"))
        .collect();
    let many = summary(&format!("SELECT * FROM {}", names.join(", ")));
    assert_eq!(many.text, format!("SELECT {}", names[..10].join(" ")));
    let huge = summary(&format!("SELECT * FROM \"{}\", b", "x".repeat(1000)));
    assert_eq!((&*huge.text, huge.collection), ("SELECT", None));
}

#[test]
fn spellings_share_one_name() {
    let collection = |sql: &str, dialect| {
        let summary = summary_of(sql, dialect);
        let name = summary.collection.unwrap_or_default();
        let shown = summary.text.strip_prefix("SELECT ").unwrap_or_default();
        (name, shown.to_owned())
    };
    let one = |name: &str| (name.to_owned(), name.to_owned());
    for dialect in [Dialect::PostgreSql, Dialect::Sqlite, Dialect::Other] {
        let schema = match dialect {
            Dialect::PostgreSql => "public",
            Dialect::Sqlite | Dialect::Other => "main",
        };
        let mut names = vec![
            "orders".to_owned(),
            "\"orders\"".to_owned(),
            "`orders`".to_owned(),
            format!("{schema}.orders"),
            format!("{schema}.\"orders\""),
            format!("\"{schema}\" . `orders`"),
        ];
        if dialect != Dialect::PostgreSql {
            names.push("[orders]".to_owned());
            names.push(format!("[{schema}].[orders]"));
        }
        for name in names {
            let sql = format!("SELECT * FROM {name} WHERE id = 1");
            assert_eq!(collection(&sql, dialect), one("orders"), "{sql}");
        }
        // A table outside the default schema keeps its schema.
        let sql = "SELECT * FROM \"shop\".\"orders\"";
        assert_eq!(collection(sql, dialect), one("shop.orders"));
        let sql = "SELECT * FROM \"order \"\"items\"";
        let words = ("order \"items".to_owned(), "\"order \"\"items\"".to_owned());
        assert_eq!(collection(sql, dialect), words);
        let sql = "WITH \"orders\" AS (SELECT 1) SELECT * FROM orders";
        assert_eq!(
            collection(sql, dialect),
            (String::new(), "SELECT".to_owned())
        );
    }
    let sql = "SELECT * FROM [order items], [order items]";
    for dialect in [Dialect::Sqlite, Dialect::Other] {
        let (name, _) = collection(sql, dialect);
        assert_eq!(name, "order items");
    }
}

/// Brackets may be an array or an index, as in PostgreSQL.
#[test]
fn brackets_hide_no_table() {
    for dialect in [Dialect::PostgreSql, Dialect::Other] {
        let sql = "SELECT ARRAY[1, 'a'], b[c], b[2] FROM orders WHERE a = ANY(ARRAY[$1])";
        assert_eq!(summary_of(sql, dialect).text, "SELECT orders");
    }
}
