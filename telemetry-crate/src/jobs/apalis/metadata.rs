//! An envelope as the metadata of a task.

use std::convert::Infallible;

use apalis_core::task::metadata::{Metadata, MetadataStore};

use crate::jobs::Envelope;

/// Stores the envelope in a task's metadata.
///
/// Pairs with the same names are replaced: a task that is enqueued again belongs to the request
/// that enqueues it again.
impl Metadata for Envelope {
    type Error = Infallible;

    fn extract(store: &MetadataStore) -> Result<Self, Infallible> {
        Ok(Self::from_pairs(store.iter()))
    }

    fn inject(&self, store: &mut MetadataStore) -> Result<(), Infallible> {
        let pairs: Vec<(String, String)> = self.to_pairs();
        store.extend(pairs);
        Ok(())
    }
}
