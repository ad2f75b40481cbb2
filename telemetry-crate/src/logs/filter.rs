//! The log filter, which can be replaced while the service runs.
//!
//! The grammar is that of `RUST_LOG`. Plain `target=level` directives are evaluated without a lock. Only directives about
//! spans or fields (`[...]`) need `EnvFilter`, which takes locks on every span. A replacement is atomic, and no thread waits
//! for it.
//!
//! All spans at `info` and above pass, whatever the directives are, so that with `RUST_LOG=warn` a warning still has the
//! fields of its request. Some lines about telemetry itself also pass, see [`ALWAYS`]. Traces have a filter of their own.
//!
//! `tracing_subscriber::reload` is not used: it takes a lock on every span and event, and hides its layers from downcasts.

mod levels;

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

use self::levels::{Levels, SharedLevels};
use crate::directives::{Directives, Kind};

/// Targets that are always logged at `info` and above.
///
/// * `firstlight::admin`: a change of the log filter must not hide its own log line.
/// * `firstlight::check`: a check must not fail because of the filter.
/// * `firstlight::end` and `panic`: the reason why a process ends must be visible. Without firstlight, panics and errors of
///   `main` go to standard error, which has no filter.
/// * `firstlight::loss`: lost telemetry is always reported.
const ALWAYS: [&str; 5] = [
    "firstlight::admin",
    "firstlight::check",
    "firstlight::end",
    "firstlight::loss",
    "panic",
];

/// The log filter. Clones share the directives.
#[derive(Clone)]
pub(crate) struct LogFilter(Arc<Shared>);

struct Shared {
    directives: ArcSwap<Directives>,
    /// What the directives decide without a look at the target.
    ///
    /// During a replacement, an event may be decided by the levels of the old directives, as if it had come earlier.
    levels: SharedLevels,
    /// Whether spans must be passed to an `EnvFilter`.
    ///
    /// Each span reads this flag before the directives, because reading the flag is cheaper.
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
        Self(Arc::new(Shared {
            levels: SharedLevels::new(Levels::of(directives.kind())),
            directives: ArcSwap::from_pointee(directives),
            dynamic,
        }))
    }

    /// The current directives.
    pub(crate) fn directives(&self) -> Arc<Directives> {
        self.0.directives.load_full()
    }

    /// Replaces the directives, for all threads and also for open spans.
    ///
    /// The directives must be newly parsed: an `EnvFilter` keeps track of entered spans, and a filter that was used before
    /// has outdated state.
    pub(crate) fn replace(&self, directives: Directives) {
        let dynamic = matches!(directives.kind(), Kind::Dynamic(_));
        let levels = Levels::of(directives.kind());
        self.0.directives.store(Arc::new(directives));
        self.0.levels.store(levels);
        self.0.dynamic.store(dynamic, Ordering::Relaxed);
        // Also updates the maximum level, above which the macros do nothing.
        tracing::callsite::rebuild_interest_cache();
    }

    /// The most verbose level that the filter passes.
    pub(crate) fn level(&self) -> LevelFilter {
        let hint = Filter::<tracing_subscriber::Registry>::max_level_hint(self);
        hint.unwrap_or(LevelFilter::TRACE)
    }

    /// Passes the `EnvFilter` to `work`, if the directives are about spans or fields.
    fn if_dynamic(&self, work: impl FnOnce(&EnvFilter)) {
        if !self.0.dynamic.load(Ordering::Relaxed) {
            return;
        }
        if let Kind::Dynamic(filter) = self.0.directives.load().kind() {
            work(filter);
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
        let decision = self.0.levels.load().decide(*metadata.level());
        if decision == Some(true) || Self::passes_always(metadata) {
            return true;
        }
        if decision == Some(false) {
            return false;
        }
        match self.0.directives.load().kind() {
            Kind::Static(targets) => Filter::<S>::enabled(targets, metadata, context),
            Kind::Dynamic(filter) => Filter::<S>::enabled(&**filter, metadata, context),
        }
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let by_directives = match self.0.directives.load().kind() {
            Kind::Static(targets) => Filter::<S>::callsite_enabled(targets, metadata),
            // Called even for spans that always pass, because `EnvFilter` needs the call to register the spans of its
            // directives.
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
