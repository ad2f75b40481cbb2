//! Names of tables in one spelling.
//!
//! `orders`, `"orders"`, `[orders]` and `main.orders` are the same table. Upper case is kept, as
//! the conventions advise.

use std::borrow::Cow;

use crate::db::lexer::Dialect;

/// Adds one part of a name, in double quotes if it is more than one word.
pub(super) fn push_part(name: &mut String, part: &str) {
    let plain = unquoted(part);
    let is_word = plain
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
    if is_word && !plain.is_empty() {
        name.push_str(&plain);
    } else {
        name.push('"');
        // A line break would make two lines of one.
        let plain = plain.replace(['\n', '\r'], " ");
        name.push_str(&plain.replace('"', "\"\""));
        name.push('"');
    }
}

/// Returns a part of a name without its quotes.
///
/// A name of several parts is returned unchanged.
pub(super) fn unquoted(part: &str) -> Cow<'_, str> {
    let quoted = |open: char, close: char| part.strip_prefix(open)?.strip_suffix(close);
    if let Some(name) = quoted('[', ']') {
        return name.into();
    }
    for quote in ['"', '`'] {
        let Some(name) = quoted(quote, quote) else {
            continue;
        };
        if !name.contains(quote) {
            return name.into();
        }
        let [one, two] = [String::from(quote), [quote, quote].iter().collect()];
        // `"a b"."c"` has two parts.
        if name.replace(&two, "").contains(quote) {
            return part.into();
        }
        return name.replace(&two, &one).into();
    }
    part.into()
}

/// Returns the name without the default schema.
pub(super) fn unqualified(name: &str, dialect: Dialect) -> &str {
    let schemas: &[&str] = match dialect {
        Dialect::PostgreSql => &["public."],
        Dialect::Sqlite => &["main."],
        Dialect::Other => &["public.", "main."],
    };
    let without = |schema: &&str| {
        let (start, rest) = name.split_at_checked(schema.len())?;
        start.eq_ignore_ascii_case(schema).then_some(rest)
    };
    schemas.iter().find_map(without).unwrap_or(name)
}
