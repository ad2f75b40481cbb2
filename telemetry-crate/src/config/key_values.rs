//! Lists of the form `key=value,key=value`, as in `OTEL_RESOURCE_ATTRIBUTES`.

use percent_encoding::percent_decode_str;

/// Returns the members of `key=value,key=value` with their positions, from 1.
pub(super) fn pairs(list: &str) -> impl Iterator<Item = (usize, &str)> {
    let pairs = (1..).zip(list.split(',').map(str::trim));
    pairs.filter(|(_, pair)| !pair.is_empty())
}

/// Splits a member and percent-decodes its value; `None` if it is malformed.
pub(super) fn key_value(pair: &str) -> Option<(String, String)> {
    let (key, value) = pair.split_once('=')?;
    let key = key.trim();
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    (!key.is_empty()).then(|| (key.to_owned(), value.into_owned()))
}
