//! A statement's text as telemetry shows it: no values, comments or line breaks.
//!
//! The number of items in a list, such as `IN ($1, $2)` or the rows of `VALUES`, varies from call to
//! call. The text is the same for any number: consecutive items that differ only in their values
//! are shown once, and in a statement with such a list all placeholders are shown as `?`.

use super::lexer::{Lexer, Token};

/// Longest shown text in bytes.
const MAX_BYTES: usize = 4 * 1024;

#[derive(Debug)]
pub(super) struct Text {
    text: String,
    /// Whether placeholders are shown as `?`.
    has_list: bool,
    /// One frame for the statement, and one for each open parenthesis or bracket.
    frames: Vec<Frame>,
    /// Whether the last token was a value, or the comma after one.
    ///
    /// Further values are not written, so that `1, 2, 3` is shown as `?`.
    in_values: bool,
    /// Whether a comma is held back, because another value may follow it.
    has_pending_comma: bool,
    /// A sign that may belong to a number, and whether a space precedes it.
    pending_sign: Option<(bool, char)>,
    previous: Previous,
    is_truncated: bool,
}

/// State of the statement, or of an open parenthesis or bracket.
#[derive(Debug, Default)]
struct Frame {
    list: Option<List>,
    /// Whether the items are the rows of `VALUES`, which no parenthesis encloses.
    is_rows: bool,
}

/// A list, with its items as byte positions in the text.
#[derive(Debug)]
struct List {
    /// Start of the current item.
    start: usize,
    /// The previous item.
    last: Option<std::ops::Range<usize>>,
}

/// The kind of the previous token, which decides how the next one is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Previous {
    /// Nothing, or a token that a value may follow: an operator, a comma, `(`.
    Operator,
    In,
    Values,
    Array,
    /// A `)` or `]`, such as the end of a row.
    Close,
    Operand,
}

impl Text {
    /// Creates an empty text for a statement with these tokens.
    pub(super) fn new(mut tokens: Lexer<'_>) -> Self {
        let mut previous = Previous::Operator;
        let has_list = tokens.any(|(_, token)| {
            let is_list = begins_list(previous, token);
            previous = Previous::from_token(token);
            is_list
        });
        Self {
            text: String::new(),
            has_list,
            frames: vec![Frame::default()],
            in_values: false,
            has_pending_comma: false,
            pending_sign: None,
            previous: Previous::Operator,
            is_truncated: false,
        }
    }

    /// Appends a token; `space` says whether a space precedes it.
    pub(super) fn push(&mut self, space: bool, token: Token<'_>) {
        let token = match token {
            Token::Placeholder(_) if self.has_list => Token::Placeholder("?"),
            token => token,
        };
        let no_row_follows = self.previous == Previous::Close && token != Token::Symbol(',');
        if no_row_follows && self.frame().is_rows {
            self.end_of_list();
        }
        match (self.pending_sign.take(), token) {
            // The sign is a part of the value, which is shown as `?`.
            (Some((sign_space, _)), Token::Literal) => self.write_token(sign_space, token),
            (Some((sign_space, sign)), _) => {
                self.write_token(sign_space, Token::Symbol(sign));
                self.write_token(space, token);
            }
            // In `#-1` the minus is a part of the operator, without which a comment may begin.
            (None, Token::Symbol(sign @ ('-' | '+')))
                if self.previous == Previous::Operator && !self.text.ends_with('#') =>
            {
                self.pending_sign = Some((space, sign));
            }
            (None, _) => self.write_token(space, token),
        }
        self.previous = Previous::from_token(token);
    }

    fn write_token(&mut self, space: bool, token: Token<'_>) {
        let in_list = self.frame().list.is_some();
        match token {
            Token::Literal if self.in_values && self.has_pending_comma => {
                self.has_pending_comma = false;
                return;
            }
            Token::Symbol(',') if self.in_values && !self.has_pending_comma && !in_list => {
                self.has_pending_comma = true;
                return;
            }
            _ => {}
        }
        if std::mem::take(&mut self.has_pending_comma) {
            self.write(false, ",");
        }
        self.in_values = token == Token::Literal;
        match token {
            Token::Literal => self.write(space, "?"),
            Token::Symbol('(' | '[') => self.open(space, token),
            Token::Symbol(')' | ']') => self.close(token),
            Token::Symbol(',') if in_list => self.end_of_item(),
            Token::Symbol(symbol) => self.write(space, symbol.encode_utf8(&mut [0; 4])),
            Token::Word(word) | Token::Quoted(word) | Token::Placeholder(word) => {
                self.write(space, word);
            }
        }
    }

