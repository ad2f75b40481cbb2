//! A statement as telemetry shows it: its summary, and its text without values.
//!
//! Programs run the same few statements again and again, so each is parsed once and cached. Bound
//! values are not available here, and values inside the statement become `?`.

use std::{
    hash::BuildHasher,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use hashbrown::{DefaultHashBuilder, HashMap};

use super::{
    lexer::{Dialect, Lexer},
    quotes::{Position, Quotes},
    run_cache::RunCache,
    server::common_attributes,
    statement_text::Text,
    summary::{Summarizer, Summary},
};
use crate::{
    evidence::MAX_VALUE,
    secret::{may_hold_address, without_credentials},
};

/// Maximum number of bytes read of a statement.
///
/// It is enough for a list of ten thousand placeholders and the text after the list.
const MAX_READ: usize = 128 * 1024;

/// Maximum number of cached statements.
///
/// They take some 2.5 MB if their texts are long, and usually a fifth of that, with what is kept for further runs.
const MAX_STATEMENTS: usize = 512;

/// Maximum number of summaries with a label of their own.
///
/// A program may compose names of tables at run time, and must not create a series for each.
const MAX_LABELS: usize = 200;

/// Label of all other summaries.
const OTHER: &str = "_OTHER";

/// Operations that change the schema.
///
/// Migrations run them once for each table, so they must not use up the labels of queries.
const SCHEMA_OPERATIONS: [&str; 6] = ["CREATE", "ALTER", "DROP", "COMMENT", "GRANT", "REVOKE"];

/// Other operations that a script may begin with.
const SCRIPT_OPERATIONS: [&str; 8] = [
    "SELECT", "INSERT", "UPDATE", "DELETE", "BEGIN", "DO", "SET", "PRAGMA",
];

/// The table in which sqlx records the migrations.
const MIGRATIONS: &str = "_sqlx_migrations";

/// A statement that was parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    // Texts with a reference count, because each run of the statement has them as attributes.
    pub(super) operation: Arc<str>,
    pub(super) collection: Option<Arc<str>>,
    /// Operation and tables, such as `SELECT orders`.
    pub(super) summary: Arc<str>,
    /// The text, with `?` for each value; empty for a command.
    pub(super) text: Arc<str>,
    /// Hash of summary and text; equal for the same statement with other values.
    identity: u64,
    /// Whether the text has several statements, as a migration may have.
    is_script: bool,
    label: Label,
    /// Whether the flight recorder takes all texts as they are.
    ///
    /// None is long, and none holds an address.
    pub(super) is_plain: bool,
    pub(super) cache: RunCache,
}

/// The labels of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    /// The summary, which has series of its own.
    Summary,
    /// The operation alone, which is one of a few fixed words.
    Operation,
    /// [`OTHER`], which all further summaries share.
    Other,
}

impl Statement {
    /// Returns whether the statement belongs to the opening of an SQLite connection.
    ///
    /// Any `PRAGMA` counts, because a program's code seldom runs one. Such a statement runs in the
    /// request during which the pool grows, or before the pool is instrumented.
    pub(super) fn is_connection_setup(&self) -> bool {
        &*self.operation == "PRAGMA"
    }

    /// Returns `db.system.name`; `common` is that of all instrumented pools.
    pub(super) fn system(&self, common: &'static str) -> &'static str {
        if self.is_connection_setup() {
            "sqlite"
        } else {
            common
        }
    }

    pub(super) fn read(sql: &str, dialect: Dialect) -> Self {
        let sql = cut(sql, MAX_READ);
        let mut summarizer = Summarizer::new(dialect);
        let mut quotes = Quotes::new(dialect);
        let mut text = Text::new(Lexer::new(sql, dialect));
        let mut tokens = Lexer::new(sql, dialect).peekable();
        while let Some((space, token)) = tokens.next() {
            let position = Position::next(&summarizer);
            summarizer.read(token);
            let next = tokens.peek().map(|(_, next)| *next);
            text.push(space, quotes.redact(token, next, position));
        }
        let Summary {
            operation,
            collection,
            text: summary,
            is_script,
        } = summarizer.finish();
        // A quoted name may be any text.
        let clean = |text: String| Arc::from(without_credentials(&text, false));
        Self {
            operation: clean(operation),
            collection: collection.map(clean),
            summary: clean(summary),
            text: clean(text.finish()),
            identity: 0,
            is_script,
            label: Label::Other,
            is_plain: false,
            cache: RunCache::default(),
        }
    }

    /// A command of a client, which has no text.
    fn command(operation: &'static str, collection: Option<&'static str>) -> Self {
        Self {
            operation: operation.into(),
            summary: match collection {
                Some(collection) => format!("{operation} {collection}").into(),
                None => operation.into(),
            },
            collection: collection.map(Arc::from),
            text: "".into(),
            identity: 0,
            is_script: false,
            // The program's source has a few commands.
            label: Label::Summary,
            is_plain: false,
            cache: RunCache::default(),
        }
    }

    fn has_plain_texts(&self) -> bool {
        let texts = [&self.operation, &self.summary, &self.text];
        let mut texts = texts.into_iter().chain(&self.collection);
        texts.all(|text| is_plain(text))
    }

    /// Returns whether both statements are the same, except for their values.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.identity == other.identity
    }

