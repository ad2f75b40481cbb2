//! Redaction of credentials in addresses.
//!
//! Examples are `postgres://user:password@host` and `https://host/file?token=...`. Such addresses occur in any text: a
//! field that holds a connection string, a driver's error message, a panic. Only text that contains `://` is searched. The
//! book's decision 27 has the reasons why `url` is not used.

use std::{borrow::Cow, net::Ipv6Addr};

use super::{REDACTED, is_secret};

const SCHEME_END: &str = "://";

/// Query parameters that are credentials and whose names are not secret names.
///
/// The semantic convention of `url.full` lists them.
const SIGNATURES: [&str; 4] = ["AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature"];

/// Whether the text may contain an address.
///
/// Most text has no address. The search for one byte takes a third of the time of the search for `://`.
pub(crate) fn may_hold_address(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Most values have no colon, and of those that have one, many have `::`.
    has_colon(bytes)
        && bytes
            .windows(SCHEME_END.len())
            .any(|part| part == SCHEME_END.as_bytes())
}

/// Whether the text has a colon, tested for eight bytes at once.
///
/// `contains` tests a text of up to 15 bytes byte by byte, and most values are that short.
fn has_colon(bytes: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let any = |word: [u8; 8]| {
        // A byte becomes 0 if it is a colon. Only then, or above such a byte, subtracting 1 sets a clear highest bit.
        let word = u64::from_ne_bytes(word) ^ (ONES * u64::from(b':'));
        word.wrapping_sub(ONES) & !word & (ONES << 7) != 0
    };
    match bytes.last_chunk::<8>() {
        Some(last) => any(*last) || bytes.as_chunks::<8>().0.iter().any(|word| any(*word)),
        None => bytes.contains(&b':'),
    }
}

/// Replaces users, passwords and secret parameters of all addresses by `***`.
///
/// `is_cut` says that the end of the text was cut off. A password there may have lost the `@` that marks it.
pub(crate) fn without_credentials(text: &str, is_cut: bool) -> Cow<'_, str> {
    if !may_hold_address(text) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(scheme) = rest.find(SCHEME_END) {
        let (before, address) = rest.split_at(scheme + SCHEME_END.len());
        clean.push_str(before);
        let end = address.find(is_address_end).unwrap_or(address.len());
        let (address, after) = address.split_at(end);
        push_address(&mut clean, address, is_cut && after.is_empty(), 0);
        rest = after;
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

/// Whether a character ends an address in text.
///
/// Addresses do not contain such characters.
fn is_address_end(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '"' | '\'' | '`' | '<' | '>' | '\\')
}

