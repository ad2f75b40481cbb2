//! Splits an SQL statement into names, values and other tokens.
//!
//! It accepts any input. Text that is not SQL, or that ends in the middle of a string, yields
//! tokens as well. A token that might be a value counts as a value. The grammar is not parsed.

/// The SQL dialect, as far as it decides which tokens may be values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Dialect {
    /// PostgreSQL, where a double-quoted word is a name.
    PostgreSql,
    /// SQLite, where a double-quoted word is a value if no such name exists.
    Sqlite,
    /// An unknown database.
    ///
    /// As in `MySQL`, a double-quoted word may be a value, a backslash may escape a quote, and `#`
    /// may begin a comment.
    Other,
}

impl Dialect {
    /// Returns the dialect for a `db.system.name`.
    pub(super) fn from_system(system: &str) -> Self {
        match system {
            "postgresql" => Self::PostgreSql,
            "sqlite" => Self::Sqlite,
            _ => Self::Other,
        }
    }
}

/// A token of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword or a name.
    Word(&'a str),
    /// A name in quotes or brackets, as it was written.
    Quoted(&'a str),
    /// A number or a string: a value, which must never be shown.
    Literal,
    /// A placeholder: `$1`, `?` or `:name`.
    Placeholder(&'a str),
    Symbol(char),
}

/// Splits a statement into tokens.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    rest: &'a str,
    dialect: Dialect,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(sql: &'a str, dialect: Dialect) -> Self {
        Self { rest: sql, dialect }
    }

    /// Takes `length` bytes, or fewer at a character boundary.
    fn take(&mut self, length: usize) -> &'a str {
        let mut length = length.min(self.rest.len());
        while !self.rest.is_char_boundary(length) {
            length -= 1;
        }
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !keep(c));
        self.take(end.unwrap_or(self.rest.len()))
    }

    fn skip_blanks(&mut self) -> bool {
        let before = self.rest.len();
        loop {
            self.take_while(char::is_whitespace);
            if self.rest.starts_with("--") || self.is_hash_comment() {
                self.take_while(|c| c != '\n');
            } else if self.rest.starts_with("/*") {
                self.skip_comment();
            } else {
                return self.rest.len() < before;
            }
        }
    }

    /// Returns whether a `#` begins a comment, and not a JSON operator of PostgreSQL.
    ///
    /// After `#--`, the rest of the line is a comment in any dialect.
    fn is_hash_comment(&self) -> bool {
        let is_operator = |after: &str| after.starts_with(['>', '-']) && !after.starts_with("--");
        let after = self.rest.strip_prefix('#');
        self.dialect == Dialect::Other && after.is_some_and(|after| !is_operator(after))
    }

    /// Skips a comment; PostgreSQL's comments nest.
    fn skip_comment(&mut self) {
        let mut depth = 0_usize;
        while !self.rest.is_empty() {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.take(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.take(2);
                if depth == 0 {
                    return;
                }
            } else {
                self.advance(0);
                self.take_while(|c| c != '/' && c != '*');
            }
        }
    }

    /// Skips `length` bytes, and at least one character.
    fn advance(&mut self, length: usize) {
        let first = self.rest.chars().next().map_or(0, char::len_utf8);
        self.take(length.max(first));
    }

    /// Takes a string in a database that may treat a backslash as an escape.
    ///
    /// If the end of the string depends on it, the whole rest of the statement is taken.
    fn quoted_without_escapes(&mut self, close: char) -> &'a str {
        let all = self.rest;
        let taken = self.quoted(close, false);
        let is_escape =
            |(index, c): (usize, char)| c == '\\' && taken[index + 1..].starts_with(close);
        if self.dialect == Dialect::Other && taken.char_indices().any(is_escape) {
            self.rest = "";
            return all;
        }
        taken
    }

    /// Takes a string or a quoted name, including its quotes.
    ///
    /// A doubled quote is a part of it.
    fn quoted(&mut self, close: char, escapes: bool) -> &'a str {
        let all = self.rest;
        let mut inside = all.char_indices().skip(1).peekable();
        while let Some((index, c)) = inside.next() {
            if escapes && c == '\\' {
                inside.next();
            } else if c == close {
                if inside.peek().is_some_and(|(_, next)| *next == close) {
                    inside.next();
                } else {
                    return self.take(index + c.len_utf8());
                }
            }
        }
        self.take(all.len())
    }

    /// Takes a `[name]`, if there is one.
    ///
    /// In PostgreSQL, brackets are an index or an array. In an unknown database they may be one of
    /// these, so they count as a name only if the content cannot be a value.
    fn bracketed(&mut self) -> Option<&'a str> {
        let inside = &self.rest[1..self.rest.find(']')?];
        let mut words = inside.split(' ');
        let is_word = |word: &str| {
            word.starts_with(|c: char| is_name(c) && !c.is_numeric()) && word.chars().all(is_name)
        };
        let is_quoted = match self.dialect {
            Dialect::PostgreSql => false,
            Dialect::Sqlite => true,
            Dialect::Other => words.all(is_word),
        };
        let length = inside.len() + 2;
        is_quoted.then(|| self.take(length))
    }

    /// Takes a `$tag$ … $tag$` string, if there is one.
    fn dollar_quoted(&mut self) -> bool {
        let Some(end) = self.rest[1..].find('$') else {
            return false;
        };
        let tag = &self.rest[..end + 2];
        let name = &tag[1..tag.len() - 1];
        if name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(is_name) {
            return false;
        }
        let body = &self.rest[tag.len()..];
        let length = body.find(tag).map(|end| end + 2 * tag.len());
        self.take(length.unwrap_or(self.rest.len()));
        true
    }

    fn word(&mut self) -> Token<'a> {
        let word = self.take_while(|c| is_name(c) || c == '$');
        // The word may be the prefix of a string: `E'\''`, `X'ff'`, `N'…'`, `B'01'`, `U&'…'`.
        if self.rest.starts_with("&'") && word.eq_ignore_ascii_case("u") {
            self.take(1);
        }
        if self.rest.starts_with('\'') && word.len() == 1 {
            if word.eq_ignore_ascii_case("e") {
                self.quoted('\'', true);
            } else {
                self.quoted_without_escapes('\'');
            }
            return Token::Literal;
        }
        Token::Word(word)
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl<'a> Iterator for Lexer<'a> {
    /// Whether there is space before the token, and the token.
    type Item = (bool, Token<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let space = self.skip_blanks();
        let first = self.rest.chars().next()?;
        let second = self.rest[first.len_utf8()..].chars().next();
        let token = match first {
            '\'' => {
                self.quoted_without_escapes('\'');
                Token::Literal
            }
            '"' => Token::Quoted(self.quoted_without_escapes('"')),
            '`' => Token::Quoted(self.quoted('`', false)),
            '[' => match self.bracketed() {
                Some(name) => Token::Quoted(name),
                None => {
                    self.advance(0);
                    Token::Symbol('[')
                }
            },
            '$' if self.dollar_quoted() => Token::Literal,
            // In `a[1:2]`, `a #3` and `@5` an operator precedes a value, but `$1` is a placeholder.
            '$' | ':' | '@' | '#'
                if second.is_some_and(|c| is_name(c) && (first == '$' || !c.is_ascii_digit())) =>
            {
                let name = self.rest[1..].find(|c| !is_name(c));
                Token::Placeholder(self.take(name.map_or(self.rest.len(), |end| end + 1)))
            }
            '?' => {
                let digits = self.rest[1..].find(|c: char| !c.is_ascii_digit());
                Token::Placeholder(self.take(digits.map_or(self.rest.len(), |end| end + 1)))
            }
            '.' if second.is_some_and(|c| c.is_ascii_digit()) => self.number(),
            first if first.is_ascii_digit() => self.number(),
            first if is_name(first) => self.word(),
            // `::` is a cast and does not begin a placeholder.
            ':' if second == Some(':') => {
                self.take(2);
                return Some((space, Token::Word("::")));
            }
            first => {
                self.advance(0);
                Token::Symbol(first)
            }
        };
        Some((space, token))
    }
}

impl<'a> Lexer<'a> {
    /// Takes a number: `1`, `1.5e3`, `0xff`, `1_000`.
    ///
    /// The sign of an exponent stays a symbol, which reveals nothing.
    fn number(&mut self) -> Token<'a> {
        self.take_while(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
        Token::Literal
    }
}
