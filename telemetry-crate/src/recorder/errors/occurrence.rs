//! One error, before it is counted in its group.

use opentelemetry::trace::TraceId;
use tracing::Level;

use super::{fingerprint::Fingerprint, template::template};
use crate::{
    evidence::EventNote,
    recorder::record::{Record, records},
    values::{Kind, prefix},
};

/// The type of an error that exceeds the number of types or names.
pub(super) const FURTHER_TYPES: &str = "(further types)";

/// The longest type in bytes.
const MAX_TYPE: usize = 128;

/// The target and the type of panics.
const PANIC: &str = "panic";

/// One error.
#[derive(Debug, Clone)]
pub(in crate::recorder) struct Occurrence<'a> {
    /// Nanoseconds since the epoch.
    pub(in crate::recorder) time: u64,
    pub(in crate::recorder) trace_id: Option<TraceId>,
    pub(in crate::recorder) place: Place<'a>,
    /// Empty if the error has no type.
    pub(in crate::recorder) error_type: &'a str,
    pub(in crate::recorder) message: &'a str,
    /// The error with its causes; empty if the event has only a message.
    pub(in crate::recorder) cause: &'a str,
    /// The name of the local root of a logged error without a type.
    ///
    /// A service may log all errors of its handlers at one place. Empty for other errors.
    pub(super) root: &'a str,
}

/// Where an error was logged or returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recorder) enum Place<'a> {
    Code {
        target: &'a str,
        /// Empty if it is not known, as of some records of the `log` crate.
        file: &'a str,
        line: u32,
        /// The name of the span.
        ///
        /// It is the name of the function in an event of `#[instrument(err)]`.
        span: &'a str,
    },
    /// A local root, by its name.
    Root(&'a str),
}

/// The keys of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    /// The key of the group in this process.
    pub(super) group: u64,
    /// The same in each process and build, because it does not contain the line.
    pub(super) fingerprint: u64,
    /// The key of the place.
    pub(super) place: u64,
}

impl Key {
    /// The key of the group of all further types of a place.
    pub(super) fn further(error: &Occurrence<'_>) -> Self {
        let place = error.place_key();
        let fingerprint = match error.place {
            // Without the target, which a program may choose at run time.
            Place::Code { file, .. } => Fingerprint::of(&["code", stable(file), FURTHER_TYPES]),
            Place::Root(name) => Fingerprint::of(&["root", name, FURTHER_TYPES]),
        };
        Self {
            group: fingerprint.bytes(&place.to_le_bytes()).value(),
            fingerprint: fingerprint.value(),
            place,
        }
    }
}

impl<'a> Occurrence<'a> {
    /// The error of an event.
    pub(in crate::recorder) fn of_event(event: &EventNote<'a>) -> Self {
        let value = |name: &str| {
            let mut fields = event.fields.iter();
            let field = fields.find(|field| field.kind != Kind::Message && field.name == name);
            field.and_then(|field| event.text.get(field.text.clone()))
        };
        let mut fields = event.fields.iter();
        let message = fields.find(|field| field.kind == Kind::Message);
        let message = message.and_then(|field| event.text.get(field.text.clone()));
        let cause = ["error", "err", "exception.message"]
            .into_iter()
            .find_map(value);
        let error_type = ["error.type", "exception.type"].into_iter().find_map(value);
        let is_panic = event.target == PANIC;
        let panic = if is_panic {
            value("panic.location")
        } else {
            None
        };
        let (file, line) = match panic {
            Some(location) => file_and_line(location),
            None => {
                let place = event.place;
                let file = place.and_then(|place| place.file);
                let line = place.and_then(|place| place.line);
                (file.unwrap_or_default(), line.unwrap_or_default())
            }
        };
        let span = event.place.and_then(|place| place.span);
        Self {
            time: event.time,
            trace_id: event.ids.map(|ids| ids.trace_id),
            place: Place::Code {
                target: event.target,
                file,
                line,
                span: span.unwrap_or_default(),
            },
            error_type: match error_type {
                Some(error_type) => prefix(error_type, MAX_TYPE),
                None if is_panic => PANIC,
                None => "",
            },
            message: message.unwrap_or_default(),
            cause: cause.unwrap_or_default(),
            root: "",
        }
    }

    /// Sets the local root of the error.
    ///
    /// It counts only if the error has no type, and has a message. A function that returns an error logs no message, and
    /// tells more than the root that called it.
    pub(in crate::recorder) fn set_root(&mut self, name: &'a str) {
        if self.error_type.is_empty() && !self.message.is_empty() {
            self.root = name;
        }
    }

    /// The error of a local root that failed.
    pub(in crate::recorder) fn of_root(
        name: &'a str,
        trace_id: TraceId,
        time: u64,
        failure: &'a Failure,
    ) -> Self {
        Self {
            time,
            trace_id: Some(trace_id),
            place: Place::Root(name),
            error_type: prefix(&failure.error_type, MAX_TYPE),
            message: &failure.description,
            cause: "",
            root: "",
        }
    }

