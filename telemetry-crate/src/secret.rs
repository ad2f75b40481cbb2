//! Secrets: a wrapper type, and field names whose values are always redacted.

mod address;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

use std::{borrow::Cow, fmt, sync::OnceLock};

pub(crate) use self::address::{may_hold_address, without_credentials, without_secrets};

/// The text that replaces a secret.
pub(crate) const REDACTED: &str = "***";

/// A value that no log line, span, label or panic shows.
///
/// `Debug` and `Display` print `***`. A secret can therefore be a field of a struct that is logged, or an argument of a
/// function under `#[instrument]`. `Secret` does not clear memory. For keys that must not stay in memory, use a crate that
/// clears it.
///
/// ```
/// use firstlight::Secret;
///
/// let password = Secret::new("hunter2".to_owned());
/// assert_eq!(format!("{password:?} {password}"), "*** ***");
/// assert_eq!(password.expose(), "hunter2");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns a reference to the value.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Returns the value.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Names whose values are redacted in every program.
///
/// A name in this list matches a field's whole name, or its end after a dot, an underscore or a hyphen, as in
/// `db_password`. Case is ignored, and `-` equals `_`.
const WELL_KNOWN: [&str; 16] = [
    "access_key",
    "api_key",
    "apikey",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "jwt",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "secret_key",
    "set_cookie",
    "token",
];

/// The names that the environment and the program add.
static ADDED_NAMES: OnceLock<Vec<String>> = OnceLock::new();

/// Adds names to redact; only the first call with names has an effect.
pub(crate) fn redact_also(names: Vec<String>) {
    if !names.is_empty() {
        let _ = ADDED_NAMES.set(names);
    }
}

/// The well-known names by their last letter: bit `n` is the name at index `n`.
///
/// The check runs for every field of every log line. The last two letters leave at most a few names to compare.
const BY_LAST_LETTER: [u16; 32] = names_by_letter(1);
const BY_LETTER_BEFORE: [u16; 32] = names_by_letter(2);

const fn names_by_letter(from_end: usize) -> [u16; 32] {
    let (mut names, mut index) = ([0; 32], 0);
    while index < WELL_KNOWN.len() {
        let name = WELL_KNOWN[index].as_bytes();
        names[letter_index(name[name.len() - from_end])] |= 1 << index;
        index += 1;
    }
    names
}

/// A letter's position in the alphabet, ignoring case.
///
/// Other bytes share the position of a letter.
const fn letter_index(byte: u8) -> usize {
    (byte & 0x1f) as usize
}

/// Whether the values of a field or attribute of this name are redacted.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.as_bytes();
    // Matches `db.password`, `db_password` and `x-api-key`, for example.
    let matches = |secret: &str| {
        let tail = name.len().checked_sub(secret.len());
        tail.is_some_and(|start| {
            let boundary = start == 0 || matches!(name[start - 1], b'.' | b'_' | b'-');
            boundary && equal(&name[start..], secret.as_bytes())
        })
    };
    if let Some([before, last]) = name.last_chunk() {
        let mut candidates =
            BY_LAST_LETTER[letter_index(*last)] & BY_LETTER_BEFORE[letter_index(*before)];
        while candidates != 0 {
            if matches(WELL_KNOWN[candidates.trailing_zeros() as usize]) {
                return true;
            }
            // Clears the lowest bit.
            candidates &= candidates - 1;
        }
    }
    ADDED_NAMES
        .get()
        .is_some_and(|more| more.iter().any(|secret| matches(secret)))
}

/// Returns the value of a field, attribute or label without secrets.
pub(crate) fn shown<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if is_secret(name) {
        Cow::Borrowed(REDACTED)
    } else {
        without_credentials(value, false)
    }
}

fn equal(name: &[u8], secret: &[u8]) -> bool {
    if name.len() != secret.len() {
        return false;
    }
    let plain = |byte: u8| match byte.to_ascii_lowercase() {
        b'-' => b'_',
        byte => byte,
    };
    name.iter().zip(secret).all(|(a, b)| plain(*a) == plain(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_part_of_a_name_decides() {
        for name in [
            "password",
            "Password",
            "user.password",
            "http.request.header.Set-Cookie",
            "API-KEY",
            "x-api-key",
            "db_password",
            "proxy-authorization",
            "aws_secret_access_key",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "passwords_checked",
            "tokens",
            "mytoken",
            "message",
            "",
            ".",
            "cookie.count",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