    fn frame(&mut self) -> &mut Frame {
        if self.frames.is_empty() {
            self.frames.push(Frame::default());
        }
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    fn open(&mut self, space: bool, token: Token<'_>) {
        let is_list = begins_list(self.previous, token);
        let is_rows = is_list && self.previous == Previous::Values;
        if is_rows {
            let start = self.text.len();
            *self.frame() = Frame {
                list: Some(List { start, last: None }),
                is_rows,
            };
        }
        self.write_symbol(space, token);
        let start = self.text.len();
        let list = (is_list && !is_rows).then_some(List { start, last: None });
        self.frames.push(Frame {
            list,
            is_rows: false,
        });
    }

    fn close(&mut self, token: Token<'_>) {
        self.end_of_list();
        if self.frames.len() > 1 {
            self.frames.pop();
        }
        self.write_symbol(false, token);
    }

    fn write_symbol(&mut self, space: bool, token: Token<'_>) {
        if let Token::Symbol(symbol) = token {
            self.write(space, symbol.encode_utf8(&mut [0; 4]));
        }
    }

    /// Removes the current item if it equals the previous one.
    fn fold(&mut self) {
        let end = self.text.len();
        let Some(list) = self.frame().list.take() else {
            return;
        };
        let item = |range: &std::ops::Range<usize>| self.text.get(range.clone()).map(str::trim);
        let range = list.start..end;
        let last = list.last.filter(|last| item(last) == item(&range));
        let last = match last {
            Some(last) if !self.is_truncated => {
                self.text.truncate(last.end);
                last
            }
            _ => range,
        };
        self.frame().list = Some(List {
            start: last.end,
            last: Some(last),
        });
    }

    fn end_of_item(&mut self) {
        self.fold();
        self.write(false, ",");
        let start = self.text.len();
        if let Some(list) = &mut self.frame().list {
            list.start = start;
        }
    }

    fn end_of_list(&mut self) {
        self.fold();
        let frame = self.frame();
        frame.list = None;
        frame.is_rows = false;
    }

    fn write(&mut self, space: bool, part: &str) {
        let space = space && !self.text.is_empty();
        if self.text.len() + usize::from(space) + part.len() > MAX_BYTES {
            self.is_truncated = true;
        }
        if self.is_truncated {
            return;
        }
        if space {
            self.text.push(' ');
        }
        self.text.push_str(&part.replace(['\n', '\r'], " "));
    }

    pub(super) fn finish(mut self) -> String {
        if let Some((space, sign)) = self.pending_sign.take() {
            self.write_token(space, Token::Symbol(sign));
        }
        if std::mem::take(&mut self.has_pending_comma) {
            self.write(false, ",");
        }
        self.end_of_list();
        if self.is_truncated {
            self.text.push_str(" ...");
        }
        self.text
    }
}

impl Previous {
    fn from_token(token: Token<'_>) -> Self {
        let is = |word: &str, keyword| word.eq_ignore_ascii_case(keyword);
        match token {
            Token::Word(word) if is(word, "IN") => Self::In,
            Token::Word(word) if is(word, "VALUES") => Self::Values,
            Token::Word(word) if is(word, "ARRAY") => Self::Array,
            Token::Symbol(')' | ']') => Self::Close,
            Token::Symbol(_) => Self::Operator,
            _ => Self::Operand,
        }
    }
}

fn begins_list(previous: Previous, token: Token<'_>) -> bool {
    match token {
        Token::Symbol('(') => matches!(previous, Previous::In | Previous::Values),
        Token::Symbol('[') => previous == Previous::Array,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
