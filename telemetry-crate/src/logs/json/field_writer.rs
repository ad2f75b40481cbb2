//! The fields of a line, each name once.

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::{
    super::{
        LogLine,
        bound::LineLimits,
        labels,
        rendered_names::RenderedNames,
        schema::{Naming, PREFIX, Renaming, Schema},
        span_fields::SpanFields,
    },
    escape, write_key, write_value,
};
use crate::{name_set::NameSet, values::Kind};

/// The range of the name of a field that does not become a label.
///
/// It is empty, and the range of a label's name never is.
const NO_LABEL: Range<usize> = 0..0;

/// Writes the fields of one line.
pub(super) struct FieldWriter<'a> {
    schema: &'static Schema,
    limits: LineLimits,
    is_unlimited: bool,
    /// Whether the fields of spans are kept for further lines.
    keeps_spans: bool,
    rendered: &'a mut RenderedNames,
    names: Names<'a>,
    /// The number of fields that were left out.
    ///
    /// Fields whose name is already on the line are not counted.
    dropped: usize,
}

impl<'a> FieldWriter<'a> {
    /// Begins with the fields that `line` has dropped before.
    pub(super) fn new(
        line: &LogLine<'_>,
        schema: &'static Schema,
        limits: LineLimits,
        rendered: &'a mut RenderedNames,
    ) -> Self {
        Self {
            schema,
            limits,
            is_unlimited: limits == LineLimits::UNLIMITED,
            rendered,
            names: Names::default(),
            keeps_spans: !line.is_last,
            dropped: line.event.dropped(),
        }
    }

    /// The number of fields that were left out.
    pub(super) fn dropped(&self) -> usize {
        self.dropped
    }

    /// Writes a field, unless the line has one of its name.
    ///
    /// `fixed` is the name, if it is static. Returns whether it was written under that name.
    pub(super) fn write(
        &mut self,
        out: &mut Vec<u8>,
        name: &'a str,
        fixed: Option<&'static str>,
        (text, kind): (&str, Kind),
    ) -> bool {
        let (schema, limits) = (self.schema, self.limits);
        let kept = fixed.and_then(|name| self.rendered.kept(schema, name));
        let as_set = kept.map_or_else(|| NameSet::of(name), |kept| kept.as_set);
        if self.names.has(name, as_set) {
            return false;
        }
        let start = out.len();
        let is_kept = kept.is_some();
        let label = match kept.map(|kept| &kept.key) {
            // The usual field, which cannot be too long.
            Some(key) if self.is_unlimited => {
                out.extend_from_slice(key);
                match kind {
                    Kind::Bare => out.extend_from_slice(text.as_bytes()),
                    Kind::Text | Kind::Message => {
                        out.push(b'"');
                        escape(out, text);
                        out.push(b'"');
                    }
                }
                self.names.set.add(as_set);
                self.names.push(name);
                return true;
            }
            Some(key) => {
                out.extend_from_slice(key);
                write_value(out, text, kind, limits);
                NO_LABEL
            }
            None => write_named(out, name, (text, kind), schema, limits),
        };
        if out.len() > limits.fields || !self.names.add_label(out, label) {
            out.truncate(start);
            self.dropped += 1;
            return false;
        }
        self.names.set.add(as_set);
        self.names.push(name);
        is_kept
    }
}

impl FieldWriter<'_> {
    /// Writes the fields of a span.
    ///
    /// If an earlier line had all of them as they are, they are written at once.
    pub(super) fn write_span(&mut self, out: &mut Vec<u8>, span: &SpanFields) {
        let names = span.fields().names();
        let is_alone = self.is_unlimited && !self.names.set.overlaps(names);
        if is_alone && let Some(text) = span.json(self.schema) {
            out.extend_from_slice(text);
            self.names.set.add(names);
            for (name, ..) in span.fields().iter() {
                self.names.push(name);
            }
            return;
        }
        let start = out.len();
        let mut is_kept = is_alone;
        for (name, text, kind) in span.fields().iter() {
            is_kept &= self.write(out, name, Some(name), (text, kind));
        }
        if is_kept && self.keeps_spans {
            span.keep_json(self.schema, &out[start..]);
        }
    }
}

/// The names of the fields on the line.
#[derive(Default)]
struct Names<'a> {
    /// All of them.
    set: NameSet,
    /// The first names, which need no allocation. Few lines have more.
    first: [&'a str; 16],
    count: usize,
    rest: Vec<&'a str>,
    /// The ranges of the names of labels in the line.
    ///
    /// Labels are the renamed fields of [`Renaming::Labels`]. Fields with different names may become the same label.
    labels: Vec<Range<usize>>,
}

impl<'a> Names<'a> {
    /// Whether the line has the name, which is the only one in `as_set`.
    fn has(&self, name: &str, as_set: NameSet) -> bool {
        self.set.overlaps(as_set)
            && (self.first[..self.count].contains(&name) || self.rest.contains(&name))
    }

    fn push(&mut self, name: &'a str) {
        match self.first.get_mut(self.count) {
            Some(slot) => {
                *slot = name;
                self.count += 1;
            }
            None => self.rest.push(name),
        }
    }

    /// Adds a label, unless the line has it. [`NO_LABEL`] is never on the line.
    fn add_label(&mut self, out: &[u8], label: Range<usize>) -> bool {
        if label.is_empty() {
            return true;
        }
        let is_new = !self
            .labels
            .iter()
            .any(|known| out[known.clone()] == out[label.clone()]);
        if is_new {
            self.labels.push(label);
        }
        is_new
    }
}

/// Writes a field whose name depends on the schema, and perhaps on its value.
///
/// Returns the range of the label's name, or [`NO_LABEL`].
fn write_named(
    out: &mut Vec<u8>,
    name: &str,
    (text, kind): (&str, Kind),
    schema: &Schema,
    limits: LineLimits,
) -> Range<usize> {
    let start = out.len();
    match schema.naming(name) {
        Naming::Keep => {
            write_key(out, &[name]);
            write_value(out, text, kind, limits);
            NO_LABEL
        }
        Naming::KeepIf(expected) => {
            write_key(out, &[name]);
            if expected.write(out, text, kind, limits) {
                NO_LABEL
            } else {
                out.truncate(start);
                write_renamed(out, name, (text, kind), schema, limits)
            }
        }
        Naming::Rename => write_renamed(out, name, (text, kind), schema, limits),
    }
}

/// Writes a field that cannot keep its name.
///
/// Returns the range of the label's name, or [`NO_LABEL`].
fn write_renamed(
    out: &mut Vec<u8>,
    name: &str,
    (text, kind): (&str, Kind),
    schema: &Schema,
    limits: LineLimits,
) -> Range<usize> {
    match schema.renaming {
        Renaming::Prefix => {
            write_key(out, &[PREFIX, name]);
            write_value(out, text, kind, limits);
            NO_LABEL
        }
        Renaming::Labels => labels::write(out, name, (text, kind), limits),
    }
}
