//! Fields that the program adds to the last line of a request, job or run.
//!
//! They are stored in the extensions of its span. The line names that span as its explicit parent.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::{KeyValue, trace::TraceContextExt};
use tracing::{
    Level, Metadata,
    callsite::{Callsite, Identifier},
    dispatcher,
    field::{FieldSet, Value},
    subscriber::Interest,
};
use tracing_subscriber::{
    Registry,
    registry::{LookupSpan, SpanRef},
};

use super::{Installed, fields::EventFields};
use crate::{targets::is_unit_of_work, values::Kind};

/// Maximum number of fields of a request, a job or a run.
///
/// A mistake, such as a field for each row, must not grow without a limit.
const MAX_FIELDS: usize = 64;

/// Whether the program has ever recorded a field.
///
/// Lines of other programs need not look for fields.
static IS_USED: AtomicBool = AtomicBool::new(false);

/// The fields of a unit of work, in the extensions of its span.
#[derive(Debug, Default)]
struct Recorded(EventFields);

/// Adds a field to the last log line of the current request, job or run.
///
/// The field is also an attribute of its span.
///
/// One call in a handler adds what only the handler knows, so that one line answers who, what and how much:
///
/// ```
/// async fn checkout(customer: u64, items: Vec<String>) {
///     firstlight::record("customer.id", customer);
///     firstlight::record("cart.items", items.len());
///     // GET /checkout 200, with customer.id and cart.items
/// }
/// ```
///
/// The value is a number, a `bool`, a text, an `Option` of these, or `tracing::field::display(…)` of anything else. It
/// is treated like other fields: secrets are redacted, and long texts are cut. A second value for a name replaces the
/// first one, and a field that firstlight itself has in that line stays. On the span, the value replaces an attribute
/// that firstlight has set before, so use names of your own. At most 64 fields are kept.
///
/// The current request, job or run is the innermost one of the current `tracing` span, so a call in a spawned task needs
/// that span. Without one, or once the line is written, the call does nothing. The field is not on other lines; for
/// those, use a span with the field.
pub fn record(name: &'static str, value: impl Value) {
    let mut field = EventFields::default();
    // Formats the value before any lock is taken, because it may run code of the program.
    if let Some(key) = METADATA.fields().field("value") {
        value.record(&key, &mut field.named(name));
    }
    dispatcher::get_default(|dispatch| {
        let installed = dispatch.downcast_ref::<Installed>()?;
        let current = dispatch.current_span();
        let span = dispatch.downcast_ref::<Registry>()?.span(current.id()?)?;
        let mut scope = span.scope();
        let unit = scope.find(|span| is_unit_of_work(span.metadata().target()))?;
        IS_USED.store(true, Ordering::Relaxed);
        // Reads the context before the extensions are locked, because it is stored there.
        let context = installed.contexts.of(&unit.id());
        let mut extensions = unit.extensions_mut();
        if extensions.get_mut::<Recorded>().is_none() {
            extensions.insert(Recorded::default());
        }
        let recorded = &mut extensions.get_mut::<Recorded>()?.0;
        let is_new = recorded.items().iter().all(|item| item.name != name);
        if is_new && recorded.items().len() >= MAX_FIELDS {
            return None;
        }
        for (name, text, kind) in field.iter() {
            recorded.replace(name, text, kind);
        }
        drop(extensions);
        for (_, text, kind) in field.iter() {
            let attribute = KeyValue::new(name, attribute_value(text, kind));
            context.as_ref()?.span().set_attribute(attribute);
        }
        Some(())
    });
}

/// Adds the recorded fields of a span to the event at its end.
pub(super) fn add_to<S>(event: &mut EventFields, metadata: &Metadata<'_>, span: &SpanRef<'_, S>)
where
    S: for<'a> LookupSpan<'a>,
{
    let target = span.metadata().target();
    if !IS_USED.load(Ordering::Relaxed) || metadata.target() != target || !is_unit_of_work(target) {
        return;
    }
    if let Some(Recorded(fields)) = span.extensions().get() {
        for (name, text, kind) in fields.iter() {
            event.add(name, text, kind);
        }
    }
}

/// The value of an attribute, with the type that the text has in JSON.
fn attribute_value(text: &str, kind: Kind) -> opentelemetry::Value {
    if kind != Kind::Bare {
        return text.to_owned().into();
    }
    if let Ok(value) = text.parse::<i64>() {
        return value.into();
    }
    match (text.parse::<bool>(), text.parse::<f64>()) {
        (Ok(value), _) => value.into(),
        (_, Ok(value)) => value.into(),
        _ => text.to_owned().into(),
    }
}

/// The callsite that a field needs; never registered.
struct ValueCallsite;

impl Callsite for ValueCallsite {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &METADATA
    }
}

static CALLSITE: ValueCallsite = ValueCallsite;
static METADATA: Metadata<'static> = Metadata::new(
    "record",
    "firstlight",
    Level::INFO,
    None,
    None,
    None,
    FieldSet::new(&["value"], Identifier(&CALLSITE)),
    tracing::metadata::Kind::EVENT,
);
