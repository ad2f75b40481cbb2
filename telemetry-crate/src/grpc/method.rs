//! Which methods have a label of their own.
//!
//! A client can call what a server does not have, and each name would be a series. A server does not tell its
//! layers what it has, so a method is known once an answer could only have come from it, unless the program lists them.

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

/// More than any service has.
const METHODS: usize = 1_000;

/// Semantic conventions, `rpc.method`: the name of an unknown method.
pub(super) const OTHER: &str = "_OTHER";

#[derive(Debug, Default)]
pub(super) struct Methods {
    /// All there are, if the program says so.
    listed: Option<HashSet<String>>,
    seen: RwLock<HashSet<String>>,
}

impl Methods {
    pub(super) fn listed(methods: impl IntoIterator<Item = String>) -> Self {
        Self {
            listed: Some(methods.into_iter().collect()),
            seen: RwLock::default(),
        }
    }

    /// Whether it is one. `vouched` says that the answer could only have come from it.
    pub(super) fn knows(&self, method: &str, vouched: bool) -> bool {
        if let Some(listed) = &self.listed {
            return listed.contains(method);
        }
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(method) {
            return true;
        }
        drop(seen);
        if !vouched {
            return false;
        }
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= METHODS {
            return seen.contains(method);
        }
        seen.insert(method.to_owned());
        true
    }
}

/// The method that a request's path names, `package.Service/Method`, if it names one.
pub(super) fn of_path(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    let (service, method) = name.split_once('/')?;
    let is_one = !service.is_empty() && !method.is_empty() && !method.contains('/');
    is_one.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{METHODS, Methods, of_path};

    #[test]
    fn paths_are_service_and_method() {
        assert_eq!(of_path("/shop.Orders/Get"), Some("shop.Orders/Get"));
        for nothing in ["", "/", "/a", "a/b", "//b", "/a/", "/a/b/c"] {
            assert_eq!(of_path(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn known_methods_are_vouched_and_bounded() {
        let methods = Methods::default();
        assert!(!methods.knows("a/b", false));
        assert!(methods.knows("a/b", true));
        assert!(methods.knows("a/b", false));
        for number in 1..METHODS {
            assert!(methods.knows(&number.to_string(), true));
        }
        assert!(!methods.knows("one/too-many", true));
        assert!(methods.knows("a/b", true));
    }

    #[test]
    fn a_list_is_the_last_word() {
        let methods = Methods::listed(["a/b".to_owned()]);
        assert!(methods.knows("a/b", false));
        assert!(!methods.knows("a/c", true));
    }
}
