//! Limits on the size of a span.
//!
//! A span that is open for hours stays small.
//!
//! The specification defines the limits on counts and their defaults in "Span Limits". By default the specification does
//! not limit the length of a value. Here the length is limited, because trace viewers do not show an attribute of five
//! megabytes, and collectors reject it.

use std::borrow::Cow;

use opentelemetry::{Array, KeyValue, StringValue, Value};

use crate::{
    name_set::NameSet,
    secret::{REDACTED, is_secret, may_hold_address, without_credentials},
    values::prefix,
};

/// Maximum length of a name or a status text in characters.
///
/// The specification does not limit them.
const TEXT_LENGTH: usize = 8 * 1024;

/// Maximum number of elements in an array; the specification has no limit.
const ARRAY_LENGTH: usize = 128;

/// Maximum length of a key in bytes; the specification has no limit.
const KEY_LENGTH: usize = 256;

/// Hides credentials in a name or a status text, and truncates it.
pub(super) fn clean_text(text: &mut Cow<'static, str>) {
    if let Cow::Owned(clean) = without_credentials(text, false) {
        *text = clean.into();
    }
    truncate_text(text);
}

fn truncate_text(text: &mut Cow<'static, str>) {
    if text.len() <= TEXT_LENGTH {
        return;
    }
    if let Some((end, _)) = text.char_indices().nth(TEXT_LENGTH) {
        *text = text[..end].to_owned().into();
    }
}

/// Attributes with unique keys, within the limits and without secrets.
///
/// The last value of a key wins, as the specification requires in "Attribute Collections".
#[derive(Debug)]
pub(super) struct Attributes<'a> {
    pub(super) list: &'a mut Vec<KeyValue>,
    /// The keys in the list.
    pub(super) keys: &'a mut NameSet,
    pub(super) dropped: &'a mut u32,
    /// Maximum number of attributes.
    pub(super) max: usize,
    /// Maximum length of a text in characters.
    pub(super) value_length: usize,
}

impl Attributes<'_> {
    pub(super) fn set(&mut self, mut attribute: KeyValue) {
        if is_secret(attribute.key.as_str()) {
            attribute.value = REDACTED.into();
        }
        if attribute.key.as_str().len() > KEY_LENGTH {
            let key = prefix(attribute.key.as_str(), KEY_LENGTH);
            attribute.key = key.to_owned().into();
        }
        truncate_array(&mut attribute.value);
        hide_credentials(&mut attribute.value);
        truncate_texts(&mut attribute.value, self.value_length);
        let as_set = NameSet::of(attribute.key.as_str());
        if self.keys.overlaps(as_set)
            && let Some(existing) = self
                .list
                .iter_mut()
                .find(|existing| existing.key == attribute.key)
        {
            existing.value = attribute.value;
        } else if self.list.len() < self.max {
            self.keys.add(as_set);
            self.list.push(attribute);
        } else {
            *self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Applies the rules of [`set`](Self::set) to a list that was created without it.
    pub(super) fn normalize(&mut self) {
        let is_normalized = self.list.len() <= self.max
            && self.list.iter().enumerate().all(|(index, attribute)| {
                let as_set = NameSet::of(attribute.key.as_str());
                let is_new = !self.keys.overlaps(as_set)
                    || !self.list[..index]
                        .iter()
                        .any(|earlier| earlier.key == attribute.key);
                self.keys.add(as_set);
                is_new
                    && fits(&attribute.value, self.value_length)
                    && array_length(&attribute.value) <= ARRAY_LENGTH
                    && attribute.key.as_str().len() <= KEY_LENGTH
                    && !texts(&attribute.value).any(may_hold_address)
                    && !is_secret(attribute.key.as_str())
            });
        if !is_normalized {
            *self.keys = NameSet::default();
            for attribute in std::mem::take(self.list) {
                self.set(attribute);
            }
        }
    }
}

/// The texts in a value.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let texts = match value {
        Value::String(text) => std::slice::from_ref(text),
        Value::Array(Array::String(texts)) => texts,
        _ => &[],
    };
    texts.iter().map(StringValue::as_str)
}

fn array_length(value: &Value) -> usize {
    match value {
        Value::Array(Array::Bool(values)) => values.len(),
        Value::Array(Array::I64(values)) => values.len(),
        Value::Array(Array::F64(values)) => values.len(),
        Value::Array(Array::String(values)) => values.len(),
        _ => 0,
    }
}

fn truncate_array(value: &mut Value) {
    match value {
        Value::Array(Array::Bool(values)) => values.truncate(ARRAY_LENGTH),
        Value::Array(Array::I64(values)) => values.truncate(ARRAY_LENGTH),
        Value::Array(Array::F64(values)) => values.truncate(ARRAY_LENGTH),
        Value::Array(Array::String(values)) => values.truncate(ARRAY_LENGTH),
        _ => {}
    }
}

fn fits(value: &Value, length: usize) -> bool {
    // A text has at least as many bytes as characters.
    texts(value).all(|text| text.len() <= length)
}

