//! The tokens of PromQL, as far as names of metrics need them.

/// A part of an expression.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name or a keyword.
    Word(&'a str),
    /// `{…}`, with the names of metrics in it.
    Matchers(Vec<&'a str>),
    Open,
    Close,
    /// A number, a string, a range, or a variable of Grafana.
    Operand,
    /// An operator, or a comma.
    Operator,
}

/// Splits an expression; comments and white space are left out.
pub(super) fn tokens(expression: &str) -> Vec<Token<'_>> {
    let mut rest = expression;
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '#' => (None, rest.find('\n').unwrap_or(rest.len())),
            '"' | '\'' | '`' => (Some(Token::Operand), length_of_string(rest)),
            '{' => {
                let length = length_within(rest, '{', '}');
                (Some(Token::Matchers(named(&rest[1..length]))), length)
            }
            _ if length_of_word(rest) > 0 => {
                let length = length_of_word(rest);
                let word = &rest[..length];
                let is_name = !word.contains(['$', '[']) && !is_of_number(first);
                let token = if is_name {
                    Token::Word(word)
                } else {
                    Token::Operand
                };
                (Some(token), length)
            }
            '[' => (Some(Token::Operand), length_within(rest, '[', ']')),
            '(' => (Some(Token::Open), 1),
            ')' => (Some(Token::Close), 1),
            _ if first.is_whitespace() => (None, first.len_utf8()),
            _ => (Some(Token::Operator), first.len_utf8()),
        };
        tokens.extend(token);
        rest = &rest[length..];
    }
    tokens
}

/// The length of a name or number, with Grafana's variables in it: `$name`, `${name}`, `[[name]]`.
fn length_of_word(text: &str) -> usize {
    let mut length = 0;
    while let Some(next) = text[length..].chars().next() {
        let rest = &text[length..];
        length += match next {
            '$' if rest.starts_with("${") => rest.find('}').map_or(rest.len(), |end| end + 1),
            '$' => 1,
            // Three brackets are a range whose duration is a variable.
            '[' if rest.starts_with("[[") && !rest.starts_with("[[[") => {
                rest.find("]]").map_or(rest.len(), |end| end + 2)
            }
            // A number may have a point.
            '.' if text.starts_with(is_of_number) => 1,
            _ if next.is_ascii_alphanumeric() || "_:".contains(next) => 1,
            _ => break,
        };
    }
    length
}

/// Whether a number may begin with the character.
fn is_of_number(first: char) -> bool {
    first.is_ascii_digit() || first == '.'
}

/// The length of a string with its quotes.
fn length_of_string(text: &str) -> usize {
    let mut chars = text.char_indices();
    let quote = chars.next().map(|(_, quote)| quote);
    while let Some((at, next)) = chars.next() {
        if Some(next) == quote {
            return at + next.len_utf8();
        }
        if next == '\\' && quote != Some('`') {
            chars.next();
        }
    }
    text.len()
}

/// The length up to the bracket that closes the first one; brackets in strings do not count.
fn length_within(text: &str, open: char, close: char) -> usize {
    let (mut length, mut depth) = (0, 0_usize);
    while let Some(next) = text[length..].chars().next() {
        if "\"'`".contains(next) {
            length += length_of_string(&text[length..]);
            continue;
        }
        length += next.len_utf8();
        if next == open {
            depth += 1;
        } else if next == close {
            depth -= 1;
        }
        if depth == 0 {
            return length;
        }
    }
    text.len()
}

/// The names of metrics in the text after `{`: a quoted name, or a matcher of `__name__`.
fn named(matchers: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = matchers;
    // The text between the last separator and a string: a label and an operator.
    let mut before = 0;
    while let Some(at) = rest[before..].find(['"', '\'', '`', ',']) {
        let at = before + at;
        if rest[at..].starts_with(',') {
            rest = &rest[at + 1..];
            before = 0;
            continue;
        }
        let length = length_of_string(&rest[at..]);
        let value = rest.get(at + 1..(at + length).saturating_sub(1));
        let value = value.unwrap_or_default();
        let label: String = rest[..at].split_whitespace().collect();
        let after = rest[at + length..].trim_start();
        let is_item = after.starts_with(',') || after.starts_with('}') || after.is_empty();
        match label.trim_matches(['"', '\'', '`']) {
            "" if is_item => names.extend(plain(value)),
            "__name__=" => names.extend(plain(value)),
            "__name__=~" => names.extend(alternatives(value)),
            _ => {}
        }
        before = at + length;
    }
    names
}

/// The name, unless a variable or an escape is in it.
fn plain(name: &str) -> Option<&str> {
    (!name.is_empty() && !name.contains(['$', '\\'])).then_some(name)
}

/// The names of a regular expression that lists names: `a|b`.
fn alternatives(pattern: &str) -> Vec<&str> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_:|".contains(letter);
    if !pattern.chars().all(is_letter) {
        return Vec::new();
    }
    pattern.split('|').filter_map(plain).collect()
}
