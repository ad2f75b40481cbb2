//! Credentials in addresses: `postgres://user:password@host`, `https://host/file?token=...`.
//!
//! They come in text of all kinds: a field that holds a connection string, the message of a driver's error, a panic. Only
//! text with `://` in it is looked at any closer. What it leaves out: everything that is no address.

use std::borrow::Cow;

use super::{REDACTED, is_secret};

const SCHEME_END: &str = "://";

/// Parameters that are credentials and not called so; semantic conventions, `url.full`.
const SIGNATURES: [&str; 4] = ["AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature"];

/// Whether there is anything to look for; nearly never, and a search for one byte finds that out for a third of what the
/// search for three costs.
pub(crate) fn may_hold_address(text: &str) -> bool {
    text.as_bytes().contains(&b':') && text.contains(SCHEME_END)
}

/// The text with `***` in place of users, passwords and secret parameters of all addresses in it. `is_cut` if more text
/// was there behind it, so that a password may have lost the `@` that tells it.
pub(crate) fn without_credentials(text: &str, is_cut: bool) -> Cow<'_, str> {
    if !may_hold_address(text) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(scheme) = rest.find(SCHEME_END) {
        let (before, address) = rest.split_at(scheme + SCHEME_END.len());
        clean.push_str(before);
        let end = address.find(ends_address).unwrap_or(address.len());
        let (address, behind) = address.split_at(end);
        push_address(&mut clean, address, is_cut && behind.is_empty());
        rest = behind;
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

/// What stands around addresses in text, and in none of them.
fn ends_address(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '"' | '\'' | '`' | '<' | '>' | '\\')
}

/// Without its scheme.
fn push_address(clean: &mut String, address: &str, is_cut: bool) {
    // RFC 3986, section 3.2: what is before the path, the query and the fragment.
    let end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let authority = &address[..end];
    let at = match authority.rfind('@') {
        // A password with one of these in it as it is; no port looks like that.
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
    let Some((path, query)) = rest.split_once('?') else {
        return clean.push_str(rest);
    };
    clean.push_str(path);
    clean.push('?');
    push_query(clean, query);
}

/// A query string with `***` in place of its secret parameters.
pub(crate) fn without_secrets(query: &str) -> String {
    let mut clean = String::with_capacity(query.len());
    push_query(&mut clean, query);
    clean
}

fn push_query(clean: &mut String, query: &str) {
    for (index, parameter) in query.split('&').enumerate() {
        if index > 0 {
            clean.push('&');
        }
        match parameter.split_once('=') {
            Some((name, _)) if is_secret(name) || SIGNATURES.contains(&name) => {
                clean.push_str(name);
                clean.push('=');
                clean.push_str(REDACTED);
            }
            _ => clean.push_str(parameter),
        }
    }
}

fn has_password(authority: &str) -> bool {
    authority.rsplit_once(':').is_some_and(|(_, port)| {
        !authority.ends_with(']') && !port.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
            "http://localhost:4318/v1/traces",
            "ratio 1:2 of x://y",
        ] {
            assert_eq!(without_credentials(text, false), text);
        }
        assert_eq!(without_credentials("x://ada:hunt", true), "x://***");
        assert_eq!(without_credentials("x://ada:hunt", false), "x://ada:hunt");
    }
}
