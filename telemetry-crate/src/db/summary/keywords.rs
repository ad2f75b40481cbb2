//! Keywords of a statement: which operation begins, and whether a name follows.

use super::{
    Summarizer,
    frame::{self, Ctes, Expected},
    is, one_of,
};
use crate::db::lexer::Token;

impl<'a> Summarizer<'a> {
    /// Returns whether the word stands between the keyword and the name.
    pub(super) fn is_before_name(&self, word: &str) -> bool {
        let Some(expected) = self.frames.last().and_then(|frame| frame.expected) else {
            return false;
        };
        match (expected, self.previous) {
            // `UPDATE OR IGNORE orders`
            (Expected::Target, Some(Token::Word(before))) if is(before, "OR") => true,
            (Expected::Source, _) => one_of(word, &["ONLY", "LATERAL"]).is_some(),
            (Expected::Target, _) => one_of(
                word,
                &["ONLY", "OR", "IF", "NOT", "EXISTS", "TABLE", "INTO"],
            )
            .is_some(),
        }
    }

    pub(super) fn keyword(&mut self, word: &'a str) {
        const WRITES: [&str; 5] = ["INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"];
        let is_statement = self.frames.len() == 1;
        let frame = self.frame();
        let is_first = !frame.has_begun;
        if is_first && frame.is_explained && one_of(word, &frame::EXPLAIN_OPTIONS).is_some() {
            return;
        }
        let follows_ctes = frame.ctes == Ctes::Body;
        let may_write = (is_first && (is_statement || frame.is_body)) || follows_ctes;
        if is(word, "WITH") && self.begins_ctes(is_first) {
            let frame = self.frame();
            frame.ctes = Ctes::Name;
            frame.expected = None;
            frame.has_begun = true;
        } else if is(word, "SELECT") {
            if self.is_query(is_first) {
                self.push_operation("SELECT");
            }
        } else if let Some(write) = one_of(word, &WRITES).filter(|_| may_write) {
            self.push_operation(write);
        } else if is_first && is_statement {
            self.push_operation(word);
        } else if !follows_ctes {
            self.clause(word);
        }
        // After `EXPLAIN`, the statement that it explains has not begun yet.
        self.frame().has_begun |= !self.frame().is_explained || !is_first || !is(word, "EXPLAIN");
    }

    /// Returns whether `WITH` begins named queries here.
    ///
    /// Other uses are `WITH ORDINALITY` and `WITH (fillfactor = 70)`.
    fn begins_ctes(&self, is_first: bool) -> bool {
        let frame = self.frames.last();
        let inserts = frame.is_some_and(|frame| frame.is_one_of(&["INSERT", "REPLACE"]));
        is_first || inserts || matches!(self.previous, Some(Token::Word(word)) if is(word, "AS"))
    }

    /// Returns whether `SELECT` begins a query, and is not a privilege or a column.
    fn is_query(&self, is_first: bool) -> bool {
        let frame = self.frames.last();
        let is_in =
            |operations: &[&'static str]| frame.is_some_and(|frame| frame.is_one_of(operations));
        let before = match self.previous {
            Some(Token::Word(word)) => word,
            _ => "",
        };
        let is_privilege =
            is_in(&["GRANT", "REVOKE"]) || (is_in(&["CREATE", "ALTER"]) && is(before, "FOR"));
        let is_statement = self.frames.len() == 1;
        let is_in_query = is_first || frame.is_some_and(|frame| frame.operation.is_some());
        !is_privilege
            && (is_statement || is_in_query || one_of(before, &frame::BEFORE_QUERY).is_some())
    }

    fn clause(&mut self, word: &'a str) {
        let distinct = matches!(self.previous, Some(Token::Word(word)) if is(word, "DISTINCT"));
        let deletes = matches!(self.previous, Some(Token::Word(word)) if is(word, "DELETE"));
        let frame = self.frame();
        if is(word, "FROM") {
            if frame.is_one_of(&["SELECT", "DELETE", "UPDATE"]) && !distinct {
                frame.is_list = !deletes;
                let target = if deletes {
                    Expected::Target
                } else {
                    Expected::Source
                };
                frame.expected = Some(target);
            }
        } else if is(word, "JOIN") {
            frame.expected = frame.operation.map(|_| Expected::Source);
        } else if is(word, "USING") {
            // In a join, `USING` names columns.
            if frame.is_one_of(&["DELETE", "MERGE"]) && !frame.is_list {
                frame.expected = Some(Expected::Source);
                frame.is_list = frame.is_one_of(&["DELETE"]);
            }
        } else if is(word, "INTO") {
            if frame.is_one_of(&["SELECT", "INSERT", "MERGE", "REPLACE"]) {
                frame.expected = Some(Expected::Target);
            }
        } else if one_of(word, &["TABLE", "VIEW"]).is_some() {
            if frame.is_one_of(&["CREATE", "ALTER", "DROP"]) {
                frame.expected = Some(Expected::Target);
                frame.is_list = frame.is_one_of(&["DROP"]);
            }
        } else if one_of(word, &frame::AFTER_SOURCES).is_some() {
            frame.is_list = false;
        }
    }
}
