//! Which events become log lines, and how that is changed while the service runs.
//!
//! The grammar is `RUST_LOG`'s. Plain `target=level` directives are answered without a lock; only directives about
//! spans or fields (`[...]`) pay for `EnvFilter`, which takes locks on every span. Directives are replaced whole: the
//! reader of the moment takes one or the other, and nobody waits.
//!
//! A span passes this filter at `info` and above whatever the directives say, so that at `RUST_LOG=warn` a warning
//! still carries the fields of the request it belongs to. So do the lines about telemetry itself that answer who did
//! what, see [`ALWAYS`]. Traces have a filter of their own.
//!
//! Left out on purpose: `tracing_subscriber::reload`, which takes a lock on every span and event, and hides the layers
//! inside it from whoever looks for them.

use std::{
    cmp::Ordering,
    fmt,
    sync::{
        Arc,
        atomic::{self, AtomicBool},
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
    filter::Targets,
    layer::{Context, Filter},
    registry::LookupSpan,
};

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

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// How other loggers call them.
const FOREIGN_LEVELS: [&str; 11] = [
    "all",
    "critical",
    "err",
    "everything",
    "fatal",
    "information",
    "none",
    "notice",
    "severe",
    "verbose",
    "warning",
];

/// Directives about targets alone, as spans are filtered by.
pub(crate) fn targets(text: &str) -> Option<Targets> {
    let is_about_targets = !text.contains('[') && misspelled_level(text).is_none();
    text.parse().ok().filter(|_| is_about_targets)
}

fn misspelled_level(directives: &str) -> Option<&str> {
    let mut words = directives.split(',').map(str::trim);
    words.find(|word| is_misspelled_level(word))
}

/// Whether a directive is a word that means a level and is none. Taken for a target, as the grammar has it, it would turn off
/// everything else without a word. No level is one substitution away from what is meant: `warp` is a crate.
fn is_misspelled_level(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    FOREIGN_LEVELS.contains(&&*word)
        || word.contains([';', ' ']) && !word.contains(['[', ']', '='])
        || LEVELS.iter().any(|level| is_slip(&word, level))
}

/// Whether a letter was left out, typed twice or in the wrong order.
fn is_slip(typed: &str, meant: &str) -> bool {
    let (typed, meant) = (typed.as_bytes(), meant.as_bytes());
    let prefix = typed.iter().zip(meant).take_while(|(a, b)| a == b).count();
    let (typed, meant) = (&typed[prefix..], &meant[prefix..]);
    match typed.len().cmp(&meant.len()) {
        Ordering::Less => meant.get(1..) == Some(typed),
        Ordering::Greater => typed.get(1..) == Some(meant),
        Ordering::Equal => {
            matches!((typed, meant), ([a, b, rest @ ..], [c, d, end @ ..])
                if (a, b, rest) == (d, c, end))
        }
    }
}

/// The filter in force; clones share it.
#[derive(Clone)]
pub(crate) struct LogFilter(Arc<InForce>);

struct InForce {
    directives: ArcSwap<Directives>,
    /// Whether spans must be told to `EnvFilter`; asked on every span, before anything else.
    dynamic: AtomicBool,
}

/// Parsed directives.
#[derive(Debug)]
pub(crate) struct Directives {
    kind: Kind,
    text: String,
}

#[derive(Debug)]
enum Kind {
    Static(Targets),
    Dynamic(Box<EnvFilter>),
}

impl Directives {
    /// # Errors
    ///
    /// What is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(word) = misspelled_level(text) {
            return Err(format!(
                "{word} is no level: error, warn, info, debug, trace or off"
            ));
        }
        let kind = if text.contains('[') {
            let filter = EnvFilter::builder()
                .parse(text)
                .map_err(|error| error.to_string())?;
            Kind::Dynamic(Box::new(filter))
        } else {
            Kind::Static(text.parse::<Targets>().map_err(|error| error.to_string())?)
        };
        Ok(Self {
            kind,
            text: text.to_owned(),
        })
    }

    /// As they were given.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether only the targets that are named may log.
    pub(crate) fn only_named_targets(&self) -> bool {
        match &self.kind {
            Kind::Static(targets) => targets.default_level().is_none(),
            Kind::Dynamic(_) => false,
        }
    }
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
        let dynamic = AtomicBool::new(matches!(directives.kind, Kind::Dynamic(_)));
        Self(Arc::new(InForce {
            directives: ArcSwap::from_pointee(directives),
            dynamic,
        }))
    }

    /// `None` if the text is no valid list of directives.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Directives::parse(text).ok().map(Self::new)
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
        let dynamic = matches!(directives.kind, Kind::Dynamic(_));
        self.0.directives.store(Arc::new(directives));
        self.0.dynamic.store(dynamic, atomic::Ordering::Relaxed);
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
        if !self.0.dynamic.load(atomic::Ordering::Relaxed) {
            return;
        }
        if let Kind::Dynamic(filter) = &self.0.directives.load().kind {
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
        match &self.0.directives.load().kind {
            Kind::Static(targets) => Filter::<S>::enabled(targets, metadata, context),
            Kind::Dynamic(filter) => Filter::<S>::enabled(&**filter, metadata, context),
        }
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let by_directives = match &self.0.directives.load().kind {
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
        let hint = match &self.0.directives.load().kind {
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

#[cfg(test)]
mod tests {
    use super::Directives;

    #[test]
    fn misspelled_levels_are_refused() {
        for text in [
            "warning",
            "WARNING",
            "inof",
            "errror",
            "erro",
            "debgu",
            "debug;info",
            "info debug",
            "orders=debug,inof",
            "fatal",
        ] {
            let parsed = Directives::parse(text);
            let refused = parsed.is_err_and(|refused| refused.contains("is no level"));
            assert!(refused, "{text}");
        }
    }

    #[test]
    fn targets_and_levels_are_taken() {
        for text in [
            "warn",
            "Info",
            "off",
            "0",
            "5",
            "",
            "orders",
            "warp",
            "info,orders,sqlx=warn",
            "info,orders::errors=debug",
            "orders[load{id=7 8}]=debug",
            "info,[{err}]=warn",
        ] {
            assert!(Directives::parse(text).is_ok(), "{text}");
        }
    }
}
