//! A statement as telemetry shows it: its summary, and its text without values.
//!
//! Programs run the same few statements again and again, so each is read once and kept. What it leaves out: the values
//! that were bound to it, which nobody hands out, and those inside it, which become `?`.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use hashbrown::HashMap;

use super::{
    lexer::{Lexer, Token},
    summary::{Summarizer, Summary},
};

/// Bytes of a statement that are read. What a machine has written beyond that tells nobody anything.
const MAX_READ: usize = 16 * 1024;

/// Bytes of the text that is shown.
const MAX_TEXT: usize = 4 * 1024;

/// Statements kept; at most some 2 MB, and usually a tenth of it.
const KEPT: usize = 512;

/// Summaries that have labels of their own; a program that writes its tables' names at run time must not have as many
/// series as it has tables.
const LABELLED: usize = 200;

/// What a label says of every other.
const OTHER: &str = "_OTHER";

/// See the module.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) operation: String,
    pub(super) collection: Option<String>,
    /// `SELECT orders`.
    pub(super) summary: String,
    /// With `?` for each value.
    pub(super) text: String,
    /// Of summary and text: what makes it the same as another.
    identity: u64,
    /// Whether its summary is one of those that have series of their own.
    is_labelled: bool,
}

impl Statement {
    /// Whether it is part of opening a connection to SQLite. Nobody's code asked for it, and it runs in whichever request comes
    /// when the pool grows.
    pub(super) fn sets_up(&self) -> bool {
        self.operation == "PRAGMA"
    }

    fn read(sql: &str) -> Self {
        let mut summarizer = Summarizer::default();
        let mut text = Text::default();
        for (space, token) in Lexer::new(cut(sql, MAX_READ)) {
            summarizer.read(token);
            text.push(space, token);
        }
        let Summary {
            operation,
            collection,
            text: summary,
        } = summarizer.finish();
        Self {
            operation,
            collection,
            summary,
            text: text.finish(),
            identity: 0,
            is_labelled: true,
        }
    }

    /// Whether it is the same statement but for values inside it.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.identity == other.identity
    }

    /// The values of the labels `db_operation_name`, `db_collection_name` and `db_query_summary`.
    pub(super) fn labels(&self) -> [Option<&str>; 3] {
        if self.is_labelled {
            let collection = self.collection.as_deref();
            [Some(&self.operation), collection, Some(&self.summary)]
        } else {
            [Some(OTHER), None, Some(OTHER)]
        }
    }
}

fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The statement without values, comments and line breaks.
#[derive(Debug, Default)]
struct Text {
    text: String,
    /// The last token was a value, or it was the comma behind one: another value adds nothing.
    in_values: bool,
    /// A comma that is not yet written.
    comma: bool,
    is_cut: bool,
}

impl Text {
    fn push(&mut self, space: bool, token: Token<'_>) {
        match token {
            Token::Literal if self.in_values && self.comma => {
                self.comma = false;
                return;
            }
            Token::Symbol(',') if self.in_values && !self.comma => {
                self.comma = true;
                return;
            }
            _ => {}
        }
        if std::mem::take(&mut self.comma) {
            self.write(false, ",");
        }
        self.in_values = token == Token::Literal;
        match token {
            Token::Literal => self.write(space, "?"),
            Token::Symbol(symbol) => self.write(space, symbol.encode_utf8(&mut [0; 4])),
            Token::Word(word) | Token::Quoted(word) | Token::Placeholder(word) => {
                self.write(space, word);
            }
        }
    }

    fn write(&mut self, space: bool, part: &str) {
        let space = space && !self.text.is_empty();
        if self.text.len() + usize::from(space) + part.len() > MAX_TEXT {
            self.is_cut = true;
        }
        if self.is_cut {
            return;
        }
        if space {
            self.text.push(' ');
        }
        self.text.push_str(part);
    }

    fn finish(mut self) -> String {
        if self.is_cut {
            self.text.push_str(" ...");
        }
        self.text
    }
}

/// The statements that were seen.
#[derive(Debug, Default)]
struct Statements {
    /// By the hash of what was sent, because that is long, and has values in it.
    known: RwLock<HashMap<u64, Arc<Statement>>>,
    labelled: RwLock<HashMap<String, ()>>,
    hasher: RandomState,
}

static STATEMENTS: LazyLock<Statements> = LazyLock::new(Statements::default);

/// The statement behind this text.
pub(super) fn statement(sql: &str) -> Arc<Statement> {
    STATEMENTS.get(sql)
}

