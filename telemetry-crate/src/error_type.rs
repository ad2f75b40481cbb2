//! Classification of errors into a small set of words.
//!
//! The semantic convention of `error.type` requires a predictable value of low cardinality. The text of an error is
//! neither, and may quote a whole URL, so it is never used.

use std::{
    any::{Any, type_name},
    error::Error,
    io,
};

/// The largest number of causes to follow, because an error may be its own cause.
const MAX_CAUSES: usize = 16;

/// Returns a word for the error's cause, or the name of the error's type.
///
/// The name is returned for a type that [`as_error`] does not know. An error of a known type without a known cause is
/// `_OTHER`.
pub(crate) fn error_type<E: 'static>(error: &E) -> &'static str {
    let Some(mut cause) = as_error(error) else {
        return type_name::<E>();
    };
    let mut general = "_OTHER";
    for _ in 0..MAX_CAUSES {
        match word(cause) {
            Some(Word::Exact(word)) => return word,
            Some(Word::General(word)) => general = word,
            None => {}
        }
        let next = match cause.downcast_ref::<io::Error>() {
            // `io::Error::source()` skips the error that it wraps.
            Some(error) => error.get_ref().map(|error| error as _),
            None => cause.source(),
        };
        match next {
            Some(next) => cause = next,
            None => break,
        }
    }
    general
}

/// Returns the error as `dyn Error`, if its type is known.
///
/// The bound `E: Error` is not possible, because a boxed error does not implement `Error`.
fn as_error(error: &dyn Any) -> Option<&(dyn Error + 'static)> {
    type Boxed = Box<dyn Error + Send + Sync>;
    if let Some(error) = error.downcast_ref::<Boxed>() {
        return Some(&**error);
    }
    #[cfg(feature = "reqwest")]
    if let Some(error) = error.downcast_ref::<reqwest::Error>() {
        return Some(error);
    }
    #[cfg(feature = "reqwest-012")]
    if let Some(error) = error.downcast_ref::<reqwest_012::Error>() {
        return Some(error);
    }
    if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
        return Some(error);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return Some(error);
    }
    error
        .downcast_ref::<io::Error>()
        .map(|error| error as &dyn Error)
}

/// The word for one error in a chain of causes.
enum Word {
    /// The result; further causes are not examined.
    Exact(&'static str),
    /// The result unless a further cause has a word.
    General(&'static str),
}

/// Returns the word for an error, without its causes.
fn word(error: &(dyn Error + 'static)) -> Option<Word> {
    if error.is::<tokio::time::error::Elapsed>() {
        return Some(Word::Exact("timeout"));
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return io_word(error.kind()).map(Word::Exact);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return hyper_word(error).map(Word::Exact);
    }
    if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
        return error.is_connect().then_some(Word::General("connect"));
    }
    #[cfg(feature = "reqwest")]
    if let Some(error) = error.downcast_ref::<reqwest::Error>() {
        return reqwest_word(error);
    }
    #[cfg(feature = "reqwest-012")]
    if let Some(error) = error.downcast_ref::<reqwest_012::Error>() {
        return reqwest_012_word(error);
    }
    None
}

fn io_word(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => "connection_refused",
        io::ErrorKind::ConnectionReset => "connection_reset",
        io::ErrorKind::ConnectionAborted => "connection_aborted",
        io::ErrorKind::BrokenPipe => "broken_pipe",
        io::ErrorKind::UnexpectedEof => "connection_closed",
        io::ErrorKind::HostUnreachable => "host_unreachable",
        io::ErrorKind::NetworkUnreachable => "network_unreachable",
        io::ErrorKind::TimedOut => "timeout",
        _ => return None,
    })
}

fn hyper_word(error: &hyper::Error) -> Option<&'static str> {
    if error.is_timeout() {
        Some("timeout")
    } else if error.is_incomplete_message() || error.is_closed() {
        Some("connection_closed")
    } else if error.is_parse() {
        Some("invalid_response")
    } else {
        None
    }
}

#[cfg(feature = "reqwest")]
fn reqwest_word(error: &reqwest::Error) -> Option<Word> {
    if error.is_timeout() {
        Some(Word::Exact("timeout"))
    } else if error.is_dns() {
        Some(Word::Exact("name_resolution"))
    } else if error.is_redirect() {
        Some(Word::Exact("redirect"))
    } else if error.is_connect() {
        Some(Word::General("connect"))
    } else {
        None
    }
}

/// Like [`reqwest_word`].
///
/// This version does not say whether the name resolution has failed.
#[cfg(feature = "reqwest-012")]
fn reqwest_012_word(error: &reqwest_012::Error) -> Option<Word> {
    if error.is_timeout() {
        Some(Word::Exact("timeout"))
    } else if error.is_redirect() {
        Some(Word::Exact("redirect"))
    } else if error.is_connect() {
        Some(Word::General("connect"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::{error::Error, fmt, io};

    use super::error_type;

    /// An error that is its own cause.
    #[derive(Debug)]
    struct Itself;

    impl fmt::Display for Itself {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("https://user:hunter2@example.com")
        }
    }

    impl Error for Itself {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self)
        }
    }

    type Boxed = Box<dyn Error + Send + Sync>;

    #[test]
    fn errors_are_named_by_cause_or_type() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(error_type(&refused()), "connection_refused");
        let boxed: Boxed = Box::new(refused());
        assert_eq!(error_type(&boxed), "connection_refused");
        // Connectors wrap an error in `io::Error::other`.
        let wrapped = io::Error::other(refused());
        assert_eq!(error_type(&wrapped), "connection_refused");
        let boxed: Boxed = Box::new(Itself);
        assert_eq!(error_type(&boxed), "_OTHER");
        assert!(error_type(&Itself).ends_with("::Itself"));
    }
}
