//! The keys of fields as JSON, rendered once per thread.
//!
//! The names in the program's macros are static, and nearly all of them are written as they are. So the text of a key is
//! found by the address of its name.

use super::{
    json::write_key,
    schema::{Naming, Schema},
};
use crate::name_set::NameSet;

/// Number of keys that a thread keeps, some 10 KB.
///
/// Of names with the same slot, only the last is kept.
const SLOTS: usize = 128;

/// The rendered keys of one schema.
#[derive(Debug, Default)]
pub(super) struct RenderedNames {
    schema: Option<&'static Schema>,
    slots: Vec<Option<Rendered>>,
}

/// A name and its key.
#[derive(Debug, Clone)]
pub(super) struct Rendered {
    name: &'static str,
    /// The set with only this name.
    pub(super) as_set: NameSet,
    /// `,"name":`.
    pub(super) key: Box<[u8]>,
}

impl RenderedNames {
    /// The key of a field that keeps its name, whatever its value is.
    pub(super) fn kept(
        &mut self,
        schema: &'static Schema,
        name: &'static str,
    ) -> Option<&Rendered> {
        // Most processes have one schema.
        if !self.schema.is_some_and(|known| std::ptr::eq(known, schema)) {
            self.schema = Some(schema);
            self.slots = vec![None; SLOTS];
        }
        let slot = self.slots.get_mut(slot_of(name))?;
        // A static text at the same address, of the same length, is the same text.
        if !slot
            .as_ref()
            .is_some_and(|known| std::ptr::eq(known.name, name))
        {
            if schema.naming(name) != Naming::Keep {
                return None;
            }
            let mut key = Vec::new();
            write_key(&mut key, &[name]);
            *slot = Some(Rendered {
                name,
                as_set: NameSet::of(name),
                key: key.into(),
            });
        }
        slot.as_ref()
    }
}

fn slot_of(name: &str) -> usize {
    let address = name.as_ptr().addr();
    (address ^ address >> 7 ^ name.len()) % SLOTS
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{
        super::schema::{FLAT, GCP},
        RenderedNames, SLOTS,
    };

    #[test]
    fn keys_are_those_of_the_name_and_schema() {
        let names: Vec<&'static str> = (0..4 * SLOTS)
            .map(|n| &*format!("name \"{n}\"").leak())
            .collect();
        let mut rendered = RenderedNames::default();
        for _ in 0..2 {
            for name in &names {
                let expected = format!(",{}:", serde_json::Value::from(*name));
                let kept = rendered.kept(&FLAT, name).unwrap();
                assert_eq!(&*kept.key, expected.as_bytes());
            }
        }
        assert!(rendered.kept(&FLAT, "level").is_none());
        assert!(rendered.kept(&FLAT, "severity").is_some());
        assert!(rendered.kept(&GCP, "severity").is_none());
        assert!(rendered.kept(&FLAT, "severity").is_some());
    }
}
