//! The query of a request.

use opentelemetry::trace::TraceId;
use percent_encoding::percent_decode_str;

/// The keys and values of a query, as a form sends them.
///
/// A key without `=` has an empty value.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (&str, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.replace('+', " ");
        let value = percent_decode_str(&value).decode_utf8_lossy();
        (key, value.into_owned())
    })
}

/// Parses the id of a trace.
///
/// # Errors
///
/// A sentence that says what was found and what is expected.
pub(super) fn trace_id(text: &str) -> Result<TraceId, String> {
    let id = TraceId::from_hex(text).ok().filter(|_| text.len() == 32);
    id.ok_or_else(|| {
        format!(
            "{} is no trace id: expected 32 hexadecimal digits, as `trace_id` of a log line\n",
            quoted(text)
        )
    })
}

/// The start of a text in quotation marks, with its control characters escaped.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(64).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded() {
        let pairs: Vec<_> = pairs("open&&route=GET+/a%2Fb&x=%ff&=1&y==").collect();
        let pairs: Vec<_> = (pairs.iter().map(|(key, value)| (*key, &**value))).collect();
        let expected = [
            ("open", ""),
            ("route", "GET /a/b"),
            ("x", "\u{fffd}"),
            ("", "1"),
            ("y", "="),
        ];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn trace_ids_have_32_digits() {
        assert!(trace_id("0af7651916cd43dd8448eb211c80319c").is_ok());
        for text in ["", "0af7", "0af7651916cd43dd8448eb211c80319x"] {
            assert!(trace_id(text).is_err(), "{text}");
        }
    }
}
