//! Tests of escapes, names and times.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn any_text_round_trips_in_one_line() {
    let hostile: String = (0u8..=0x7f)
        .map(char::from)
        .chain("ü\u{2028}🔭\u{0085}".chars())
        .collect();
    let mut out = Vec::new();
    write_key(&mut out, &[&hostile]);
    write_quoted(&mut out, &hostile, usize::MAX);
    let line = format!(
        "{{{}}}",
        String::from_utf8(out).unwrap().trim_start_matches(',')
    );
    assert_eq!(line.lines().count(), 1);
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value[&hostile], hostile);
}

#[test]
fn escapes_are_found_at_any_offset() {
    for byte in 0..=0x7f_u8 {
        for (length, filler) in [(1, 'x'), (7, '!'), (8, ' '), (9, '~'), (23, '\u{80}')] {
            for position in 0..length {
                let mut text = vec![filler; length];
                text[position] = char::from(byte);
                let text = String::from_iter(text);
                let mut out = Vec::new();
                escape(&mut out, &text);
                assert_eq!(out != text.as_bytes(), must_escape(byte), "{text:?}");
            }
        }
    }
}

#[test]
fn times_are_utc_with_microseconds() {
    for nanos in [
        0,
        999,
        1_000,
        10_000_000,
        123_456_789,
        900_000_000,
        999_999_999,
    ] {
        let mut out = Vec::new();
        write_time(&mut out, 1_000_000_000 + nanos);
        let expected = format!("1970-01-01T00:00:01.{:06}Z", nanos / 1_000);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