impl Statements {
    fn get(&self, sql: &str) -> Arc<Statement> {
        let hash = self.hasher.hash_one((cut(sql, MAX_READ), sql.len()));
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(statement) = known.get(&hash) {
            return Arc::clone(statement);
        }
        drop(known);
        let mut statement = Statement::read(sql);
        statement.identity = self.hasher.hash_one((&statement.summary, &statement.text));
        statement.is_labelled = self.may_label(&statement.summary);
        let statement = Arc::new(statement);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            // A program that writes values into its statements fills it with what never comes again.
            known.clear();
        }
        known.insert(hash, Arc::clone(&statement));
        statement
    }

    fn may_label(&self, summary: &str) -> bool {
        let mut labelled = (self.labelled.write()).unwrap_or_else(PoisonError::into_inner);
        if labelled.len() < LABELLED {
            labelled.insert(summary.to_owned(), ());
        }
        labelled.contains_key(summary)
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, LABELLED, MAX_TEXT, Statement, Statements};

    fn text(sql: &str) -> String {
        Statement::read(sql).text
    }

    #[test]
    fn a_text_has_no_value_in_it() {
        for (sql, expected) in [
            (
                "SELECT * FROM t WHERE a = $1 AND b IN ($2, $3)",
                "SELECT * FROM t WHERE a = $1 AND b IN ($2, $3)",
            ),
            (
                "SELECT * FROM t\n  WHERE a = 'hunter2'",
                "SELECT * FROM t WHERE a = ?",
            ),
            ("SELECT 'it''s hunter2', 1.5e3, 0xff, -7", "SELECT ?, -?"),
            ("SELECT E'\\'hunter2', X'ff', u&'hunter2', n", "SELECT ?, n"),
            ("SELECT $$hunter2$$, $a$hun$$ter2$a$", "SELECT ?"),
            ("SELECT $1, $2", "SELECT $1, $2"),
            ("/* hunter2 /* nested */ */ SELECT 1 -- hunter2", "SELECT ?"),
            ("SELECT 'hunter2", "SELECT ?"),
            ("SELECT $$hunter2", "SELECT ?"),
            (
                "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
                "INSERT INTO t VALUES (?), (?)",
            ),
            (
                "SELECT a::text, orders2 FROM t WHERE n = :name AND m = ?1",
                "SELECT a::text, orders2 FROM t WHERE n = :name AND m = ?1",
            ),
            ("SELECT 'ü' || \"ü\"", "SELECT ? || \"ü\""),
        ] {
            let shown = text(sql);
            assert_eq!(shown, expected, "{sql}");
            assert!(!shown.contains("hunter2"));
        }
    }

    #[test]
    fn nothing_is_too_long_and_nothing_panics() {
        let long = text(&format!("SELECT {}", "a, ".repeat(100_000)));
        assert!(long.len() <= MAX_TEXT + 4 && long.ends_with(" ..."));
        let nasty = "'\"`$?:@#/*-*/--\\()[];.,E'1eüß\u{1f4a9}\0 \n$a$";
        for start in (0..nasty.len()).filter(|start| nasty.is_char_boundary(*start)) {
            for end in (start..=nasty.len()).filter(|end| nasty.is_char_boundary(*end)) {
                text(&nasty[start..end]);
                text(&format!("SELECT * FROM {}", &nasty[start..end]));
            }
        }
    }

    #[test]
    fn statements_with_other_values_in_them_are_the_same() {
        let statements = Statements::default();
        let one = statements.get("SELECT * FROM t WHERE id = 1");
        let other = statements.get("SELECT * FROM t WHERE id = 2");
        assert_eq!(one, other);
    }

    #[test]
    fn what_is_kept_is_bounded_and_so_are_the_labels() {
        let statements = Statements::default();
        for number in 0..3 * KEPT {
            statements.get(&format!("SELECT * FROM t{number}"));
        }
        assert!(
            statements
                .known
                .read()
                .is_ok_and(|known| known.len() <= KEPT)
        );
        let first = statements.get("SELECT * FROM t0");
        assert_eq!(
            first.labels(),
            [Some("SELECT"), Some("t0"), Some("SELECT t0")]
        );
        let late = statements.get(&format!("SELECT * FROM t{}", LABELLED + 1));
        assert_eq!(late.labels(), [Some("_OTHER"), None, Some("_OTHER")]);
        assert_eq!(late.summary, format!("SELECT t{}", LABELLED + 1));
    }
}