fn hide_credentials(value: &mut Value) {
    if !texts(value).any(may_hold_address) {
        return;
    }
    let hide = |text: &mut StringValue| {
        let clean = without_credentials(text.as_str(), false).into_owned();
        *text = clean.into();
    };
    match value {
        Value::String(text) => hide(text),
        Value::Array(Array::String(texts)) => texts.iter_mut().for_each(hide),
        _ => {}
    }
}

fn truncate_texts(value: &mut Value, length: usize) {
    if fits(value, length) {
        return;
    }
    let truncate = |text: &mut StringValue| {
        let end = text.as_str().char_indices().nth(length);
        if let Some((end, _)) = end {
            *text = text.as_str()[..end].to_owned().into();
        }
    };
    match value {
        Value::String(text) => truncate(text),
        Value::Array(Array::String(texts)) => texts.iter_mut().for_each(truncate),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn set(
        attributes: &[(&'static str, &str)],
        max: usize,
        value_length: usize,
    ) -> (Vec<(String, String)>, u32) {
        let (mut list, mut dropped) = (Vec::new(), 0);
        let mut bounded = Attributes {
            list: &mut list,
            keys: &mut NameSet::default(),
            dropped: &mut dropped,
            max,
            value_length,
        };
        for (key, value) in attributes {
            bounded.set(KeyValue::new(*key, (*value).to_owned()));
        }
        let shown = list
            .iter()
            .map(|attribute| (attribute.key.to_string(), attribute.value.to_string()));
        (shown.collect(), dropped)
    }

    proptest! {
        /// The set of keys changes nothing, whether attributes are set or come as a list.
        #[test]
        fn keys_are_as_if_each_were_compared(
            pairs in vec(("[ab.]{0,4}", any::<i64>()), 0..40),
            max in 1..12_usize,
        ) {
            let given = pairs.iter().map(|(key, value)| KeyValue::new(key.clone(), *value));
            let (mut expected, mut expected_dropped) = (Vec::<KeyValue>::new(), 0);
            for attribute in given.clone() {
                let known = expected.iter().position(|known| known.key == attribute.key);
                match known {
                    Some(known) => expected[known].value = attribute.value,
                    None if expected.len() < max => expected.push(attribute),
                    None => expected_dropped += 1,
                }
            }
            let mut lists = [Vec::new(), given.clone().collect()];
            for (list, is_set) in lists.iter_mut().zip([true, false]) {
                let mut dropped = 0;
                let mut bounded = Attributes {
                    list,
                    keys: &mut NameSet::default(),
                    dropped: &mut dropped,
                    max,
                    value_length: 100,
                };
                if is_set {
                    given.clone().for_each(|attribute| bounded.set(attribute));
                } else {
                    bounded.normalize();
                }
                prop_assert_eq!((&*list, dropped), (&expected, expected_dropped));
            }
        }
    }

    #[test]
    fn keys_keep_their_last_value() {
        let mut many: Vec<(&'static str, &str)> = vec![("k", "old"); 10_000];
        many.extend([("other", "x"), ("k", "new")]);
        let (list, dropped) = set(&many, 128, 100);
        assert_eq!(
            list,
            [("k".into(), "new".into()), ("other".into(), "x".into())]
        );
        assert_eq!(dropped, 0);
    }

    #[test]
    fn arrays_and_keys_are_bounded() {
        let mut list = vec![
            KeyValue::new("k".repeat(10_000), 1),
            KeyValue::new("numbers", Value::Array(vec![7_i64; 100_000].into())),
        ];
        let mut bounded = Attributes {
            list: &mut list,
            keys: &mut NameSet::default(),
            dropped: &mut 0,
            max: 128,
            value_length: 100,
        };
        bounded.normalize();
        assert_eq!(list[0].key.as_str().len(), KEY_LENGTH);
        assert_eq!(array_length(&list[1].value), ARRAY_LENGTH);
    }

    #[test]
    fn excess_is_dropped_and_text_truncated() {
        let (list, dropped) = set(&[("a", "äöü"), ("b", "2"), ("c", "3")], 2, 2);
        assert_eq!(list, [("a".into(), "äö".into()), ("b".into(), "2".into())]);
        assert_eq!(dropped, 1);
    }

    #[test]
    fn names_and_status_texts_are_truncated() {
        let mut long = Cow::Owned("ä".repeat(TEXT_LENGTH + 1));
        truncate_text(&mut long);
        assert_eq!(long.chars().count(), TEXT_LENGTH);
        let mut short = Cow::Borrowed("name");
        truncate_text(&mut short);
        assert!(matches!(short, Cow::Borrowed("name")));
    }

    #[test]
    fn foreign_lists_are_normalized() {
        let pair = |key: &'static str, value: &'static str| KeyValue::new(key, value);
        let mut list = vec![pair("a", "1"), pair("a", "2"), pair("b", "long")];
        let mut dropped = 0;
        Attributes {
            list: &mut list,
            keys: &mut NameSet::default(),
            dropped: &mut dropped,
            max: 8,
            value_length: 2,
        }
        .normalize();
        assert_eq!(list, [pair("a", "2"), pair("b", "lo")]);
    }
}