    /// The text of the error, or the message if it has none.
    pub(super) fn text(&self) -> &str {
        if self.cause.is_empty() {
            self.message
        } else {
            self.cause
        }
    }

    /// The key of the place, without the target.
    ///
    /// A program may choose targets at run time, so they would not limit the number of places.
    pub(super) fn place_key(&self) -> u64 {
        match self.place {
            Place::Code { file: "", .. } => Fingerprint::of(&["code"]).value(),
            Place::Code { file, line, .. } => Fingerprint::of(&["code", file]).number(line).value(),
            Place::Root(name) => Fingerprint::of(&["root", name]).value(),
        }
    }

    pub(super) fn key(&self) -> Key {
        let (fingerprint, line) = match self.place {
            Place::Code {
                target,
                file,
                line,
                span,
            } => {
                let message = template(self.message);
                let words = if message.is_empty() { span } else { &message };
                let texts = ["code", target, stable(file), words, self.error_type];
                let mut fingerprint = Fingerprint::of(&texts);
                if !self.root.is_empty() {
                    fingerprint = fingerprint.text(self.root);
                }
                if self.error_type.is_empty() && !self.cause.is_empty() {
                    fingerprint = fingerprint.text(&template(self.cause));
                }
                (fingerprint, line)
            }
            Place::Root(name) => {
                let texts = ["root", name, self.error_type];
                (Fingerprint::of(&texts), 0)
            }
        };
        Key {
            group: fingerprint.number(line).value(),
            fingerprint: fingerprint.value(),
            place: self.place_key(),
        }
    }
}

/// Whether an event reports the end of what a local root does.
///
/// Such events are firstlight's own. Their place would be a file of firstlight.
pub(in crate::recorder) fn is_report(target: &str) -> bool {
    let rest = target.strip_prefix("firstlight");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The error that a function returned, in an event of `#[instrument(err)]`.
///
/// Such an event has an error and no message.
pub(in crate::recorder) fn error_of_function<'a>(event: &EventNote<'a>) -> Option<&'a str> {
    if event.level != Level::ERROR {
        return None;
    }
    let mut fields = event.fields.iter();
    if fields.any(|field| field.kind == Kind::Message) {
        return None;
    }
    let mut fields = event.fields.iter();
    let error = fields.find(|field| matches!(&*field.name, "error" | "err"))?;
    event.text.get(error.text.clone())
}

/// The part of a file's path that is the same on each machine.
///
/// The files of dependencies have absolute paths.
fn stable(file: &str) -> &str {
    let is_absolute = file.starts_with('/') || file.get(1..2) == Some(":");
    let source = file.rfind("/src/").or_else(|| file.rfind("\\src\\"));
    match source {
        Some(start) if is_absolute => &file[start + 1..],
        _ => file,
    }
}

/// A file's path without the folders outside its crate.
///
/// They are those of the machine on which the program was built.
pub(super) fn within_crate(file: &str) -> &str {
    let stable = stable(file);
    let before = file.strip_suffix(stable).unwrap_or_default();
    let before = before.trim_end_matches(['/', '\\']);
    match before.rfind(['/', '\\']) {
        Some(slash) => &file[slash + 1..],
        None => file,
    }
}

/// The file and the line of a panic's location: `src/main.rs:10:5`.
fn file_and_line(location: &str) -> (&str, u32) {
    let mut parts = location.rsplitn(3, ':');
    let line = parts.nth(1).and_then(|line| line.parse().ok());
    match (parts.next(), line) {
        (Some(file), Some(line)) => (file, line),
        _ => (location, 0),
    }
}

/// What a local root says about its failure.
#[derive(Debug, Default)]
pub(in crate::recorder) struct Failure {
    error_type: String,
    description: String,
}

impl Failure {
    /// Reads the last type and description of the root span.
    pub(in crate::recorder) fn of(detail: &[u8], root_span: u32) -> Self {
        let mut failure = Self::default();
        for record in records(detail) {
            match record {
                Record::Attribute {
                    span,
                    key: "error.type",
                    value,
                } if span == root_span => value.clone_into(&mut failure.error_type),
                Record::Failed { span, description } if span == root_span => {
                    description.clone_into(&mut failure.description);
                }
                _ => {}
            }
        }
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::within_crate;

    #[test]
    fn files_are_named_from_their_crate() {
        for (file, expected) in [
            ("src/orders.rs", "src/orders.rs"),
            ("crates/shop/src/orders.rs", "crates/shop/src/orders.rs"),
            ("/home/ada/shop/src/orders.rs", "shop/src/orders.rs"),
            (
                "/home/ada/.cargo/registry/src/index-1/sqlx-core-0.9.0/src/pool/inner.rs",
                "sqlx-core-0.9.0/src/pool/inner.rs",
            ),
            ("C:\\shop\\src\\main.rs", "shop\\src\\main.rs"),
            ("/src/main.rs", "/src/main.rs"),
            ("/build/main.rs", "/build/main.rs"),
            ("", ""),
        ] {
            assert_eq!(within_crate(file), expected, "{file}");
        }
    }
}
