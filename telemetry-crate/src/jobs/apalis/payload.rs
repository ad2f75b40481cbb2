//! Decoding of a job's bytes.
//!
//! apalis decodes a task while it polls for tasks, and a task that it cannot decode ends the
//! worker. So the worker gets the bytes, and they are decoded inside the attempt, where a failure
//! affects only one job.

use std::{
    any::type_name,
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
};

use apalis_core::{backend::codec::Codec, error::BoxDynError};
use serde::de::DeserializeOwned;

use super::undecodable::Undecodable;
use crate::panic::message_of;

/// A codec that leaves the bytes unchanged.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawCodec;

impl Codec<Vec<u8>> for RawCodec {
    type Error = Infallible;
    type Compact = Vec<u8>;

    fn encode(&self, bytes: &Vec<u8>) -> Result<Vec<u8>, Infallible> {
        Ok(bytes.clone())
    }

    fn decode(&self, bytes: &Vec<u8>) -> Result<Vec<u8>, Infallible> {
        Ok(bytes.clone())
    }
}

/// Decodes a job; a panic of its `Deserialize` is an error like any other.
pub(super) fn decode<J: DeserializeOwned>(bytes: &[u8]) -> Result<J, BoxDynError> {
    let decoded = catch_unwind(AssertUnwindSafe(|| serde_json::from_slice(bytes)));
    let reason = match decoded {
        Ok(Ok(job)) => return Ok(job),
        Ok(Err(error)) => error.to_string(),
        Err(payload) => format!("panicked: {}", message_of(&*payload)),
    };
    Err(Undecodable::error(type_name::<J>(), &reason))
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Deserializer};

    use super::{super::undecodable::is_undecodable, decode};

    struct Panics;

    impl<'de> Deserialize<'de> for Panics {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            unimplemented!("no such job")
        }
    }

    #[test]
    fn every_failure_is_undecodable() {
        let failures = [
            decode::<u32>(b"not json at all").err(),
            decode::<u32>(b"").err(),
            decode::<u32>(b"\"text\"").err(),
            decode::<String>(b"\"\xff\"").err(),
            decode::<Panics>(b"1").err().map(|error| {
                assert!(error.to_string().contains("no such job"), "{error}");
                error
            }),
        ];
        assert!(failures.iter().flatten().all(is_undecodable));
        assert_eq!(failures.iter().flatten().count(), 5);
        assert_eq!(decode::<u32>(b"7").ok(), Some(7));
    }

    #[test]
    fn quoted_bytes_are_truncated() {
        let long = format!("\"{}\"", "ä".repeat(10_000));
        let error = decode::<u32>(long.as_bytes()).map_err(|error| error.to_string());
        let error = error.err().unwrap_or_default();
        assert!(error.contains("invalid type: string"), "{error}");
        assert!(error.len() < 700, "{}", error.len());
    }
}