/// Adds an address, without its scheme, to the clean text.
///
/// Its path and its parameters may have further addresses, as those of a proxy have.
fn push_address(clean: &mut String, mut address: &str, is_cut: bool, depth: usize) {
    loop {
        // The authority ends at the path, the query or the fragment (RFC 3986, section 3.2).
        let end = address.find(['/', '?', '#']).unwrap_or(address.len());
        let authority = &address[..end];
        let at = match authority.rfind('@') {
            // The text after the colon is not a port. It is a password that contains `/`, `?` or `#` unescaped.
            None if has_password(authority) => address.rfind('@'),
            at => at,
        };
        let rest = match at {
            Some(at) => {
                clean.push_str(REDACTED);
                &address[at..]
            }
            None if is_cut && end == address.len() && authority.contains(':') => {
                return clean.push_str(REDACTED);
            }
            None => address,
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if let Some(scheme) = path.find(SCHEME_END) {
            let (before, next) = rest.split_at(scheme + SCHEME_END.len());
            clean.push_str(before);
            address = next;
            continue;
        }
        clean.push_str(path);
        if path.len() < rest.len() {
            clean.push('?');
            push_query(clean, query, is_cut, depth);
        }
        return;
    }
}

/// Replaces the secret parameters of a query string by `***`.
pub(crate) fn without_secrets(query: &str) -> String {
    let mut clean = String::with_capacity(query.len());
    push_query(&mut clean, query, false, 0);
    clean
}

/// The largest depth of an address in parameters; a deeper one is hidden.
const MAX_DEPTH: usize = 4;

fn push_query(clean: &mut String, query: &str, is_cut: bool, depth: usize) {
    for (index, parameter) in query.split('&').enumerate() {
        if index > 0 {
            clean.push('&');
        }
        match parameter.split_once('=') {
            Some((name, _)) if is_secret(name) || SIGNATURES.contains(&name) => {
                clean.push_str(name);
                clean.push('=');
                clean.push_str(REDACTED);
                continue;
            }
            _ => {}
        }
        match parameter.split_once(SCHEME_END) {
            None => clean.push_str(parameter),
            Some((before, address)) => {
                clean.push_str(before);
                clean.push_str(SCHEME_END);
                if depth < MAX_DEPTH {
                    push_address(clean, address, is_cut, depth + 1);
                } else {
                    clean.push_str(REDACTED);
                }
            }
        }
    }
}

/// Whether the text after the host is more than a port.
fn has_password(authority: &str) -> bool {
    let ipv6 = authority
        .strip_prefix('[')
        .and_then(|it| it.split_once(']'));
    let is_address = |text: &str| {
        // A zone may follow the address (RFC 6874).
        let address = text.split('%').next().unwrap_or_default();
        address.parse::<Ipv6Addr>().is_ok()
    };
    let rest = match ipv6 {
        Some((address, rest)) if is_address(address) => rest,
        _ => authority,
    };
    let port = rest.split_once(':').map_or("", |(_, port)| port);
    !port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colons_are_found_at_any_place() {
        // 0xba is a colon with the highest bit, and 0x39 and 0x3b are beside it.
        for filler in [b' ', 0xba, 0x39, 0x3b, 0x00, 0xff] {
            for length in 0..40 {
                let mut text = vec![filler; length];
                assert!(!has_colon(&text), "{text:?}");
                for place in 0..length {
                    text[place] = b':';
                    assert!(has_colon(&text), "{text:?}");
                    text[place] = filler;
                }
            }
        }
    }

    #[test]
    fn only_credentials_are_hidden() {
        for (text, shown) in [
            (
                "postgres://ada:hunter2@db:5432/orders",
                "postgres://***@db:5432/orders",
            ),
            ("postgres://hunter2@db", "postgres://***@db"),
            ("amqp://u:hunt/er2@mq/vhost", "amqp://***@mq/vhost"),
            ("amqp://u:h?u#n@ter2@mq", "amqp://***@mq"),
            ("amqp://u:hunter2]#@mq", "amqp://***@mq"),
            ("amqp://u:hunter2:/@mq", "amqp://***@mq"),
            (
                "https://proxy/http://u:hunter2@h?next=https://u:hunter2@i&token=hunter2",
                "https://proxy/http://***@h?next=https://***@i&token=***",
            ),
            (
                "Some(\"redis://:hunter2@r\"), 'x://a:hunter2@b' end",
                "Some(\"redis://***@r\"), 'x://***@b' end",
            ),
            (
                "GET https://h/p?page=2&access_token=hunter2&sig=hunter2 failed",
                "GET https://h/p?page=2&access_token=***&sig=*** failed",
            ),
        ] {
            assert_eq!(without_credentials(text, false), shown);
        }
        for text in [
            "",
            "ada@example.com",
            "://",
            "a://",
            "https://example.com/@ada?page=2#a@b",
            "http://[::1]:9464/metrics",
            "http://[fe80::1%25eth0]/@ada",
            "http://localhost:4318/v1/traces",
            "ratio 1:2 of x://y",
        ] {
            assert_eq!(without_credentials(text, false), text);
        }
        assert_eq!(without_credentials("x://ada:hunt", true), "x://***");
        assert_eq!(without_credentials("x://ada:hunt", false), "x://ada:hunt");
    }
}
