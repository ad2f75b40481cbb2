//! A value that must not be seen.

use std::fmt;

use subtle::ConstantTimeEq;

/// Text that is compared and never shown.
#[derive(Clone)]
pub(crate) struct AdminToken(String);

impl AdminToken {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// Takes the same time wherever the two differ, so that nobody learns the secret from the clock. Their lengths may
    /// be told apart.
    pub(crate) fn is(&self, candidate: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(candidate).into()
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::AdminToken;

    #[test]
    fn a_secret_is_compared_and_never_shown() {
        let secret = AdminToken::new("hunter2".to_owned());
        assert!(secret.is(b"hunter2"));
        for wrong in ["", "hunter", "hunter22", "Hunter2"] {
            assert!(!secret.is(wrong.as_bytes()), "{wrong}");
        }
        assert_eq!(format!("{secret:?}"), "***");
    }
}
