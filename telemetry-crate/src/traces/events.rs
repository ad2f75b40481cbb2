//! Events on spans, so that a trace viewer shows warnings and errors.
//!
//! By default only events at `warn` and above become part of a trace. The log lines of a request have the trace's id already,
//! and sending all of them twice would cost more than the span itself. `FIRSTLIGHT_TRACE_EVENTS` changes the level.
//!
//! This layer replaces the events of `tracing-opentelemetry`'s layer, which marks the span of every `error!` as failed,
//! formats events for spans that are not sampled, follows the causes of an error without a limit, and keeps any number of
//! events for a span that was never entered.

use std::{error::Error, fmt};

use opentelemetry::{
    Context as OtelContext, KeyValue, Value,
    trace::{SpanRef, Status, TraceContextExt},
};
use tracing::{
    Dispatch, Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use crate::{
    log_metadata,
    span_ids::SpanContexts,
    thread,
    values::{PairValue, Pairs, printed, with_causes},
};

/// Adds events to their span.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventLayer {
    /// The context of an explicit parent.
    contexts: SpanContexts,
}

impl<S> Layer<S> for EventLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.contexts.register(dispatch);
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if thread::is_ending() {
            return;
        }
        let context = if event.is_contextual() {
            Some(OtelContext::current())
        } else {
            event.parent().and_then(|id| self.contexts.of(id))
        };
        let Some(context) = context else { return };
        let span = context.span();
        if span.is_recording() {
            write(event, &span);
        }
    }
}

fn write(event: &Event<'_>, span: &SpanRef<'_>) {
    let normalized = log_metadata::of_record(event);
    let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
    let level = metadata.level();
    let mut visitor = Visitor {
        from_log: normalized.is_some(),
        ..Visitor::default()
    };
    event.record(&mut visitor);
    if visitor.from_log {
        Pairs::current(|pairs| visitor.add_pairs(pairs));
    }
    let Visitor {
        message,
        error,
        mut attributes,
        ..
    } = visitor;

    // `#[instrument(err)]` records an event with an error and no message when the function returns
    // an error. The operation of the span has then failed, and the semantic conventions require an
    // error status (in "Recording errors"). A plain `error!` does not fail the span.
    if let (None, Some(error), &Level::ERROR) = (&message, &error, level) {
        span.set_status(Status::error(error.clone()));
    }
    let name = match (&error, message) {
        // The semantic conventions define these names in "Exceptions".
        (Some(error), message) => {
            attributes.push(KeyValue::new("exception.message", error.clone()));
            attributes.extend(message.map(|message| KeyValue::new("message", message)));
            "exception".to_owned()
        }
        (None, Some(message)) => message,
        (None, None) => metadata.name().to_owned(),
    };
    attributes.push(KeyValue::new("level", level.as_str()));
    attributes.push(KeyValue::new("target", metadata.target().to_owned()));
    span.add_event(name, attributes);
}

#[derive(Default)]
struct Visitor {
    /// Whether the event is a record of the `log` crate.
    from_log: bool,
    message: Option<String>,
    error: Option<String>,
    attributes: Vec<KeyValue>,
}

impl Visitor {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        let (name, value) = (field.name(), value.into());
        match name {
            name if self.from_log && name.starts_with("log.") => {}
            "message" if self.message.is_none() => self.message = Some(value.to_string()),
            "error" | "err" => self.error = Some(value.to_string()),
            name => self.attributes.push(KeyValue::new(name, value)),
        }
    }

    /// Adds the key-values of a record of the `log` crate.
    fn add_pairs(&mut self, pairs: &Pairs) {
        for (name, value) in pairs.iter() {
            let value = match value {
                PairValue::Bool(value) => Value::from(*value),
                PairValue::I64(value) => Value::from(*value),
                PairValue::U64(value) => match i64::try_from(*value) {
                    Ok(value) => Value::from(value),
                    Err(_) => Value::from(value.to_string()),
                },
                PairValue::F64(value) => Value::from(*value),
                PairValue::Text(value) => Value::from(value.clone()),
            };
            match name {
                "error" | "err" => self.error = Some(value.to_string()),
                name => self.attributes.push(KeyValue::new(name.to_owned(), value)),
            }
        }
    }
}

impl Visit for Visitor {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.set(field, value),
            // OpenTelemetry has no unsigned 64-bit integers.
            Err(_) => self.set(field, value.to_string()),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.set(field, with_causes(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, printed(format_args!("{value:?}")));
    }
}
