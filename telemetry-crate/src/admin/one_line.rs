//! Texts of the program within one line.

/// The text of one line: control characters could forge another one.
pub(super) fn one_line(text: &str, characters: usize) -> String {
    let mut line: String = (text.chars().take(characters))
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    if text.chars().nth(characters).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn texts_cannot_forge_lines() {
        assert_eq!(one_line("a\nb\u{1b}[31m", 20), "a b [31m");
        assert_eq!(one_line("äöü", 2), "äö…");
    }
}
