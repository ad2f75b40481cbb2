//! Numbers as text, with commas between thousands.

/// A whole number, such as `63,651`.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of instructions, rounded to hundreds, such as `63,700`.
pub(super) fn rounded(instructions: f64) -> String {
    grouped((instructions / 100.0).round() as i64 * 100)
}

#[cfg(test)]
mod tests {
    use super::{grouped, rounded};

    #[test]
    fn thousands_have_commas() {
        let texts = [0, 999, 1_000, -1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "-1,234,567"]);
    }

    #[test]
    fn instructions_are_rounded_to_hundreds() {
        let texts = [0.0, 149.0, 999.0, 63_651.0, 1_234_567.0, -3_900.0].map(rounded);
        assert_eq!(
            texts,
            ["0", "100", "1,000", "63,700", "1,234,600", "-3,900"]
        );
    }
}
