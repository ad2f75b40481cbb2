//! Text that code of the program prints, bounded, whatever that code does.

use std::{
    fmt::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// What one value may print, in bytes. More than a line or a span attribute keeps by default, so that those cut it, and
/// say so.
pub(super) const MAX_PRINTED: usize = 64 * 1024;

/// In place of what a `Debug` or `Display` that panicked had still to say; the panic has a line of its own.
const PANICKED: &str = "...[panicked while it was printed]";

/// In place of what one had still to say that returned an error.
const FAILED: &str = "...[failed while it was printed]";

/// The longest beginning of so many bytes that ends with a character.
pub(crate) fn prefix(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Writes until a limit, at a character's boundary.
struct Limited<'a> {
    text: &'a mut String,
    end: usize,
    /// There was more.
    is_cut: bool,
}

impl<'a> Limited<'a> {
    fn new(text: &'a mut String, bytes: usize) -> Self {
        let end = text.len().saturating_add(bytes);
        Self {
            text,
            end,
            is_cut: false,
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
        self.is_cut = true;
        Err(fmt::Error)
    }
}

/// Adds so many bytes of it at most.
///
/// # Errors
///
/// There were more.
pub(crate) fn write_str(text: &mut String, bytes: usize, what: &str) -> fmt::Result {
    Limited::new(text, bytes).write_str(what)
}

/// Adds what code of the program prints, so many bytes at most.
///
/// # Errors
///
/// There were more. An error of the code or a panic in it ends the text, which says so, and goes no further: a line that says
/// less is better than a request that fails because of it.
pub(crate) fn write_foreign(
    text: &mut String,
    bytes: usize,
    what: fmt::Arguments<'_>,
) -> fmt::Result {
    let mut limited = Limited::new(text, bytes);
    let printed = caught(|| limited.write_fmt(what));
    // Code may go on after it was told that there is no room.
    if limited.is_cut {
        return Err(fmt::Error);
    }
    // The text has what was printed before.
    match printed {
        Some(Ok(())) => Ok(()),
        Some(Err(_)) => limited.write_str(FAILED),
        None => limited.write_str(PANICKED),
    }
}

/// What code of the program returns, or `None` if it panics; the panic has a line of its own.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// What code of the program prints.
pub(crate) fn printed(what: fmt::Arguments<'_>) -> String {
    let mut text = String::new();
    // Cut where the limit is.
    let _ = write_foreign(&mut text, MAX_PRINTED, what);
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
        #[expect(clippy::panic, reason = "it is what is tested")]
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
    fn an_error_ends_the_text() {
        let text = printed(format_args!("{Fails:?}"));
        assert_eq!(text, format!("half{FAILED}"));
    }

    #[test]
    fn a_panic_ends_the_text() {
        let text = printed(format_args!("{Panics:?}"));
        assert_eq!(text, format!("half{PANICKED}"));
    }
}
