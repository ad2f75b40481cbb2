//! The value of `error.type` for a call without a response.
//!
//! Semantic conventions, `error.type`: predictable and of low cardinality. The text of an error is neither and may contain
//! the URL, so that it is never used.

use std::{
    any::{Any, type_name},
    error::Error,
    io,
};

/// Limit of the causes that are examined, because an error may be its own cause.
const DEPTH: usize = 16;

/// The word for an error's known cause, or else the name of its type.
pub(crate) fn error_type<E: 'static>(error: &E) -> &'static str {
    let Some(mut cause) = as_error(error) else {
        return type_name::<E>();
    };
    let mut general = "_OTHER";
    for _ in 0..DEPTH {
        match classify(cause) {
            Some(Cause::Specific(word)) => return word,
            Some(Cause::General(word)) => general = word,
            None => {}
        }
        let next = match cause.downcast_ref::<io::Error>() {
            // `source()` of an `io::Error` skips the error that it wraps.
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

/// Downcasts a value of a known error type to `Error`.
///
/// The type parameter of a service's errors need not implement `Error`; a boxed error does not, for example.
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

enum Cause {
    /// No further cause is more precise.
    Specific(&'static str),
    /// A further cause may be more precise.
    General(&'static str),
}

fn classify(error: &(dyn Error + 'static)) -> Option<Cause> {
    if error.is::<tokio::time::error::Elapsed>() {
        return Some(Cause::Specific("timeout"));
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return of_io(error.kind()).map(Cause::Specific);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return of_hyper(error).map(Cause::Specific);
    }
    if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
        return error.is_connect().then_some(Cause::General("connect"));
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
fn of_reqwest(error: &reqwest::Error) -> Option<Cause> {
    if error.is_timeout() {
        Some(Cause::Specific("timeout"))
    } else if error.is_dns() {
        Some(Cause::Specific("name_resolution"))
    } else if error.is_redirect() {
        Some(Cause::Specific("redirect"))
    } else if error.is_connect() {
        Some(Cause::General("connect"))
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
        // Connectors wrap errors in this way.
        let wrapped = io::Error::other(refused());
        assert_eq!(error_type(&wrapped), "connection_refused");
        let boxed: Boxed = Box::new(Itself);
        assert_eq!(error_type(&boxed), "_OTHER");
        assert!(error_type(&Itself).ends_with("::Itself"));
    }
}
