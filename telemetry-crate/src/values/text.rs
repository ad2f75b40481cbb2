//! Bounded text from the program's `Debug` and `Display`.

use std::{
    fmt::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Maximum length of one value in bytes.
///
/// This is more than a log line keeps. So the log line truncates the value and marks the end.
pub(super) const MAX_PRINTED: usize = 64 * 1024;

/// The end of a truncated text.
pub(crate) const TRUNCATION_MARK: &str = "...[truncated]";

/// The end of a text whose `Debug` or `Display` panicked.
///
/// The panic has a log line of its own.
const PANICKED: &str = "...[panicked while it was printed]";

/// The end of a text whose `Debug` or `Display` returned an error.
const FAILED: &str = "...[failed while it was printed]";

/// The longest prefix of at most `bytes` bytes that ends at a character boundary.
pub(crate) fn prefix(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// A text of at most `bytes` bytes, with a mark at its end if it was longer.
pub(crate) fn truncated(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        let kept = prefix(&text, bytes.saturating_sub(TRUNCATION_MARK.len())).len();
        text.truncate(kept);
        text.push_str(TRUNCATION_MARK);
    }
    text
}

/// A writer with a limit, which truncates at a character boundary.
struct Limited<'a> {
    text: &'a mut String,
    end: usize,
    /// Whether the limit was reached.
    is_truncated: bool,
}

impl<'a> Limited<'a> {
    fn new(text: &'a mut String, bytes: usize) -> Self {
        let end = text.len().saturating_add(bytes);
        Self {
            text,
            end,
            is_truncated: false,
        }
    }
}

impl Write for Limited<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = self.end.saturating_sub(self.text.len());
        if part.len() <= room {
            self.text.push_str(part);
            return Ok(());
        }
        self.text.push_str(prefix(part, room));
        self.is_truncated = true;
        Err(fmt::Error)
    }
}

/// Appends at most `bytes` bytes of `value` to `text`.
///
/// # Errors
///
/// Fails if `value` was truncated.
pub(crate) fn write_str(text: &mut String, bytes: usize, value: &str) -> fmt::Result {
    Limited::new(text, bytes).write_str(value)
}

/// Appends the output of the program's `Debug` or `Display`, up to a limit.
///
/// At most `bytes` bytes are appended. An error or a panic of that code ends the text with a mark, and is not returned: a
/// request must not fail because of a log line.
///
/// # Errors
///
/// Fails if the output was truncated.
pub(crate) fn write_foreign(
    text: &mut String,
    bytes: usize,
    value: fmt::Arguments<'_>,
) -> fmt::Result {
    let mut limited = Limited::new(text, bytes);
    let printed = caught(|| limited.write_fmt(value));
    // Checked first, because the code may ignore the error of a full writer and return `Ok`.
    if limited.is_truncated {
        return Err(fmt::Error);
    }
    // The output before an error or a panic is kept.
    match printed {
        Some(Ok(())) => Ok(()),
        Some(Err(_)) => limited.write_str(FAILED),
        None => limited.write_str(PANICKED),
    }
}

/// Runs code of the program; `None` if it panics.
///
/// The panic has a log line of its own.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// The output of the program's `Debug` or `Display`, truncated to [`MAX_PRINTED`].
pub(crate) fn printed(value: fmt::Arguments<'_>) -> String {
    let mut text = String::new();
    let _ = write_foreign(&mut text, MAX_PRINTED, value);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Endless;

    impl fmt::Debug for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                f.write_str("more and ")?;
            }
        }
    }

    struct Panics;

    impl fmt::Debug for Panics {
        #[expect(clippy::panic, reason = "the test needs a panic")]
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            panic!("in Debug")
        }
    }

    #[test]
    fn printed_text_is_bounded() {
        assert_eq!(printed(format_args!("{Endless:?}")).len(), MAX_PRINTED);
    }

    struct Fails;

    impl fmt::Debug for Fails {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            Err(fmt::Error)
        }
    }

    #[test]
    fn errors_are_marked_in_the_text() {
        let text = printed(format_args!("{Fails:?}"));
        assert_eq!(text, format!("half{FAILED}"));
    }

    #[test]
    fn panics_are_marked_in_the_text() {
        let text = printed(format_args!("{Panics:?}"));
        assert_eq!(text, format!("half{PANICKED}"));
    }
}
