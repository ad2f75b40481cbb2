//! Limit on the number of servers with a label of their own.
//!
//! A program usually calls a handful of services, but one that delivers webhooks calls as many
//! servers as it has customers. The first hundred servers of a layer are told apart. The metric's
//! cardinality limit would also fold the excess, but it replaces all labels at once.

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

/// Maximum number of servers with a label, more than a service depends on.
const MAX_HOSTS: usize = 100;

/// Label of all servers beyond the limit.
const OTHER: &str = "_OTHER";

#[derive(Debug, Default)]
pub(super) struct Hosts(RwLock<HashSet<(String, u16)>>);

impl Hosts {
    /// Returns the label of the server, and whether its port is a label too.
    pub(super) fn label<'a>(&self, address: &'a str, port: u16) -> (&'a str, bool) {
        // A lookup with a borrowed pair would need a type of its own; a call costs far more than
        // this string.
        let server = (address.to_owned(), port);
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&server) {
            return (address, true);
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MAX_HOSTS || known.contains(&server) {
            known.insert(server);
            return (address, true);
        }
        (OTHER, false)
    }
}

#[cfg(test)]
mod tests {
    use super::{Hosts, MAX_HOSTS};

    #[test]
    fn excess_servers_share_one_name() {
        let hosts = Hosts::default();
        for port in 0..MAX_HOSTS as u16 {
            assert_eq!(hosts.label("a", port), ("a", true));
        }
        assert_eq!(hosts.label("b", 80), ("_OTHER", false));
        assert_eq!(hosts.label("a", 0), ("a", true));
    }
}
