//! Texts of the program within one line.

/// The text of one line, without characters that could forge another one.
pub(super) fn one_line(text: &str, characters: usize) -> String {
    let mut line: String = (text.chars().take(characters))
        .map(|char| if is_forging(char) { ' ' } else { char })
        .collect();
    if text.chars().nth(characters).is_some() {
        line.push('…');
    }
    line
}

/// Whether a terminal may show a character as another line.
///
/// Or show the characters beside it in another order.
fn is_forging(char: char) -> bool {
    let is_separator = matches!(char, '\u{2028}' | '\u{2029}');
    let is_direction = matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    char.is_control() || is_separator || is_direction
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn texts_cannot_forge_lines() {
        assert_eq!(one_line("a\nb\u{1b}[31m", 20), "a b [31m");
        assert_eq!(one_line("äöü", 2), "äö…");
        assert_eq!(one_line("a\u{202e}b\u{2028}c", 20), "a b c");
    }
}
