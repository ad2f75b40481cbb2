//! Which events become log lines, and how that is changed while the service runs.
//!
//! The grammar is `RUST_LOG`'s. Plain `target=level` directives are answered without a lock; only directives about
//! spans or fields (`[...]`) pay for `EnvFilter`, which takes locks on every span. Directives are replaced whole: the
//! reader of the moment takes one or the other, and no thread waits.
//!
//! A span passes this filter at `info` and above whatever the directives say, so that at `RUST_LOG=warn` a warning
//! still carries the fields of the request it belongs to. So do the lines about telemetry itself that answer who did
//! what, see [`ALWAYS`]. Traces have a filter of their own.
//!
//! Left out on purpose: `tracing_subscriber::reload`, which takes a lock on every span and event, and hides the layers
//! inside it from code that looks for them.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwap;
use tracing::{
    Level, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_subscriber::{
    EnvFilter,
    layer::{Context, Filter},
    registry::LookupSpan,
};

use crate::directives::{Directives, Kind};

/// Targets whose lines are written whatever the directives say: a change of the log filter must not hide itself, a check
/// must not fail because of a filter that works, nothing is lost in silence, and no process ends without saying why. Without
/// telemetry, panics and errors of `main` are on standard error whatever the filter is.
const ALWAYS: [&str; 5] = [
    "firstlight::admin",
    "firstlight::check",
    "firstlight::end",
    "firstlight::loss",
    "panic",
];

/// The filter in force; clones share it.
#[derive(Clone)]
pub(crate) struct LogFilter(Arc<InForce>);

struct InForce {
    directives: ArcSwap<Directives>,
    /// Whether spans must be told to `EnvFilter`; asked on every span, before anything else.
    dynamic: AtomicBool,
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogFilter")
            .field(&self.directives().text())
            .finish()
    }
}

impl LogFilter {
    pub(crate) fn new(directives: Directives) -> Self {
        let dynamic = AtomicBool::new(matches!(directives.kind(), Kind::Dynamic(_)));
        Self(Arc::new(InForce {
            directives: ArcSwap::from_pointee(directives),
            dynamic,
        }))
    }

    /// Those in force.
    pub(crate) fn directives(&self) -> Arc<Directives> {
        self.0.directives.load_full()
    }

    /// Puts other directives in force, for all threads and for spans that are open already.
    ///
    /// They must be newly parsed: an `EnvFilter` counts the spans that are entered, and one that was out of force has
    /// missed some.
    pub(crate) fn replace(&self, directives: Directives) {
        let dynamic = matches!(directives.kind(), Kind::Dynamic(_));
        self.0.directives.store(Arc::new(directives));
        self.0.dynamic.store(dynamic, Ordering::Relaxed);
        // Also raises or lowers the level above which the macros do nothing at all.
        tracing::callsite::rebuild_interest_cache();
    }

    /// The highest level of any line.
    pub(crate) fn level(&self) -> LevelFilter {
        let hint = Filter::<tracing_subscriber::Registry>::max_level_hint(self);
        hint.unwrap_or(LevelFilter::TRACE)
    }

    /// Runs `tell` if the directives are about spans.
    fn if_dynamic(&self, tell: impl FnOnce(&EnvFilter)) {
        if !self.0.dynamic.load(Ordering::Relaxed) {
            return;
        }
        if let Kind::Dynamic(filter) = self.0.directives.load().kind() {
            tell(filter);
        }
    }

    fn passes_always(metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
            && (metadata.is_span() || ALWAYS.contains(&metadata.target()))
    }
}

impl<S> Filter<S> for LogFilter
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        if Self::passes_always(metadata) {
            return true;
        }
        match self.0.directives.load().kind() {
            Kind::Static(targets) => Filter::<S>::enabled(targets, metadata, context),
            Kind::Dynamic(filter) => Filter::<S>::enabled(&**filter, metadata, context),
        }
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let by_directives = match self.0.directives.load().kind() {
            Kind::Static(targets) => Filter::<S>::callsite_enabled(targets, metadata),
            // Asked even about spans that pass anyway: it learns here which spans its directives are about.
            Kind::Dynamic(filter) => Filter::<S>::callsite_enabled(&**filter, metadata),
        };
        if Self::passes_always(metadata) {
            Interest::always()
        } else {
            by_directives
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let hint = match self.0.directives.load().kind() {
            Kind::Static(targets) => Filter::<S>::max_level_hint(targets),
            Kind::Dynamic(filter) => Filter::<S>::max_level_hint(&**filter),
        };
        hint.map(|level| level.max(LevelFilter::INFO))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.if_dynamic(|filter| Filter::<S>::on_new_span(filter, attributes, id, context));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.if_dynamic(|filter| Filter::<S>::on_record(filter, id, values, context));
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.if_dynamic(|filter| Filter::<S>::on_enter(filter, id, context));
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.if_dynamic(|filter| Filter::<S>::on_exit(filter, id, context));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.if_dynamic(|filter| Filter::<S>::on_close(filter, id, context));
    }
}
