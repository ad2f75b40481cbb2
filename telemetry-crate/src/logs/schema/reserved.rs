//! The names to which a backend gives a meaning, with their JSON types.
//!
//! The lists beside this file come from the backends. Each starts with its source and version. A list is parsed once, when
//! its format is chosen.

use std::net::IpAddr;

use hashbrown::HashMap;
use jiff::Timestamp;

use super::Naming;
use crate::{
    logs::{bound::LineLimits, json::write_quoted},
    values::Kind,
};

/// 2^63, below which a number fits `long` and `float` of Elasticsearch.
pub(in crate::logs) const NUMBER_LIMIT: f64 = (1_u64 << 63) as f64;

/// The type of value that a backend accepts under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::logs) enum Type {
    /// Written by firstlight or by the log shipper, and never from a program's field.
    Internal,
    /// An object, or another type that the value of a field never has.
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
            "ours" | "fixed" => Self::Internal,
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

    /// Adds the value as JSON of this type.
    ///
    /// Returns `false` and adds nothing if the value is not of this type.
    pub(in crate::logs) fn write(
        self,
        out: &mut Vec<u8>,
        text: &str,
        kind: Kind,
        limits: LineLimits,
    ) -> bool {
        match self {
            Self::Internal | Self::Object => return false,
            Self::Text => write_quoted(out, text, limits.value),
            Self::Long => match text.parse::<i64>() {
                Ok(number) => write_integer(out, number),
                Err(_) => return false,
            },
            Self::Integer => match text.parse::<i32>() {
                Ok(number) => write_integer(out, number.into()),
                Err(_) => return false,
            },
            Self::Float => match text.parse::<f64>() {
                // Written unchanged, so that a whole number stays whole.
                Ok(number) if number.abs() < NUMBER_LIMIT && kind == Kind::Bare => {
                    out.extend_from_slice(text.as_bytes());
                }
                Ok(number) if number.abs() < NUMBER_LIMIT => {
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
                    // Elasticsearch reads only years of four digits.
                    if time.starts_with('-') {
                        return false;
                    }
                    write_quoted(out, &time, limits.value);
                }
                Err(_) => return false,
            },
            Self::Ip if text.parse::<IpAddr>().is_ok() => {
                write_quoted(out, text, limits.value);
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
    /// Whether a name with dots is a path into objects.
    has_paths: bool,
}

impl Reserved {
    /// The names of `list`, and the keys that firstlight writes.
    pub(super) fn new(
        list: &'static str,
        own_keys: impl IntoIterator<Item = &'static str>,
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
        types.extend(own_keys.into_iter().map(|name| (name, Type::Internal)));
        let names: Vec<&'static str> = types.keys().copied().collect();
        for parent in names.into_iter().filter(|_| has_paths).flat_map(parents) {
            types.entry(parent).or_insert(Type::Object);
        }
        Self { types, has_paths }
    }

    /// Whether a field can keep its name.
    pub(super) fn naming(&self, name: &str) -> Naming {
        match self.listed(name) {
            Some(naming) => naming,
            None if self.has_paths && self.is_below_internal(name) => Naming::Rename,
            None => Naming::Keep,
        }
    }

    /// Like [`naming`](Self::naming), but `None` for a name that is not listed.
    pub(super) fn listed(&self, name: &str) -> Option<Naming> {
        self.types.get(name).map(|kind| match kind {
            Type::Internal | Type::Object => Naming::Rename,
            kind => Naming::KeepIf(*kind),
        })
    }

    fn is_below_internal(&self, name: &str) -> bool {
        let mut parents = parents(name);
        // All parents of listed names are listed as objects. So a name whose root is not listed has no listed parent.
        let root = parents.next().and_then(|root| self.types.get(root));
        match root {
            None => false,
            Some(Type::Internal) => true,
            Some(_) => parents.any(|parent| self.is_internal(parent)),
        }
    }

    fn is_internal(&self, name: &str) -> bool {
        self.types.get(name) == Some(&Type::Internal)
    }

    #[cfg(test)]
    pub(super) fn types(&self) -> impl Iterator<Item = (&'static str, Type)> {
        self.types.iter().map(|(name, kind)| (*name, *kind))
    }
}

/// The parents of a path, such as `a` and `a.b` for `a.b.c`.
fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').map(|(dot, _)| &name[..dot])
}
