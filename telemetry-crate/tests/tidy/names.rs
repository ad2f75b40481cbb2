//! Reads the names of attributes and fields from the library's sources.
//!
//! Names are literals with a dot, the first argument of functions that create an attribute, and fields of `tracing`
//! macros. Tests and comments are excluded. Names that a macro gets from a variable are not found.

use std::{collections::BTreeSet, fs, path::Path};

/// Returns each name in the files of a folder, with each file that contains it.
pub(crate) fn in_folder(folder: &Path) -> BTreeSet<(String, String)> {
    let mut names = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            // `testing` reads names that other code emits.
            if ["tests", "testing", "fuzz"].contains(&stem) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let file = path.strip_prefix(folder).unwrap().display().to_string();
            let found = in_source(&fs::read_to_string(&path).unwrap());
            names.extend(found.into_iter().map(|name| (name, file.clone())));
        }
    }
    names
}

/// A part of Rust source text.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

use Token::{Sign, Text, Word};

fn in_source(source: &str) -> Vec<String> {
    let tokens = without_tests(&tokens(source));
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1);
        match token {
            Text(text) if is_dotted(text) => names.push(text.clone()),
            Word(word) if is_macro(word) && next == Some(&Sign('!')) => {
                let fields = group(&tokens[at + 2..]);
                names.extend(fields_of(fields, word.contains("span") || word == "event"));
            }
            Word(word)
                if ["record", "attribute"].contains(&&**word) && next == Some(&Sign('(')) =>
            {
                names.extend(text_at(&tokens, at + 2));
            }
            // `KeyValue::new(` and `Label::new(`.
            Word(word) if ["KeyValue", "Label"].contains(&&**word) && next == Some(&Sign(':')) => {
                names.extend(text_at(&tokens, at + 5));
            }
            _ => {}
        }
    }
    names
}

/// Returns the text of the token at this index if it is a string literal.
fn text_at(tokens: &[Token], at: usize) -> Option<String> {
    match tokens.get(at) {
        Some(Text(text)) => Some(text.clone()),
        _ => None,
    }
}

/// Returns whether the text consists of lowercase words joined by dots.
fn is_dotted(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    text.contains('.') && text.split('.').all(is_word)
}

/// Returns whether the word is a macro of `tracing`.
///
/// A macro of the library that has its level as an argument calls `$level!`.
fn is_macro(word: &str) -> bool {
    let levels = ["trace", "debug", "info", "warn", "error"];
    let word = word.trim_end_matches("_span");
    levels.contains(&word) || ["span", "event", "level"].contains(&word)
}

/// Returns the tokens inside the parentheses or braces with which `tokens` start.
fn group(tokens: &[Token]) -> &[Token] {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Sign('(' | '[' | '{') => depth += 1,
            Sign(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return tokens.get(1..at).unwrap_or_default();
        }
    }
    &[]
}

/// Splits arguments at the commas outside inner groups.
fn arguments(tokens: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0;
    let is_comma = |token: &Token| {
        match token {
            Sign('(' | '[' | '{') => depth += 1,
            Sign(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        depth == 0 && *token == Sign(',')
    };
    tokens.split(is_comma).collect()
}

/// Returns the names of the fields in the arguments of a macro.
///
/// With `has_level`, a level and a string literal may precede the fields.
fn fields_of(tokens: &[Token], has_level: bool) -> Vec<String> {
    let mut names = Vec::new();
    for argument in arguments(tokens) {
        match argument {
            // The message, or the name of a span.
            [Text(_)] if has_level => {}
            [Text(_)] => break,
            [Sign('{'), ..] => names.extend(fields_of(group(argument), has_level)),
            [Text(name), Sign('='), ..] => names.push(name.clone()),
            [Word(_), Sign(':'), second, ..] if *second != Sign(':') => {}
            [Sign('%' | '?'), name @ ..] => names.extend(path(name)),
            [Word(level), ..] if has_level && level.chars().all(|c| !c.is_lowercase()) => {}
            name => names.extend(path(name)),
        }
    }
    names
}

/// Returns the name with which `tokens` start, such as `a.b`.
///
/// The name ends before `=` or with the last token.
fn path(tokens: &[Token]) -> Option<String> {
    let mut name = String::new();
    for token in tokens {
        match token {
            Word(word) => name += word,
            Sign('.') => name.push('.'),
            Sign('=') => break,
            _ => return None,
        }
    }
    Some(name).filter(|name| !name.is_empty())
}

/// Returns the tokens without items under `#[cfg(test)]`.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let test = ["cfg", "test"].map(|word| Word(word.to_owned()));
    let mut kept = Vec::new();
    let mut rest = tokens;
    while let [first, after @ ..] = rest {
        let is_test = matches!(rest, [Sign('#'), Sign('['), cfg, Sign('('), name, Sign(')'), ..]
            if *cfg == test[0] && *name == test[1]);
        if !is_test {
            kept.push(first.clone());
            rest = after;
            continue;
        }
        let end = rest
            .iter()
            .position(|token| matches!(token, Sign('{' | ';')));
        rest = &rest[end.unwrap()..];
        let body = if rest[0] == Sign('{') {
            group(rest).len() + 1
        } else {
            0
        };
        rest = &rest[body + 1..];
    }
    kept
}

/// Splits source text into tokens, without comments and character literals.
fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            3 + raw.find("\"#").unwrap() + 2
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\") {
            // Other character literals contain nothing that could be misread.
            2 + rest[2..].find('\'').unwrap_or(0).max(1)
        } else if first == '"' {
            let mut is_escaped = false;
            let end = rest[1..].find(|c| {
                let is_end = c == '"' && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                is_end
            });
            let end = 1 + end.unwrap();
            tokens.push(Text(rest[1..end].to_owned()));
            end + 1
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            let end = end.unwrap_or(rest.len());
            tokens.push(Word(rest[..end].to_owned()));
            end
        } else {
            if !first.is_whitespace() {
                tokens.push(Sign(first));
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

#[test]
fn names_are_found_in_every_form() {
    let source = r#"
        // info!(a.comment = 1, "no");
        tracing::info!(target: TARGET, parent: None, { one.field = %x, two = ?y }, "said {}", no);
        warn!(%three, four.five, six = f(a, b), "seven" = 7, "message {no}");
        span!(target: "t", LEVEL, "name", eight = 8, nine.ten = tracing::field::Empty);
        span.record("eleven", 1);
        KeyValue::new("twelve", 1);
        let literal = ["thirteen.fourteen", "No.Name", "a sentence. no name"];
        #[cfg(test)]
        mod tests { fn no() { info!(no.name = 1) } }
        fn last() { debug!(fifteen) }
    "#;
    let expected = "one.field two three four.five six seven eight nine.ten eleven twelve thirteen.fourteen fifteen";
    assert_eq!(in_source(source).join(" "), expected);
}
