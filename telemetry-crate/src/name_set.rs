//! A set of names in 64 bits, which may seem to have a name that it has not.

/// Names that were added.
///
/// Lines and spans have few fields, and comparing each name with all names before it would cost more than writing it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NameSet(u64);

impl NameSet {
    /// The set of one name.
    pub(crate) fn of(name: &str) -> Self {
        let bytes = name.as_bytes();
        let at = |index: usize| bytes.get(index).copied().map_or(0, usize::from);
        let length = bytes.len();
        let (middle, last) = (at(length / 2), at(length.wrapping_sub(1)));
        // Odd factors spread the values. With these, usual names have different bits.
        Self(1 << ((length * 5 + middle * 9 + last) % 64))
    }

    /// Whether the sets may have a name in common; `false` is certain.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

#[cfg(test)]
mod tests {
    use super::NameSet;

    #[test]
    fn added_names_are_never_missed() {
        let names: Vec<String> = (0..100).map(|n| "é".repeat(n)).collect();
        let mut set = NameSet::default();
        for name in &names {
            set.add(NameSet::of(name));
            assert!(set.overlaps(NameSet::of(name)));
        }
    }

    #[test]
    fn usual_names_differ() {
        let names = [
            "http.response.status_code",
            "http.server.request.duration",
            "url.path",
            "http.request.method",
            "http.route",
            "order.id",
            "order.total",
        ];
        let mut set = NameSet::default();
        for name in names {
            let own = NameSet::of(name);
            assert!(!set.overlaps(own), "{name}");
            set.add(own);
        }
    }
}
