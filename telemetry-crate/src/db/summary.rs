//! The summary of a statement: what it does, in a few words.
//!
//! An example is `SELECT orders`.
//!
//! The [database
//! conventions](https://opentelemetry.io/docs/specs/semconv/db/database-spans/#generating-a-summary-of-the-query)
//! define it: it has the operations and their tables, in the order of the text and as often as they
//! are named, without anything that varies. It is a guess by keywords, and reading never fails. The
//! summary of an unknown statement is its first word.

mod frame;
mod keywords;
mod name;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use self::{
    frame::{Ctes, Expected, Frame},
    name::{push_part, unqualified, unquoted},
};
use super::lexer::{Dialect, Token};

/// Longest summary in bytes; the conventions say 255 characters.
///
/// A part that does not fit is omitted, with all parts after it.
const MAX_LENGTH: usize = 255;

/// The summary and other facts about a statement.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// The operation in upper case; empty for an empty statement.
    pub(super) operation: String,
    /// The table, if there is exactly one.
    pub(super) collection: Option<String>,
    /// The summary itself, such as `SELECT orders`.
    pub(super) text: String,
    /// Whether there is more than one statement.
    pub(super) is_script: bool,
}

/// Reads tokens and builds the summary.
#[derive(Debug)]
pub(super) struct Summarizer<'a> {
    dialect: Dialect,
    text: String,
    is_full: bool,
    operation: Option<String>,
    collections: Collections,
    /// The states of the statement and of each open parenthesis.
    frames: Vec<Frame<'a>>,
    /// Visible names of `WITH name AS (…)`, with the depth of their `WITH`.
    ctes: Vec<(usize, Cow<'a, str>)>,
    /// The current name, with quotes only where they are needed.
    name: String,
    previous: Option<Token<'a>>,
    is_script: bool,
}

#[derive(Debug, Default)]
enum Collections {
    #[default]
    None,
    One(String),
    Many,
}

