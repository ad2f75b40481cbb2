//! The envelope that is stored with a job: its trace, and when it was accepted.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::context::TraceContext;

/// Name of the pair whose value is the milliseconds since 1970, as digits.
const ACCEPTED: &str = "firstlight.accepted_at";

/// The trace of a job and the time of its acceptance.
///
/// It converts to pairs of strings, which fit into any map: a JSON column, the headers of a
/// message, the metadata of a task.
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
    /// Time of acceptance in whole milliseconds since 1970, which pairs keep exactly.
    accepted: Option<u64>,
}

impl Envelope {
    /// Creates an envelope with the current trace and time.
    ///
    /// [`Queue::enqueue`](super::Queue::enqueue) creates an envelope inside its own span.
    pub fn current() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
        Self {
            context: TraceContext::current(),
            accepted: now.and_then(|now| u64::try_from(now.as_millis()).ok()),
        }
    }

    /// Reads an envelope from stored pairs.
    ///
    /// Other pairs are ignored. A missing or invalid value is not an error, and counts as unknown.
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

    /// Returns the pairs as any collection of strings.
    ///
    /// Examples are a `BTreeMap`, a `HashMap`, a `Vec`, or apalis' `MetadataStore`.
    pub fn to_pairs<C: FromIterator<(String, String)>>(&self) -> C {
        let context: Vec<_> = self.context.to_pairs();
        let accepted = self
            .accepted
            .map(|at| (ACCEPTED.to_owned(), at.to_string()));
        context.into_iter().chain(accepted).collect()
    }

    /// Returns the trace and its baggage.
    pub fn context(&self) -> &TraceContext {
        &self.context
    }

    /// Returns the time at which the job was accepted, if it is known.
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
        // Whether this time can be represented depends on the platform.
        let _ = Envelope::from_pairs([(ACCEPTED, u64::MAX.to_string())]).accepted_at();
    }

    #[test]
    fn time_is_found_among_other_pairs() {
        let pairs = [("to", "alice"), (ACCEPTED, "1500"), (ACCEPTED, "2")];
        let accepted = Envelope::from_pairs(pairs).accepted_at();
        assert_eq!(accepted, Some(UNIX_EPOCH + Duration::from_millis(1500)));
    }
}
