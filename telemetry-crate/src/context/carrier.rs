//! The trace context as text: a few pairs with the names of HTTP headers.

use opentelemetry::{
    Context,
    baggage::{BaggageExt, KeyValueMetadata},
    propagation::{Extractor, Injector},
    trace::TraceContextExt,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{thread::current_context, traces::HEADER_NAMES};

/// Longest value in bytes: the limit of W3C Baggage, far above the other formats.
const MAX_VALUE_LENGTH: usize = 8_192;

/// A trace context as pairs of strings, which fit into any map.
///
/// It is stored with a job or sent with a message, and turned into a span where the work is done.
/// The names are those of the HTTP headers, so libraries of other languages read them as well.
/// `OTEL_PROPAGATORS` selects the formats. Before telemetry starts, and outside any span, the
/// context is empty.
///
/// The program decides how a job's span relates to the request. [`child`](Self::child) continues
/// the trace, which suits one short job per request. [`linked`](Self::linked) begins another trace
/// with a link to the first, for work that is done much later or sampled separately.
/// [`link`](Self::link) links the span of a batch to each of its requests.
///
/// ```
/// use firstlight::context::TraceContext;
///
/// let context = TraceContext::current();
/// let headers: Vec<(String, String)> = context.to_pairs();
/// assert_eq!(TraceContext::from_pairs(headers), context);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TraceContext {
    pairs: Pairs,
}

impl TraceContext {
    /// Returns the context of the current span, with its baggage.
    pub fn current() -> Self {
        let mut pairs = Pairs::default();
        let context = current_context();
        opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&context, &mut pairs);
        });
        Self { pairs }
    }

    /// Reads a context from stored pairs.
    ///
    /// Other pairs, such as further headers, are ignored. Names are case-insensitive. Repeated
    /// names are treated like repeated headers: `tracestate` and `baggage` are joined, a second
    /// `traceparent` begins a new trace, and the first value counts for the formats of B3 and
    /// Jaeger.
    ///
    /// Invalid input is not an error. A value that is too long is dropped, and an invalid context
    /// later begins a new trace.
    pub fn from_pairs<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let mut kept = Pairs::default();
        for (name, value) in pairs {
            let value = value.as_ref();
            let Some((name, slot)) = kept.slot(name.as_ref()) else {
                continue;
            };
            match slot {
                None if value.len() <= MAX_VALUE_LENGTH => *slot = Some(value.to_owned()),
                // Repeated headers are joined, as in HTTP. A joined `traceparent` is invalid.
                Some(first)
                    if matches!(name, "traceparent" | "tracestate" | "baggage")
                        && first.len() + 1 + value.len() <= MAX_VALUE_LENGTH =>
                {
                    first.push(',');
                    first.push_str(value);
                }
                _ => {}
            }
        }
        Self { pairs: kept }
    }

    /// Reads a context from headers whose values are bytes.
    ///
    /// Messages of Kafka have such headers.
    /// Values that are not UTF-8 are ignored, and otherwise it is [`from_pairs`](Self::from_pairs).
    ///
    /// ```
    /// use firstlight::context::TraceContext;
    ///
    /// // With rdkafka: `headers.iter().filter_map(|header| Some((header.key, header.value?)))`
    /// let headers = [("traceparent", &b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"[..])];
    /// let context = TraceContext::from_headers(headers);
    /// # drop(context);
    /// ```
    pub fn from_headers<K, V>(headers: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: AsRef<str>,
        V: AsRef<[u8]>,
    {
        let pairs = headers.into_iter().filter_map(|(name, value)| {
            let value = value.as_ref();
            // Not copied only to be dropped.
            if value.len() > MAX_VALUE_LENGTH {
                return None;
            }
            Some((name, str::from_utf8(value).ok()?.to_owned()))
        });
        Self::from_pairs(pairs)
    }

    /// Returns the pairs that are present.
    ///
    /// These are at most `traceparent`, `tracestate` and `baggage`, unless `OTEL_PROPAGATORS` names
    /// other formats.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let values = self.pairs.0.iter().map(Option::as_deref);
        (HEADER_NAMES.into_iter().zip(values)).filter_map(|(name, value)| Some((name, value?)))
    }

    /// Returns the pairs as any collection of strings.
    ///
    /// Examples are a `BTreeMap`, a `HashMap` and a `Vec`.
    pub fn to_pairs<C: FromIterator<(String, String)>>(&self) -> C {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        self.iter().map(owned).collect()
    }

    /// Returns whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Makes a span that continues this trace, with its baggage.
    ///
    /// `make` creates the span, because an existing span already has its parent. The current span
    /// does not become its parent, even if this context is empty: a span around a worker's loop is
    /// not the parent of its jobs.
    ///
    /// ```
    /// # use firstlight::context::TraceContext;
    /// # let context = TraceContext::default();
    /// let span = context.child(|| tracing::info_span!("send receipt"));
    /// ```
    pub fn child(&self, make: impl FnOnce() -> Span) -> Span {
        let _attached = self.extracted().attach();
        make()
    }

    /// Makes a span that begins a trace with a link to this one, with its baggage.
    pub fn linked(&self, make: impl FnOnce() -> Span) -> Span {
        let extracted = self.extracted();
        let baggage = (extracted.baggage().iter()).map(|(name, (value, metadata))| {
            KeyValueMetadata::new(name.clone(), value.clone(), metadata.clone())
        });
        let span = {
            let _attached = Context::new().with_baggage(baggage).attach();
            make()
        };
        span.add_link(extracted.span().span_context().clone());
        span
    }

    /// Links an existing span to this trace, such as the span of a batch.
    pub fn link(&self, span: &Span) {
        span.add_link(self.extracted().span().span_context().clone());
    }

    fn extracted(&self) -> Context {
        opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.extract_with_context(&Context::new(), &self.pairs)
        })
    }
}

