//! The names that a backend gives a meaning to, and what JSON it takes for each.
//!
//! The lists beside this file are the backends' own, with their source and version above them. They are read once, when
//! the format is chosen.

use std::net::IpAddr;

use hashbrown::HashMap;
use jiff::Timestamp;

use super::Place;
use crate::logs::{bound::Room, fields::Kind, json::write_quoted};

/// A number below this fits every type of number of Elasticsearch, whichever it has chosen for the field.
pub(in crate::logs) const LARGEST: f64 = (1_u64 << 63) as f64;

/// What a backend takes under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::logs) enum Type {
    /// What firstlight says itself, or the shipper; no field of a program's may.
    Ours,
    /// An object, or something else that no field's value is.
    Object,
    Text,
    Long,
    Integer,
    Float,
    Boolean,
    Date,
    Ip,
}

impl Type {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "ours" | "fixed" => Self::Ours,
            "object" => Self::Object,
            "text" => Self::Text,
            "long" => Self::Long,
            "integer" => Self::Integer,
            "float" => Self::Float,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "ip" => Self::Ip,
            _ => return None,
        })
    }

    /// Adds the value as JSON of this type; nothing, and `false`, if it is none.
    pub(in crate::logs) fn write(
        self,
        out: &mut Vec<u8>,
        text: &str,
        kind: Kind,
        room: Room,
    ) -> bool {
        match self {
            Self::Ours | Self::Object => return false,
            Self::Text => write_quoted(out, text, room.value),
            Self::Long => match text.parse::<i64>() {
                Ok(number) => write_integer(out, number),
                Err(_) => return false,
            },
            Self::Integer => match text.parse::<i32>() {
                Ok(number) => write_integer(out, number.into()),
                Err(_) => return false,
            },
            Self::Float => match text.parse::<f64>() {
                // As it is: a whole number stays one.
                Ok(number) if number.abs() < LARGEST && kind == Kind::Bare => {
                    out.extend_from_slice(text.as_bytes());
                }
                Ok(number) if number.abs() < LARGEST => {
                    out.extend_from_slice(format!("{number:?}").as_bytes());
                }
                _ => return false,
            },
            Self::Boolean if matches!(text, "true" | "false") => {
                out.extend_from_slice(text.as_bytes());
            }
            Self::Date => match text.parse::<Timestamp>() {
                Ok(time) => {
                    let time = time.to_string();
                    // Elasticsearch reads years of four digits.
                    if time.starts_with('-') {
                        return false;
                    }
                    write_quoted(out, &time, room.value);
                }
                Err(_) => return false,
            },
            Self::Ip if text.parse::<IpAddr>().is_ok() => {
                write_quoted(out, text, room.value);
            }
            Self::Boolean | Self::Ip => return false,
        }
        true
    }
}

fn write_integer(out: &mut Vec<u8>, number: i64) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(digits.format(number).as_bytes());
}

/// The names of one backend, with their types.
#[derive(Debug)]
pub(super) struct Reserved {
    types: HashMap<&'static str, Type>,
    /// A name with dots is a path into objects.
    has_paths: bool,
}

impl Reserved {
    /// Of a list, and of the keys that firstlight writes itself.
    pub(super) fn new(
        list: &'static str,
        ours: impl IntoIterator<Item = &'static str>,
        has_paths: bool,
    ) -> Self {
        let mut types = HashMap::new();
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_ascii_whitespace();
            let Some(kind) = words.next().and_then(Type::parse) else {
                continue;
            };
            for name in words {
                types.insert(name, kind);
            }
        }
        types.extend(ours.into_iter().map(|name| (name, Type::Ours)));
        let names: Vec<&'static str> = types.keys().copied().collect();
        for parent in names.into_iter().filter(|_| has_paths).flat_map(parents) {
            types.entry(parent).or_insert(Type::Object);
        }
        Self { types, has_paths }
    }

    pub(super) fn place(&self, name: &str) -> Place {
        match self.listed(name) {
            Some(place) => place,
            None if self.has_paths && self.is_below_ours(name) => Place::Aside,
            None => Place::Free,
        }
    }

    /// Of a name that is in the list itself.
    pub(super) fn listed(&self, name: &str) -> Option<Place> {
        self.types.get(name).map(|kind| match kind {
            Type::Ours | Type::Object => Place::Aside,
            kind => Place::As(*kind),
        })
    }

    fn is_below_ours(&self, name: &str) -> bool {
        let mut parents = parents(name);
        // The parents of what is ours are objects, so nothing is below ours whose root is not listed.
        let root = parents.next().and_then(|root| self.types.get(root));
        match root {
            None => false,
            Some(Type::Ours) => true,
            Some(_) => parents.any(|parent| self.is_ours(parent)),
        }
    }

    fn is_ours(&self, name: &str) -> bool {
        self.types.get(name) == Some(&Type::Ours)
    }

    #[cfg(test)]
    pub(super) fn types(&self) -> impl Iterator<Item = (&'static str, Type)> {
        self.types.iter().map(|(name, kind)| (*name, *kind))
    }
}

/// `a` and `a.b` of `a.b.c`.
fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').map(|(dot, _)| &name[..dot])
}
