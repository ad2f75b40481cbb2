//! The context as text: a few pairs, with the names of HTTP headers.

use opentelemetry::{
    Context,
    baggage::{BaggageExt, KeyValueMetadata},
    propagation::{Extractor, Injector},
    trace::TraceContextExt,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{thread::current_context, traces::NAMES};

/// Bytes of one value, at most: what W3C Baggage allows for all of it, and far beyond the others.
const LENGTH: usize = 8_192;

/// The trace, its state and the baggage, as pairs of strings that fit into any map: to be stored with a job, sent with a
/// message, and turned into a span where the work is done.
///
/// The names are those of the HTTP headers, so another language's library reads them, too. `OTEL_PROPAGATORS` decides which
/// are written and read. Before telemetry is started, and outside of any span, it is empty.
///
/// Which way a job's span belongs to its request is for the program to say. [`child`](Self::child) keeps one trace, which
/// shows the whole story while there is one job for each request and it is soon done. [`linked`](Self::linked) begins another
/// and points at the first: for work that comes much later, or is sampled on its own, and, with [`link`](Self::link), for a
/// batch of many.
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
    /// What is current here: the span, and the baggage that came with its request.
    pub fn current() -> Self {
        let mut pairs = Pairs::default();
        let context = current_context();
        opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&context, &mut pairs);
        });
        Self { pairs }
    }

    /// What was stored. It may hold other pairs, too: a whole map of headers, say. Names may be in any case. Pairs of
    /// one name are read as headers of one name are: `tracestate` and `baggage` are joined, a second `traceparent` begins a trace,
    /// and of B3's and Jaeger's the first counts.
    ///
    /// Nothing that it may hold is an error or does any harm: what is too long for a value is left out here, and what is no
    /// context begins a trace of its own later.
    pub fn from_pairs<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let mut kept = Pairs::default();
        for (name, value) in pairs {
            let value = value.as_ref();
            let Some((name, place)) = kept.place(name.as_ref()) else {
                continue;
            };
            match place {
                None if value.len() <= LENGTH => *place = Some(value.to_owned()),
                // As HTTP joins them; `traceparent` is none any more.
                Some(first)
                    if matches!(name, "traceparent" | "tracestate" | "baggage")
                        && first.len() + 1 + value.len() <= LENGTH =>
                {
                    first.push(',');
                    first.push_str(value);
                }
                _ => {}
            }
        }
        Self { pairs: kept }
    }

    /// The pairs that there are: `traceparent`, `tracestate` and `baggage` at most, unless `OTEL_PROPAGATORS` names other formats.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let values = self.pairs.0.iter().map(Option::as_deref);
        (NAMES.into_iter().zip(values)).filter_map(|(name, value)| Some((name, value?)))
    }

    /// The pairs as whatever holds strings: a `BTreeMap`, a `HashMap`, a `Vec`.
    pub fn to_pairs<C: FromIterator<(String, String)>>(&self) -> C {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        self.iter().map(owned).collect()
    }

    /// Whether there is nothing to carry.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Makes a span that goes on in this trace, with its baggage.
    ///
    /// It is a function that makes the span, because a span that exists has its parent already. What is current here is not
    /// its parent, even if there is no context: a job is no child just because a worker has a span around its loop.
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

    /// Makes a span that begins a trace with a link to this one, and has its baggage.
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

    /// Links a span that exists to this trace, as to one of many that a batch is made of.
    pub fn link(&self, span: &Span) {
        span.add_link(self.extracted().span().span_context().clone());
    }

    fn extracted(&self) -> Context {
        opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.extract_with_context(&Context::new(), &self.pairs)
        })
    }
}

/// Not the public type itself, so that these traits are not public.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Pairs([Option<String>; NAMES.len()]);

impl Pairs {
    fn place(&mut self, name: &str) -> Option<(&'static str, &mut Option<String>)> {
        let mut places = NAMES.into_iter().zip(&mut self.0);
        places.find(|(known, _)| known.eq_ignore_ascii_case(name))
    }
}

impl Injector for Pairs {
    fn set(&mut self, key: &str, value: String) {
        // A foreign propagator may write an empty `tracestate` where there is none.
        if let Some((_, place)) = self.place(key)
            && !value.is_empty()
        {
            *place = Some(value);
        }
    }
}

impl Extractor for Pairs {
    fn get(&self, key: &str) -> Option<&str> {
        let pairs = NAMES.into_iter().zip(&self.0);
        pairs
            .filter(|(name, _)| *name == key)
            .find_map(|(_, value)| value.as_deref())
    }

    fn keys(&self) -> Vec<&str> {
        NAMES.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::{LENGTH, TraceContext};

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
    fn pairs_of_one_name_are_one_list() {
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
        // Which no propagator takes for one.
        let twice = TraceContext::from_pairs([("traceparent", PARENT), ("traceparent", PARENT)]);
        assert_ne!(twice, TraceContext::from_pairs([("traceparent", PARENT)]));
    }

    #[test]
    fn of_what_is_hostile_only_so_much_is_kept() {
        let long = "x".repeat(LENGTH + 1);
        let others = (0..10_000).map(|number| (format!("key-{number}"), long.clone()));
        let named = ["traceparent", "traceparent", "TRACESTATE", "baggage", ""]
            .map(|name| (name.to_owned(), "\u{0}\r\n%%;=,".to_owned()));
        let context = TraceContext::from_pairs(others.chain(named));
        assert_eq!(context.iter().count(), 3);
        assert!(TraceContext::from_pairs([("traceparent", &long)]).is_empty());
    }
}