/// Values of the known names.
///
/// A private type, so that [`TraceContext`] does not expose OpenTelemetry's traits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Pairs([Option<String>; HEADER_NAMES.len()]);

impl Pairs {
    fn slot(&mut self, name: &str) -> Option<(&'static str, &mut Option<String>)> {
        let mut slots = HEADER_NAMES.into_iter().zip(&mut self.0);
        slots.find(|(known, _)| known.eq_ignore_ascii_case(name))
    }
}

impl Injector for Pairs {
    fn set(&mut self, key: &str, value: String) {
        // A foreign propagator may write an empty `tracestate` if there is none.
        if let Some((_, slot)) = self.slot(key)
            && !value.is_empty()
        {
            *slot = Some(value);
        }
    }
}

impl Extractor for Pairs {
    fn get(&self, key: &str) -> Option<&str> {
        let pairs = HEADER_NAMES.into_iter().zip(&self.0);
        pairs
            .filter(|(name, _)| *name == key)
            .find_map(|(_, value)| value.as_deref())
    }

    fn keys(&self) -> Vec<&str> {
        HEADER_NAMES.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::{MAX_VALUE_LENGTH, TraceContext};

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn pairs_round_trip_through_maps() {
        let context = TraceContext::from_pairs([("Traceparent", PARENT), ("baggage", "a=b")]);
        let tree: BTreeMap<String, String> = context.to_pairs();
        let hash: HashMap<String, String> = context.to_pairs();
        assert_eq!(tree.len(), 2);
        assert_eq!(TraceContext::from_pairs(&tree), context);
        assert_eq!(TraceContext::from_pairs(hash), context);
        assert!(!context.is_empty());
    }

    #[test]
    fn bytes_are_read_as_text() {
        let headers = [
            ("traceparent", PARENT.as_bytes()),
            ("baggage", &[0xff]),
            ("tracestate", &[b'a'; MAX_VALUE_LENGTH + 1]),
        ];
        let context = TraceContext::from_headers(headers);
        assert_eq!(
            context.iter().collect::<Vec<_>>(),
            [("traceparent", PARENT)]
        );
    }

    #[test]
    fn repeated_names_are_joined() {
        let pairs = [
            ("traceparent", PARENT),
            ("tracestate", "a=1"),
            ("b3", "0"),
            ("Tracestate", "b=2"),
            ("B3", "1"),
        ];
        let context = TraceContext::from_pairs(pairs);
        let joined = [
            ("traceparent", PARENT),
            ("tracestate", "a=1,b=2"),
            ("b3", "0"),
        ];
        assert_eq!(context.iter().collect::<Vec<_>>(), joined);
        // A joined `traceparent` is invalid for every propagator.
        let twice = TraceContext::from_pairs([("traceparent", PARENT), ("traceparent", PARENT)]);
        assert_ne!(twice, TraceContext::from_pairs([("traceparent", PARENT)]));
    }

    #[test]
    fn hostile_pairs_are_bounded() {
        let long = "x".repeat(MAX_VALUE_LENGTH + 1);
        let others = (0..10_000).map(|number| (format!("key-{number}"), long.clone()));
        let named = ["traceparent", "traceparent", "TRACESTATE", "baggage", ""]
            .map(|name| (name.to_owned(), "\u{0}\r\n%%;=,".to_owned()));
        let context = TraceContext::from_pairs(others.chain(named));
        assert_eq!(context.iter().count(), 3);
        assert!(TraceContext::from_pairs([("traceparent", &long)]).is_empty());
    }
}
