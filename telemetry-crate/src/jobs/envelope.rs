//! What is stored beside a job: whose it is, and since when.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::context::TraceContext;

/// Milliseconds since 1970, as digits.
const ACCEPTED: &str = "firstlight.accepted_at";

/// The trace that a job belongs to and the time it was accepted at, as pairs of strings that fit into any map: a column of
/// JSON, the headers of a message, the metadata of a queue's tasks.
///
/// ```
/// use std::collections::BTreeMap;
/// use firstlight::jobs::Envelope;
///
/// let envelope = Envelope::current();
/// let row: BTreeMap<String, String> = envelope.to_pairs();
/// assert_eq!(Envelope::from_pairs(row), envelope);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Envelope {
    context: TraceContext,
    /// Whole milliseconds since 1970, so that what is read equals what was written.
    accepted: Option<u64>,
}

impl Envelope {
    /// The current trace and time. [`Queue::enqueue`](super::Queue::enqueue) makes one for you, in a span of its own.
    pub fn current() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
        Self {
            context: TraceContext::current(),
            accepted: now.and_then(|now| u64::try_from(now.as_millis()).ok()),
        }
    }

    /// What was stored. There may be other pairs around it; what is missing or makes no sense is unknown, and no error.
    pub fn from_pairs<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let mut accepted = None;
        let context = TraceContext::from_pairs(pairs.into_iter().inspect(|(name, value)| {
            if name.as_ref() == ACCEPTED {
                accepted = accepted.or(value.as_ref().parse().ok());
            }
        }));
        Self { context, accepted }
    }

    /// The pairs, as whatever holds strings: a `BTreeMap`, a `HashMap`, a `Vec`, or apalis' `MetadataStore`.
    pub fn to_pairs<C: FromIterator<(String, String)>>(&self) -> C {
        let context: Vec<_> = self.context.to_pairs();
        let accepted = self
            .accepted
            .map(|at| (ACCEPTED.to_owned(), at.to_string()));
        context.into_iter().chain(accepted).collect()
    }

    /// The trace, and its baggage.
    pub fn context(&self) -> &TraceContext {
        &self.context
    }

    /// When the job was accepted, if that is known.
    pub fn accepted_at(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.accepted?))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{ACCEPTED, Envelope};

    #[test]
    fn garbage_is_unknown() {
        for value in ["", "-1", "soon", "1e9", "99999999999999999999999999"] {
            let envelope = Envelope::from_pairs([(ACCEPTED, value)]);
            assert_eq!(envelope.accepted_at(), None, "{value}");
        }
        // The end of time is one, or is none, as the platform has it.
        let _ = Envelope::from_pairs([(ACCEPTED, u64::MAX.to_string())]).accepted_at();
    }

    #[test]
    fn the_time_is_found_among_other_pairs() {
        let pairs = [("to", "alice"), (ACCEPTED, "1500"), (ACCEPTED, "2")];
        let accepted = Envelope::from_pairs(pairs).accepted_at();
        assert_eq!(accepted, Some(UNIX_EPOCH + Duration::from_millis(1500)));
    }
}