fn one_of(word: &str, keywords: &[&'static str]) -> Option<&'static str> {
    let same = |keyword: &&'static str| word.eq_ignore_ascii_case(keyword);
    keywords.iter().copied().find(same)
}

fn is(word: &str, keyword: &'static str) -> bool {
    one_of(word, &[keyword]).is_some()
}

impl<'a> Summarizer<'a> {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            text: String::new(),
            is_full: false,
            operation: None,
            collections: Collections::default(),
            frames: vec![Frame::default()],
            ctes: Vec::new(),
            name: String::new(),
            previous: None,
            is_script: false,
        }
    }

    pub(super) fn read(&mut self, token: Token<'a>) {
        let begins_statement =
            self.previous == Some(Token::Symbol(';')) && token != Token::Symbol(';');
        self.is_script |= begins_statement && self.operation.is_some();
        match token {
            Token::Word(word) => self.word(word),
            Token::Quoted(name) => self.quoted(name),
            Token::Symbol('.') if !self.name.is_empty() => self.name.push('.'),
            Token::Symbol('(') => self.open(),
            Token::Symbol(')') => self.close(),
            Token::Symbol(',') => {
                self.end_of_name();
                let frame = self.frame();
                if frame.ctes == Ctes::Body {
                    frame.ctes = Ctes::Name;
                    self.cte_is_visible();
                } else if frame.is_list {
                    frame.expected = Some(Expected::Source);
                }
            }
            Token::Symbol(';') => {
                self.end_of_name();
                self.frames = vec![Frame::default()];
                self.ctes.clear();
            }
            Token::Symbol(_) | Token::Literal | Token::Placeholder(_) => {
                self.end_of_name();
                self.frame().has_begun = true;
            }
        }
        self.previous = Some(token);
    }

    /// Returns whether a name of a table or of a `WITH` query comes next.
    pub(super) fn expects_table(&self) -> bool {
        let is_next = self.name.is_empty() || self.name.ends_with('.');
        let frame = self.frames.last();
        frame.is_some_and(|frame| frame.ctes == Ctes::Name || frame.expected.is_some() && is_next)
    }

    /// Returns whether the table of an `INSERT` comes next.
    ///
    /// A list of columns may follow it.
    pub(super) fn expects_rows_table(&self) -> bool {
        let frame = self.frames.last();
        let inserts = frame.is_some_and(|frame| {
            frame.expected == Some(Expected::Target) && frame.is_one_of(&["INSERT", "REPLACE"])
        });
        inserts && self.expects_table()
    }

    fn frame(&mut self) -> &mut Frame<'a> {
        if self.frames.is_empty() {
            self.frames.push(Frame::default());
        }
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    fn open(&mut self) {
        let expected = self.frame().expected;
        let mut inside = Frame {
            is_body: self.frame().ctes == Ctes::Body,
            ..Frame::default()
        };
        if expected.is_some() && self.name.is_empty() {
            // `FROM (a JOIN b)`, unless a query begins inside.
            inside.expected = expected;
            inside.is_list = true;
            inside.operation = self.frame().operation;
        } else if expected == Some(Expected::Source) {
            // The name was that of a function.
            self.name.clear();
        }
        self.end_of_name();
        let frame = self.frame();
        // Options of `EXPLAIN` come before its statement.
        frame.has_begun |= !frame.is_explained;
        self.frames.push(inside);
    }

    fn close(&mut self) {
        self.end_of_name();
        if self.frames.len() > 1 {
            self.frames.pop();
        }
        let depth = self.frames.len();
        self.ctes.retain(|(cte_depth, _)| *cte_depth <= depth);
    }

    fn quoted(&mut self, name: &'a str) {
        if self.frame().ctes == Ctes::Name {
            self.cte(name);
        } else {
            self.part_of_name(name);
        }
    }

    fn word(&mut self, word: &'a str) {
        if self.frame().expected.is_some() && (self.name.is_empty() || self.name.ends_with('.')) {
            let is_query = one_of(word, &["SELECT", "WITH", "VALUES"]).is_some();
            if !(self.name.is_empty() && (is_query || self.is_before_name(word))) {
                return self.part_of_name(word);
            }
            if !is_query {
                return;
            }
        }
        self.end_of_name();
        if matches!(self.previous, Some(Token::Symbol('.'))) {
            return;
        }
        if self.frame().ctes == Ctes::Name {
            if is(word, "RECURSIVE") && !self.frame().is_recursive {
                self.frame().is_recursive = true;
            } else {
                self.cte(word);
            }
            return;
        }
        self.keyword(word);
    }

    fn push_operation(&mut self, word: &'a str) {
        let operation = word.to_ascii_uppercase();
        // The operation is that of the statement, not of a query in its `WITH`.
        if self.frames.len() == 1 && self.operation.is_none() {
            self.operation = Some(operation.clone());
        }
        self.cte_is_visible();
        let frame = self.frame();
        frame.ctes = Ctes::None;
        frame.operation = Some(word);
        frame.is_explained |= is(word, "EXPLAIN");
        frame.is_list = frame.is_one_of(&["TRUNCATE", "LOCK"]);
        let names_target = frame.is_one_of(&frame::BEFORE_TARGET);
        frame.expected = names_target.then_some(Expected::Target);
        self.push(&operation);
    }

    /// Reads the name of `WITH name AS (…)`.
    fn cte(&mut self, name: &'a str) {
        let frame = self.frame();
        frame.ctes = Ctes::Body;
        frame.cte = Some(unquoted(name));
        if frame.is_recursive {
            self.cte_is_visible();
        }
    }

    /// Makes the name visible to the queries after it.
    ///
    /// Its own query sees it only with `RECURSIVE`; otherwise the name is a table there.
    fn cte_is_visible(&mut self) {
        let depth = self.frames.len();
        let cte = self.frame().cte.take();
        self.ctes.extend(cte.map(|cte| (depth, cte)));
    }

    fn part_of_name(&mut self, part: &'a str) {
        let is_next = self.name.is_empty() || self.name.ends_with('.');
        if self.frame().expected.is_some() && is_next {
            // A name that is too long is not shown.
            if self.name.len() <= MAX_LENGTH {
                push_part(&mut self.name, part);
            }
        } else {
            self.end_of_name();
        }
        self.frame().has_begun = true;
    }

    fn end_of_name(&mut self) {
        let mut name = std::mem::take(&mut self.name);
        let Some(expected) = self.frame().expected.take() else {
            return;
        };
        let plain = unquoted(&name);
        let same = |(_, cte): &(usize, Cow<'_, str>)| cte.eq_ignore_ascii_case(&plain);
        // A statement only writes to tables, never to a `WITH` query of the same name.
        let is_cte = expected == Expected::Source && self.ctes.iter().any(same);
        if name.is_empty() || is_cte {
            return;
        }
        let schema = name.len() - unqualified(&name, self.dialect).len();
        name.drain(..schema);
        self.push(&name);
        if self.frame().is_one_of(&["CALL", "EXEC", "EXECUTE"]) {
            return;
        }
        self.collections = match std::mem::take(&mut self.collections) {
            Collections::None => Collections::One(name),
            Collections::One(one) if one == name => Collections::One(one),
            _ => Collections::Many,
        };
    }

    fn push(&mut self, part: &str) {
        let space = usize::from(!self.text.is_empty());
        self.is_full |= self.text.len() + space + part.len() > MAX_LENGTH;
        if !self.is_full {
            self.text.extend((space > 0).then_some(' '));
            self.text.push_str(part);
        }
    }

    pub(super) fn finish(mut self) -> Summary {
        self.end_of_name();
        let first = self.text.split(' ').next().unwrap_or_default();
        Summary {
            operation: self.operation.unwrap_or_else(|| first.to_owned()),
            collection: match self.collections {
                Collections::One(name) if name.len() <= MAX_LENGTH => {
                    Some(unquoted(&name).into_owned())
                }
                _ => None,
            },
            text: self.text,
            is_script: self.is_script,
        }
    }
}
