//! Which events become log lines.
//!
//! The grammar is `RUST_LOG`'s. Plain `target=level` directives are answered without a lock; only directives about
//! spans or fields (`[...]`) pay for `EnvFilter`, which takes locks on every span.
//!
//! A span passes this filter at `info` and above whatever the directives say, so that at `RUST_LOG=warn` a warning
//! still carries the fields of the request it belongs to. Traces have a filter of their own.

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

/// Parsed directives.
#[derive(Debug)]
pub(crate) struct LogFilter {
    directives: Directives,
    text: String,
}

#[derive(Debug)]
enum Directives {
    Static(Targets),
    Dynamic(Box<EnvFilter>),
}

impl LogFilter {
    /// `None` if the text is no valid list of directives.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let directives = if text.contains('[') {
            Directives::Dynamic(Box::new(EnvFilter::builder().parse(text).ok()?))
        } else {
            Directives::Static(text.parse().ok()?)
        };
        Some(Self {
            directives,
            text: text.to_owned(),
        })
    }

    /// The directives, as they were given.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn keeps_fields_of(metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && *metadata.level() <= Level::INFO
    }
}

impl<S> Filter<S> for LogFilter
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        if Self::keeps_fields_of(metadata) {
            return true;
        }
        match &self.directives {
            Directives::Static(targets) => Filter::<S>::enabled(targets, metadata, context),
            Directives::Dynamic(filter) => Filter::<S>::enabled(&**filter, metadata, context),
        }
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let by_directives = match &self.directives {
            Directives::Static(targets) => Filter::<S>::callsite_enabled(targets, metadata),
            // Asked even about spans that pass anyway: it learns here which spans its directives are about.
            Directives::Dynamic(filter) => Filter::<S>::callsite_enabled(&**filter, metadata),
        };
        if Self::keeps_fields_of(metadata) {
            Interest::always()
        } else {
            by_directives
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let hint = match &self.directives {
            Directives::Static(targets) => Filter::<S>::max_level_hint(targets),
            Directives::Dynamic(filter) => Filter::<S>::max_level_hint(&**filter),
        };
        hint.map(|level| level.max(LevelFilter::INFO))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Directives::Dynamic(filter) = &self.directives {
            Filter::<S>::on_new_span(&**filter, attributes, id, context);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Directives::Dynamic(filter) = &self.directives {
            Filter::<S>::on_record(&**filter, id, values, context);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Directives::Dynamic(filter) = &self.directives {
            Filter::<S>::on_enter(&**filter, id, context);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if let Directives::Dynamic(filter) = &self.directives {
            Filter::<S>::on_exit(&**filter, id, context);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Directives::Dynamic(filter) = &self.directives {
            Filter::<S>::on_close(&**filter, id, context);
        }
    }
}
