//! An error and its causes, bounded in number.
//!
//! The chain may be endless, because `source()` may return the error itself.

use std::{
    error::Error,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::text::{MAX_PRINTED, printed};

/// Maximum number of causes of an error. Usual chains have up to ten.
const MAX_CAUSES: usize = 32;

/// A copy of an error and its causes that holds only their messages.
#[derive(Debug)]
pub(crate) struct Chain {
    message: String,
    source: Option<Box<Chain>>,
}

impl Chain {
    pub(crate) fn new(error: &(dyn Error + 'static)) -> Self {
        let mut messages: Vec<_> = messages(error).collect();
        let last = messages.pop().unwrap_or_default();
        let innermost = Self {
            message: last,
            source: None,
        };
        messages
            .into_iter()
            .rfold(innermost, |source, message| Self {
                message,
                source: Some(Box::new(source)),
            })
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Chain {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}

/// The message of the error, and then the message of each cause.
fn messages(error: &(dyn Error + 'static)) -> impl Iterator<Item = String> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = source_of(error);
        Some(printed(format_args!("{error}")))
    })
    .take(1 + MAX_CAUSES)
}

/// The source of an error; `None` if the program's `source()` panics.
fn source_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    catch_unwind(AssertUnwindSafe(|| error.source())).unwrap_or_default()
}

/// The text of the program's error with its causes, see [`with_causes`].
pub(crate) fn text_of(error: impl Into<Box<dyn Error + Send + Sync>>) -> String {
    with_causes(error.into().as_ref())
}

/// An error with its causes on one line: `outer: middle: inner`.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut messages = messages(error);
    let mut text = messages.next().unwrap_or_default();
    for inner in messages {
        if text.len() > MAX_PRINTED {
            break;
        }
        // Many errors repeat the message of their cause.
        if !text.contains(&inner) {
            text.push_str(": ");
            text.push_str(&inner);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Cycle;

    impl fmt::Display for Cycle {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("cycle")
        }
    }

    impl Error for Cycle {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self)
        }
    }

    #[test]
    fn cycles_of_causes_are_bounded() {
        assert_eq!(with_causes(&Cycle), "cycle");
        let chain = Chain::new(&Cycle);
        let causes = std::iter::successors(chain.source(), |cause| (*cause).source());
        assert_eq!(causes.count(), MAX_CAUSES);
    }

    #[test]
    fn causes_are_named_in_their_order() {
        let inner = Chain {
            message: "inner".to_owned(),
            source: None,
        };
        let outer = Chain {
            message: "outer".to_owned(),
            source: Some(Box::new(inner)),
        };
        assert_eq!(with_causes(&Chain::new(&outer)), "outer: inner");
    }
}
