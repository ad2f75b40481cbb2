//! Which servers have a label of their own.
//!
//! A program calls a handful of services, or, if it delivers webhooks, as many as it has customers. The first hundred that a
//! layer sees are told apart; the metric's budget would fold the excess too, but all labels of it at once.

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

/// More than a service depends on.
const HOSTS: usize = 100;

/// What a label says of every other.
const OTHER: &str = "_OTHER";

#[derive(Debug, Default)]
pub(super) struct Hosts(RwLock<HashSet<(String, u16)>>);

impl Hosts {
    /// The label of the server's address, and whether the port is worth one.
    pub(super) fn label<'a>(&self, address: &'a str, port: u16) -> (&'a str, bool) {
        // A lookup with a borrowed pair would need a type of its own; a call costs far more than this string.
        let server = (address.to_owned(), port);
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&server) {
            return (address, true);
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < HOSTS || known.contains(&server) {
            known.insert(server);
            return (address, true);
        }
        (OTHER, false)
    }
}

#[cfg(test)]
mod tests {
    use super::{HOSTS, Hosts};

    #[test]
    fn excess_servers_share_one_name() {
        let hosts = Hosts::default();
        for port in 0..HOSTS as u16 {
            assert_eq!(hosts.label("a", port), ("a", true));
        }
        assert_eq!(hosts.label("b", 80), ("_OTHER", false));
        assert_eq!(hosts.label("a", 0), ("a", true));
    }
}
