//! The methods that have a label of their own.
//!
//! A client can call methods that the server does not have, and each name would be a series. A
//! layer cannot ask the server for its methods. So, unless the program lists the methods, a
//! method is known once it has sent a message, or a status that no layer around it sends.

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

/// Maximum number of learned methods, more than any service has.
const MAX_METHODS: usize = 1_000;

/// Value of `rpc.method` for an unknown method in the semantic conventions.
pub(super) const OTHER: &str = "_OTHER";

#[derive(Debug, Default)]
pub(super) struct Methods {
    /// All methods of the server, if the program lists them.
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

    /// Returns whether a method is known; learns it if `confirmed` and not listed.
    ///
    /// `confirmed` states that the call's outcome shows that the method exists.
    pub(super) fn is_known(&self, method: &str, confirmed: bool) -> bool {
        if let Some(listed) = &self.listed {
            return listed.contains(method);
        }
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(method) {
            return true;
        }
        drop(seen);
        if !confirmed {
            return false;
        }
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX_METHODS {
            return seen.contains(method);
        }
        seen.insert(method.to_owned());
        true
    }
}

/// Returns the `package.Service/Method` of a request's path, if it has one.
pub(super) fn from_path(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    let (service, method) = name.split_once('/')?;
    let is_valid = !service.is_empty() && !method.is_empty() && !method.contains('/');
    is_valid.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{MAX_METHODS, Methods, from_path};

    #[test]
    fn paths_are_service_and_method() {
        assert_eq!(from_path("/shop.Orders/Get"), Some("shop.Orders/Get"));
        for nothing in ["", "/", "/a", "a/b", "//b", "/a/", "/a/b/c"] {
            assert_eq!(from_path(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn known_methods_are_confirmed_and_bounded() {
        let methods = Methods::default();
        assert!(!methods.is_known("a/b", false));
        assert!(methods.is_known("a/b", true));
        assert!(methods.is_known("a/b", false));
        for number in 1..MAX_METHODS {
            assert!(methods.is_known(&number.to_string(), true));
        }
        assert!(!methods.is_known("one/too-many", true));
        assert!(methods.is_known("a/b", true));
    }

    #[test]
    fn list_overrides_learned_methods() {
        let methods = Methods::listed(["a/b".to_owned()]);
        assert!(methods.is_known("a/b", false));
        assert!(!methods.is_known("a/c", true));
    }
}