    /// Returns the labels for operation, collection and summary.
    ///
    /// They are `db_operation_name`, `db_collection_name` and `db_query_summary`.
    pub(super) fn labels(&self) -> [Option<&str>; 3] {
        match self.label {
            Label::Summary => {
                let collection = self.collection.as_deref();
                [Some(&self.operation), collection, Some(&self.summary)]
            }
            Label::Operation => [Some(&self.operation), None, Some(&self.operation)],
            Label::Other => [Some(OTHER), None, Some(OTHER)],
        }
    }

    /// Returns the label of a statement that may belong to a migration.
    ///
    /// It does not depend on the number of other labels.
    fn label_of_migration(&self) -> Option<Label> {
        let is_one_of = |known: &[&str]| known.contains(&&*self.operation);
        if is_one_of(&SCHEMA_OPERATIONS) || self.is_script && is_one_of(&SCRIPT_OPERATIONS) {
            Some(Label::Operation)
        } else if self.is_script {
            Some(Label::Other)
        } else {
            // sqlx itself runs six different statements on this table, in any program.
            let is_bookkeeping = self.collection.as_deref() == Some(MIGRATIONS);
            is_bookkeeping.then_some(Label::Summary)
        }
    }
}

/// Whether the flight recorder takes a text as it is.
pub(super) fn is_plain(text: &str) -> bool {
    text.len() <= MAX_VALUE && !may_hold_address(text)
}

pub(super) fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The cache of parsed statements.
#[derive(Debug, Default)]
struct Statements {
    /// Parsed statements by the hash of the statement as sent.
    ///
    /// The statement itself may be long, and may contain values.
    parsed: RwLock<HashMap<u64, Arc<Statement>>>,
    /// The summaries with a label of their own.
    labeled: RwLock<HashMap<String, ()>>,
    hasher: DefaultHashBuilder,
}

static STATEMENTS: LazyLock<Statements> = LazyLock::new(Statements::default);

/// Returns the parsed statement, in the dialect of the instrumented pools.
pub(crate) fn statement(sql: &str) -> Arc<Statement> {
    STATEMENTS.get(sql)
}

/// Forgets all statements, because what is kept with them is of another server.
pub(super) fn forget_all() {
    let mut parsed = (STATEMENTS.parsed.write()).unwrap_or_else(PoisonError::into_inner);
    parsed.clear();
}

/// Returns the parsed statement, in the dialect of this system.
pub(super) fn statement_of(sql: &str, system: &str) -> Arc<Statement> {
    STATEMENTS.read(sql, Dialect::from_system(system))
}

/// Returns the command of a client.
pub(super) fn command(operation: &'static str, collection: Option<&'static str>) -> Arc<Statement> {
    let key = STATEMENTS
        .hasher
        .hash_one(("command", operation, collection));
    STATEMENTS.cached(key, || Statement::command(operation, collection))
}

/// Returns the statement with a collection that the program has named.
pub(super) fn with_collection(statement: &Statement, collection: &'static str) -> Arc<Statement> {
    let key = STATEMENTS
        .hasher
        .hash_one(("collection", statement.identity, collection));
    STATEMENTS.cached(key, || Statement {
        collection: Some(collection.into()),
        ..statement.clone()
    })
}

impl Statements {
    fn get(&self, sql: &str) -> Arc<Statement> {
        self.read(sql, Dialect::from_system(common_attributes().server.system))
    }

