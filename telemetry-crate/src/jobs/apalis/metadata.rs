//! An envelope as the metadata of a task.

use std::convert::Infallible;

use apalis_core::task::metadata::{Metadata, MetadataStore};

use crate::jobs::Envelope;

/// What is there under the same names is replaced: the code that enqueues a task anew is its request.
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
