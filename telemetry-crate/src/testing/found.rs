//! The results of an assertion, and methods to narrow them.

use std::{collections::BTreeMap, fmt::Display};

use super::{Capture, CapturedLine, ReceivedSpan};

/// The log lines or spans that an assertion has found.
///
/// Each method keeps the lines or spans that match, and fails the test if none is left.
#[derive(Debug)]
pub struct Found<'a> {
    capture: &'a Capture,
    /// A description, such as `log line "order placed"`.
    description: String,
    candidates: Vec<Candidate>,
}

/// A line or a span, as fields and their values.
#[derive(Debug)]
pub(super) struct Candidate(BTreeMap<String, String>);

impl From<CapturedLine> for Candidate {
    fn from(line: CapturedLine) -> Self {
        let mut fields = line.fields;
        fields.extend([
            ("level".to_owned(), line.level),
            ("target".to_owned(), line.target),
            ("trace_id".to_owned(), line.trace_id),
            ("span_id".to_owned(), line.span_id),
        ]);
        Self(fields)
    }
}

impl From<ReceivedSpan> for Candidate {
    fn from(span: ReceivedSpan) -> Self {
        let mut fields = span.attributes;
        fields.extend([
            ("kind".to_owned(), span.kind.to_owned()),
            ("status".to_owned(), span.status.to_owned()),
            ("trace_id".to_owned(), span.trace_id),
            ("span_id".to_owned(), span.span_id),
            ("parent_span_id".to_owned(), span.parent_span_id),
        ]);
        Self(fields)
    }
}

impl<'a> Found<'a> {
    /// Fails if there is no candidate, and shows `others` in its message.
    #[track_caller]
    pub(super) fn new(
        capture: &'a Capture,
        description: String,
        candidates: Vec<Candidate>,
        others: &[String],
    ) -> Self {
        if candidates.is_empty() {
            let others = match others {
                [] => "nothing".to_owned(),
                others => format!("{others:?}"),
            };
            capture.fail(&format!("expected a {description}, found {others}"));
        }
        Self {
            capture,
            description,
            candidates,
        }
    }

    /// Keeps the lines or spans with this value of a field or attribute.
    ///
    /// Values are compared as text: `7`, `true`, `new`. A log line also has `level`, `target`, `trace_id` and
    /// `span_id`. A span also has `kind`, `status`, `trace_id`, `span_id` and `parent_span_id`.
    ///
    /// # Panics
    ///
    /// Panics if no line or span has the value.
    #[track_caller]
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        let value = value.to_string();
        let mut found: Vec<Option<String>> = Vec::new();
        self.candidates.retain(|Candidate(fields)| {
            let own = fields.get(name);
            found.push(own.cloned());
            own == Some(&value)
        });
        if self.candidates.is_empty() {
            let found: Vec<_> = found
                .iter()
                .map(|own| own.as_deref().unwrap_or("none"))
                .collect();
            let description = &self.description;
            self.capture.fail(&format!(
                "expected a {description} with {name} = {value}, found {name} = {}",
                found.join(", ")
            ));
        }
        self.description += &format!(" with {name} = {value}");
        self
    }

    /// Keeps the lines or spans without this field or attribute.
    ///
    /// # Panics
    ///
    /// Panics if all lines or spans have the field or attribute.
    #[track_caller]
    pub fn without(mut self, name: &str) -> Self {
        self.candidates
            .retain(|Candidate(fields)| !fields.contains_key(name));
        if self.candidates.is_empty() {
            self.capture
                .fail(&format!("expected a {} without {name}", self.description));
        }
        self.description += &format!(" without {name}");
        self
    }

    /// Asserts that exactly one line or span is left.
    ///
    /// # Panics
    ///
    /// Panics if there are more.
    #[track_caller]
    pub fn once(self) -> Self {
        let count = self.candidates.len();
        if count != 1 {
            self.capture
                .fail(&format!("expected one {}, found {count}", self.description));
        }
        self
    }
}
