//! Checks of the redaction of addresses in any text.

use super::address::without_credentials;

const PASSWORD: &str = "hunter2";

/// Redacts a text, and an address whose password ends in the text.
///
/// # Panics
///
/// If a password is shown, or a second redaction changes the text.
pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for is_cut in [false, true] {
        let clean = without_credentials(&text, is_cut);
        assert_eq!(without_credentials(&clean, is_cut), clean, "{text:?}");
        let addresses = text.matches("://").count();
        let parameters = text.matches('=').count();
        assert!(clean.len() <= text.len() + 3 * (addresses + parameters));
    }
    let is_part = |c: &char| !c.is_whitespace() && !c.is_control() && !"\"'`<>\\".contains(*c);
    let end: String = text.chars().filter(is_part).take(40).collect();
    // A slash and all before it are the scheme of another address, and a fuzzer finds the password in the program.
    if end.contains("://") || end.contains(PASSWORD) {
        return;
    }
    let address = format!("error: x://ada:{PASSWORD}{end}@db:5432/orders");
    let clean = without_credentials(&address, false);
    assert!(!clean.contains(PASSWORD), "{clean} of {address}");
}
