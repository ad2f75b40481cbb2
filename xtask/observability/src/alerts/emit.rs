//! Writing YAML: plain scalars where possible, otherwise quoted, and blocks.
//!
//! The module writes only the kinds of YAML that the generated files need. `support::yaml` reads YAML.

/// `key: value` and a newline, indented by `indent` spaces.
pub(super) fn entry(indent: usize, key: &str, value: &str) -> String {
    let space = " ".repeat(indent);
    if value.contains('\n') {
        let lines = value.lines().map(|line| format!("{space}  {line}\n"));
        return format!("{space}{key}: |\n{}", lines.collect::<String>());
    }
    format!("{space}{key}: {}\n", scalar(value))
}

/// A comment, wrapped to [`WIDTH`].
pub(super) fn comment(indent: usize, text: &str) -> String {
    let space = " ".repeat(indent);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if indent + line.len() + word.len() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("# {word}")),
        }
    }
    lines
        .iter()
        .map(|line| format!("{space}{line}\n"))
        .collect()
}

/// A value on one line.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// Whether a parser reads the unquoted text as this string.
fn is_plain(text: &str) -> bool {
    let begins_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '(');
    let is_keyword = matches!(
        text,
        "true" | "false" | "yes" | "no" | "on" | "off" | "null"
    );
    begins_plain
        && !is_keyword
        && !text.contains(": ")
        && !text.contains(" #")
        && text.trim() == text
        && !text.ends_with(':')
}

/// The maximal width of a line of comments.
const WIDTH: usize = 120;

#[cfg(test)]
mod tests {
    use super::{comment, entry, scalar};

    #[test]
    fn ambiguous_scalars_are_quoted() {
        for (text, expected) in [
            ("up == 0", "up == 0"),
            ("5m", "'5m'"),
            ("0.25", "'0.25'"),
            ("true", "'true'"),
            ("it's: so", "'it''s: so'"),
            ("{{ $labels.job }}", "'{{ $labels.job }}'"),
            ("a #b", "'a #b'"),
        ] {
            assert_eq!(scalar(text), expected);
        }
    }

    #[test]
    fn several_lines_are_a_block() {
        assert_eq!(entry(2, "expr", "a\n> b"), "  expr: |\n    a\n    > b\n");
    }

    #[test]
    fn comments_are_wrapped() {
        assert_eq!(comment(2, ""), "");
        assert_eq!(comment(2, "why  so"), "  # why so\n");
        assert_eq!(comment(0, &"word ".repeat(40)).lines().count(), 2);
    }
}
