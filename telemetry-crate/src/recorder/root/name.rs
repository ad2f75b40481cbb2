//! The name of a local root, as its summary has it.

use std::hash::{Hash, Hasher};

use crate::recorder::{errors::Fingerprint, short_text::ShortText};

/// The longest name in bytes that the summary has as a whole.
const MAX_WHOLE: usize = 43;

/// The name of a local root, or the beginning of a long one.
///
/// Roots are compared by it. Long names with the same beginning differ by their hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recorder) struct Name {
    text: ShortText<MAX_WHOLE>,
    /// The hash of a long name; 0 for a whole one.
    hash: u32,
}

impl Name {
    pub(super) const EMPTY: Self = Self {
        text: ShortText::EMPTY,
        hash: 0,
    };

    pub(super) fn new(name: &str) -> Self {
        let hash = if name.len() > MAX_WHOLE {
            // Never 0, which stands for a whole name.
            Fingerprint::new().bytes(name.as_bytes()).short() | 1
        } else {
            0
        };
        Self {
            text: ShortText::new(name),
            hash,
        }
    }

    /// Whether this is the whole name.
    pub(in crate::recorder) fn is_whole(&self) -> bool {
        self.hash == 0
    }

    /// Whether the root has this name.
    pub(super) fn is(&self, name: &str) -> bool {
        if self.is_whole() {
            self.text.is(name)
        } else {
            *self == Self::new(name)
        }
    }

    /// Appends a space and `part`; returns `false` if there is no room for them.
    pub(super) fn try_append(&mut self, part: &str) -> bool {
        let has_room = self.is_whole() && self.text.len() + 1 + part.len() <= MAX_WHOLE;
        if has_room {
            self.text.push(" ");
            self.text.push(part);
        }
        has_room
    }

    /// The name, or its beginning.
    pub(in crate::recorder) fn as_str(&self) -> &str {
        self.text.as_str()
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
        if !self.is_whole() {
            state.write_u32(self.hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_differ_by_their_ends() {
        let beginning = "GET /organizations/{organization_id}/projects/{project_id}/";
        let (a, b) = (format!("{beginning}a"), format!("{beginning}b"));
        let name = Name::new(&a);
        assert!(name.is(&a) && !name.is(&b) && !name.is(name.as_str()));
        assert!(name != Name::new(&b) && name.as_str() == Name::new(&b).as_str());
        let exact = &beginning[..MAX_WHOLE];
        assert!(Name::new(exact).is_whole() && Name::new(exact) != name);
    }

    #[test]
    fn parts_are_appended_if_they_fit() {
        let mut name = Name::new("GET");
        assert!(name.try_append("/orders") && name.is("GET /orders"));
        assert!(!name.try_append(&"x".repeat(MAX_WHOLE)) && name.is("GET /orders"));
    }
}