    fn read(&self, sql: &str, dialect: Dialect) -> Arc<Statement> {
        let text = (cut(sql, MAX_READ), sql.len());
        let hash = self.hasher.hash_one((text, dialect));
        self.cached(hash, || {
            let mut statement = Statement::read(sql, dialect);
            statement.is_plain = statement.has_plain_texts();
            statement.identity = self.hasher.hash_one((&statement.summary, &statement.text));
            statement.label = match statement.label_of_migration() {
                Some(label) => label,
                None if self.may_label(&statement.summary) => Label::Summary,
                None => Label::Other,
            };
            statement
        })
    }

    fn cached(&self, hash: u64, read: impl FnOnce() -> Statement) -> Arc<Statement> {
        let parsed = self.parsed.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(statement) = parsed.get(&hash) {
            return Arc::clone(statement);
        }
        drop(parsed);
        let statement = Arc::new(read());
        let mut parsed = self.parsed.write().unwrap_or_else(PoisonError::into_inner);
        if parsed.len() >= MAX_STATEMENTS {
            // A program that writes values into its statements fills the cache with statements that
            // are never run again.
            parsed.clear();
        }
        parsed.insert(hash, Arc::clone(&statement));
        statement
    }

    /// Returns whether the summary may be a label, and reserves it if there is room.
    fn may_label(&self, summary: &str) -> bool {
        let mut labeled = (self.labeled.write()).unwrap_or_else(PoisonError::into_inner);
        if labeled.len() < MAX_LABELS {
            labeled.insert(summary.to_owned(), ());
        }
        labeled.contains_key(summary)
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_LABELS, MAX_STATEMENTS, Statements};

    #[test]
    fn values_do_not_distinguish_statements() {
        let statements = Statements::default();
        let one = statements.get("SELECT * FROM t WHERE id = 1");
        let other = statements.get("SELECT * FROM t WHERE id = 2");
        assert_eq!(one, other);
        let short = statements.get("SELECT * FROM t WHERE id IN ($1) AND a = $2");
        let long: Vec<_> = (1..=10_000).map(|n| format!("${n}")).collect();
        let long = format!(
            "SELECT * FROM t WHERE id IN ({}) AND a = $10001",
            long.join(", ")
        );
        assert!(short.is_same(&statements.get(&long)));
    }

    #[test]
    fn pragmas_belong_to_sqlite() {
        let system = |sql| Statements::default().get(sql).system("other_sql");
        assert_eq!(system("PRAGMA foreign_keys = ON"), "sqlite");
        assert_eq!(system("SELECT 1"), "other_sql");
    }

    #[test]
    fn migrations_use_no_query_labels() {
        let statements = Statements::default();
        for number in 0..2 * MAX_LABELS {
            for sql in [
                format!("CREATE TABLE t{number} (id int)"),
                format!("ALTER TABLE t{number} ADD COLUMN a int;"),
                format!("INSERT INTO t{number} SELECT 1; DROP TABLE u{number};"),
                format!("whatever{number} a; SELECT * FROM t{number}"),
            ] {
                let statement = statements.get(&sql);
                let [operation, collection, summary] = statement.labels();
                assert_eq!((operation, collection), (summary, None), "{sql}");
            }
        }
        let bookkeeping =
            statements.get("SELECT version, checksum FROM _sqlx_migrations ORDER BY version");
        assert_eq!(bookkeeping.labels()[2], Some("SELECT _sqlx_migrations"));
        assert!(
            statements
                .labeled
                .read()
                .is_ok_and(|labeled| labeled.is_empty())
        );
        let script = statements.get("INSERT INTO a SELECT 1; DROP TABLE b");
        assert_eq!(script.labels(), [Some("INSERT"), None, Some("INSERT")]);
        // A semicolon at the end does not make a script.
        let query = statements.get("SELECT * FROM orders;");
        assert_eq!(query.labels()[2], Some("SELECT orders"));
    }

    #[test]
    fn statements_and_labels_are_bounded() {
        let statements = Statements::default();
        for number in 0..3 * MAX_STATEMENTS {
            statements.get(&format!("SELECT * FROM t{number}"));
        }
        assert!(
            statements
                .parsed
                .read()
                .is_ok_and(|parsed| parsed.len() <= MAX_STATEMENTS)
        );
        let first = statements.get("SELECT * FROM t0");
        assert_eq!(
            first.labels(),
            [Some("SELECT"), Some("t0"), Some("SELECT t0")]
        );
        let late = statements.get(&format!("SELECT * FROM t{}", MAX_LABELS + 1));
        assert_eq!(late.labels(), [Some("_OTHER"), None, Some("_OTHER")]);
        assert_eq!(*late.summary, *format!("SELECT t{}", MAX_LABELS + 1));
    }
}
