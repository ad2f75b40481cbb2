//! Why a call got no response, in one word of few.
//!
//! Semantic conventions, `error.type`: predictable and of low cardinality. What an error says about itself is neither, and
//! may quote the URL with everything in it, so no text of an error is ever used.

use std::{
    any::{Any, type_name},
    error::Error,
    io,
};

/// Causes looked at, at most; an error that is its own cause has to end somewhere.
const DEPTH: usize = 16;

/// A word for the error, from its causes if they are known ones, otherwise its type's name.
pub(crate) fn error_type<E: 'static>(error: &E) -> &'static str {
    let Some(mut cause) = as_error(error) else {
        return type_name::<E>();
    };
    let mut general = "_OTHER";
    for _ in 0..DEPTH {
        match word(cause) {
            Some(Word::Exact(word)) => return word,
            Some(Word::General(word)) => general = word,
            None => {}
        }
        let next = match cause.downcast_ref::<io::Error>() {
            // Its `source()` skips the error that it is made of.
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

/// Not every error type of a service is an `Error`: a box of one is not. So these are tried by name.
fn as_error(error: &dyn Any) -> Option<&(dyn Error + 'static)> {
    type Boxed = Box<dyn Error + Send + Sync>;
    if let Some(error) = error.downcast_ref::<Boxed>() {
        return Some(&**error);
    }
    #[cfg(feature = "reqwest")]
    if let Some(error) = error.downcast_ref::<reqwest::Error>() {
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

enum Word {
    /// Says it all.
    Exact(&'static str),
    /// A cause may say more.
    General(&'static str),
}

fn word(error: &(dyn Error + 'static)) -> Option<Word> {
    if error.is::<tokio::time::error::Elapsed>() {
        return Some(Word::Exact("timeout"));
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return of_io(error.kind()).map(Word::Exact);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return of_hyper(error).map(Word::Exact);
    }
    if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
        return error.is_connect().then_some(Word::General("connect"));
    }
    #[cfg(feature = "reqwest")]
    if let Some(error) = error.downcast_ref::<reqwest::Error>() {
        return of_reqwest(error);
    }
    None
}

fn of_io(kind: io::ErrorKind) -> Option<&'static str> {
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

fn of_hyper(error: &hyper::Error) -> Option<&'static str> {
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
fn of_reqwest(error: &reqwest::Error) -> Option<Word> {
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

#[cfg(test)]
mod tests {
    use std::{error::Error, fmt, io};

    use super::error_type;

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
        // Wrapped, as connectors do.
        let wrapped = io::Error::other(refused());
        assert_eq!(error_type(&wrapped), "connection_refused");
        let boxed: Boxed = Box::new(Itself);
        assert_eq!(error_type(&boxed), "_OTHER");
        assert!(error_type(&Itself).ends_with("::Itself"));
    }
}
