//! The tokens of PromQL, as far as names of metrics need them.

/// A part of an expression.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name or a keyword.
    Word(&'a str),
    /// `{…}`.
    Matchers(Vec<Matcher<'a>>),
    Open,
    Close,
    /// A number, a string, a range, or a variable of Grafana.
    Operand,
    /// An operator, or a comma.
    Operator,
}

/// A part of `{…}`, such as `reason="item"`.
///
/// The name of a metric has an empty label and operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Matcher<'a> {
    pub(in super::super) label: &'a str,
    operator: &'a str,
    value: &'a str,
}

impl<'a> Matcher<'a> {
    /// The names of metrics that the matcher lists.
    pub(super) fn names(self) -> Vec<&'a str> {
        match self.label {
            "" => plain(self.value).into_iter().collect(),
            "__name__" if !self.operator.starts_with('!') => self.values(),
            _ => Vec::new(),
        }
    }

    /// The values that the matcher lists; empty if a variable or a pattern is in it.
    pub(in super::super) fn values(self) -> Vec<&'a str> {
        match self.operator {
            "=~" | "!~" => alternatives(self.value),
            _ => plain(self.value).into_iter().collect(),
        }
    }
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
                (Some(Token::Matchers(matchers(&rest[1..length]))), length)
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

/// The length of a name or number, with Grafana's variables in it.
///
/// A variable is `$name`, `${name}` or `[[name]]`.
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

/// The length up to the bracket that closes the first one.
///
/// Brackets in strings do not count.
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

/// The matchers in the text after `{`.
fn matchers(text: &str) -> Vec<Matcher<'_>> {
    let mut matchers = Vec::new();
    let mut rest = text;
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
        let (label, operator) = label_and_operator(rest[..at].trim());
        let after = rest[at + length..].trim_start();
        let is_item = after.starts_with(',') || after.starts_with('}') || after.is_empty();
        if is_item {
            matchers.push(Matcher {
                label,
                operator,
                value,
            });
        }
        before = at + length;
    }
    matchers
}

/// Splits the text before a value, such as `reason =~`; a label may be in quotes.
fn label_and_operator(text: &str) -> (&str, &str) {
    let operator = ["=~", "!~", "!=", "="];
    let operator = operator.into_iter().find(|it| text.ends_with(it));
    let operator = operator.unwrap_or_default();
    let label = text.strip_suffix(operator).unwrap_or(text).trim();
    (label.trim_matches(['"', '\'', '`']), operator)
}

/// The text, unless a variable or an escape is in it.
fn plain(text: &str) -> Option<&str> {
    let is_plain = !text.is_empty() && !text.contains(['$', '\\']) && !text.contains("[[");
    is_plain.then_some(text)
}

/// The texts of a regular expression that lists them: `a|b`.
fn alternatives(pattern: &str) -> Vec<&str> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_:|-/ ".contains(letter);
    if !pattern.chars().all(is_letter) {
        return Vec::new();
    }
    pattern.split('|').filter_map(plain).collect()
}

/// A bracket without a partner.
///
/// The first closing one, or else the last opening one.
pub(in super::super) fn lone_bracket(expression: &str) -> Option<char> {
    let mut open = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' | '`' => length_of_string(rest),
            _ => first.len_utf8(),
        };
        match first {
            '(' => open.push((first, ')')),
            '[' => open.push((first, ']')),
            '{' => open.push((first, '}')),
            ')' | ']' | '}' if open.pop().is_none_or(|(_, closing)| closing != first) => {
                return Some(first);
            }
            _ => {}
        }
        rest = &rest[length..];
    }
    open.pop().map(|(opening, _)| opening)
}
