//! Text drawing of traces.
//!
//! Each span is a line with a bar from its start to its end. [`rows`] computes the position of each span, for programs
//! that draw spans themselves. [`draw`] returns the text that a failing test prints, with the log lines below each span.
//! The text has no colors, because test output is often not shown in a terminal.

use std::{
    collections::BTreeSet,
    fmt::Write,
    time::{Duration, SystemTime},
};

use super::{CapturedLine, ReceivedSpan};

/// The largest length of a bar.
///
/// A bar and a name together fit into CI logs without wrapping.
const BAR_COLUMNS: usize = 40;

/// The largest length of a name with its indentation.
const NAME_COLUMNS: usize = 44;

/// One span with its position in the drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// The span id: 16 lowercase hexadecimal digits.
    pub span_id: String,
    /// The number of ancestors.
    pub depth: usize,
    /// The span's name.
    pub name: String,
    /// The span's kind, such as `server` or `client`.
    pub kind: &'static str,
    /// The number of columns before the bar.
    pub offset: usize,
    /// The number of columns of the bar.
    ///
    /// It is at least 1, so that the shortest span is visible.
    pub length: usize,
    /// The time from start to end.
    pub duration: Duration,
    /// The status: `unset`, `ok` or `error`.
    pub status: &'static str,
}

/// Computes the position of each span in a drawing that is `columns` wide.
///
/// Children follow their parents; siblings are ordered by start.
///
/// A span whose parent is not in `spans` is a root. Spans in a circle of parents have no root and are dropped.
pub fn rows(spans: &[ReceivedSpan], columns: usize) -> Vec<Row> {
    let mut spans: Vec<&ReceivedSpan> = spans.iter().collect();
    spans.sort_by_key(|span| span.start);
    let Some(first) = spans.first().map(|span| span.start) else {
        return Vec::new();
    };
    let last = spans.iter().map(|span| span.end).max().unwrap_or(first);
    let scale = Scale {
        first,
        total: last.duration_since(first).unwrap_or_default(),
        columns,
    };

    let is_child = |child: &ReceivedSpan, parent: &ReceivedSpan| {
        child.parent_span_id == parent.span_id && child.span_id != parent.span_id
    };
    let is_root = |span: &ReceivedSpan| !spans.iter().any(|other| is_child(span, other));
    let mut rows = Vec::with_capacity(spans.len());
    // The order is depth-first, with the earliest span on top of the stack. Each span is added once: by its parent, or as
    // a root.
    let roots = spans.iter().filter(|span| is_root(span));
    let mut waiting: Vec<_> = roots.map(|span| (0, *span)).rev().collect();
    while let Some((depth, span)) = waiting.pop() {
        rows.push(scale.row(depth, span));
        let children = spans.iter().filter(|child| is_child(child, span));
        waiting.extend(children.map(|child| (depth + 1, *child)).rev());
    }
    rows
}

/// The scale of a drawing: which time is at which column.
struct Scale {
    first: SystemTime,
    total: Duration,
    columns: usize,
}

impl Scale {
    fn row(&self, depth: usize, span: &ReceivedSpan) -> Row {
        let duration = span.duration();
        let offset = self.columns_for(span.start.duration_since(self.first).unwrap_or_default());
        let offset = offset.min(self.columns.saturating_sub(1));
        let length = self
            .columns_for(duration)
            .clamp(1, self.columns.saturating_sub(offset).max(1));
        Row {
            span_id: span.span_id.clone(),
            depth,
            name: span.name.clone(),
            kind: span.kind,
            offset,
            length,
            duration,
            status: span.status,
        }
    }

    fn columns_for(&self, time: Duration) -> usize {
        if self.total.is_zero() {
            return 0;
        }
        let share = time.as_secs_f64() / self.total.as_secs_f64();
        // The number is small and not negative, so the conversion loses nothing.
        (share * self.columns as f64).round() as usize
    }
}

/// Draws every trace with the log lines below each span.
///
/// Log lines outside any span follow at the end.
pub fn draw(spans: &[ReceivedSpan], lines: &[CapturedLine]) -> String {
    let mut text = String::new();
    let mut traces: Vec<&str> = Vec::new();
    let of_spans = spans.iter().map(|span| &*span.trace_id);
    for trace in of_spans.chain(lines.iter().map(|line| &*line.trace_id)) {
        if !trace.is_empty() && !traces.contains(&trace) {
            traces.push(trace);
        }
    }
    for trace in traces {
        draw_trace(&mut text, trace, spans, lines);
    }
    let outside: Vec<_> = lines
        .iter()
        .filter(|line| line.trace_id.is_empty())
        .collect();
    if !outside.is_empty() {
        text += "in no trace\n";
        draw_lines(&mut text, 1, outside);
    }
    if text.is_empty() {
        text += "no span and no log line\n";
    }
    text
}

fn draw_trace(text: &mut String, trace: &str, spans: &[ReceivedSpan], lines: &[CapturedLine]) {
    let is_in_trace = |span: &&ReceivedSpan| span.trace_id == trace;
    let spans: Vec<_> = spans.iter().filter(is_in_trace).cloned().collect();
    let lines: Vec<_> = lines.iter().filter(|line| line.trace_id == trace).collect();
    // Writing to a `String` cannot fail, here and below.
    let _ = writeln!(text, "trace {trace}");
    let rows = rows(&spans, BAR_COLUMNS);
    let width = |row: &Row| 2 * row.depth + row.name.chars().count();
    let width = rows
        .iter()
        .map(width)
        .max()
        .unwrap_or_default()
        .min(NAME_COLUMNS);
    let mut drawn = BTreeSet::new();
    for row in &rows {
        draw_row(text, row, width);
        let is_in_span = |line: &&&CapturedLine| line.span_id == row.span_id;
        let lines_of_span = lines.iter().filter(is_in_span).copied().collect();
        draw_lines(text, row.depth + 2, lines_of_span);
        drawn.insert(&*row.span_id);
    }
    let rest = lines.into_iter();
    let rest: Vec<_> = rest
        .filter(|line| !drawn.contains(&*line.span_id))
        .collect();
    if !rest.is_empty() {
        text.push_str("  in spans that have not ended, or belong to a caller\n");
        draw_lines(text, 2, rest);
    }
}

fn draw_row(text: &mut String, row: &Row, width: usize) {
    let mut label = " ".repeat(2 * row.depth) + &row.name;
    if label.chars().count() > width {
        label = label.chars().take(width.saturating_sub(1)).collect();
        label.push('…');
    }
    let bar = " ".repeat(row.offset) + &"█".repeat(row.length);
    let milliseconds = row.duration.as_secs_f64() * 1_000.0;
    let status = if row.status == "error" { "  error" } else { "" };
    let kind = row.kind;
    let _ = writeln!(
        text,
        "  {label:<width$}  {kind:<8} {bar:<BAR_COLUMNS$} {milliseconds:>9.2} ms{status}"
    );
}

fn draw_lines(text: &mut String, depth: usize, lines: Vec<&CapturedLine>) {
    for line in lines {
        let _ = writeln!(text, "{}{line}", "  ".repeat(depth));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        time::{Duration, UNIX_EPOCH},
    };

    use super::{CapturedLine, ReceivedSpan, Row, draw, rows};

    fn span(id: &str, parent: &str, start: u64, end: u64) -> ReceivedSpan {
        ReceivedSpan {
            trace_id: "one".to_owned(),
            span_id: id.to_owned(),
            parent_span_id: parent.to_owned(),
            name: id.to_owned(),
            kind: "internal",
            start: UNIX_EPOCH + Duration::from_millis(start),
            end: UNIX_EPOCH + Duration::from_millis(end),
            attributes: BTreeMap::new(),
            resource: BTreeMap::new(),
            status: "unset",
            status_message: String::new(),
            events: Vec::new(),
            links: Vec::new(),
            scope: String::new(),
        }
    }

    fn line(trace: &str, span: &str, message: &str) -> CapturedLine {
        CapturedLine::parse(&format!(
            r#"{{"level":"INFO","message":"{message}","trace_id":"{trace}","span_id":"{span}","order.id":7}}"#
        ))
    }

    fn shape(rows: &[Row]) -> Vec<(usize, &str, usize, usize)> {
        rows.iter()
            .map(|row| (row.depth, row.name.as_str(), row.offset, row.length))
            .collect()
    }

    #[test]
    fn children_follow_their_parents() {
        let spans = [
            span("late", "root", 600, 1000),
            span("leaf", "early", 100, 101),
            span("early", "root", 100, 500),
            // The parent belongs to the caller and is not in `spans`.
            span("root", "caller", 0, 1000),
        ];
        assert_eq!(
            shape(&rows(&spans, 100)),
            [
                (0, "root", 0, 100),
                (1, "early", 10, 40),
                (2, "leaf", 10, 1),
                (1, "late", 60, 40)
            ]
        );
    }

    #[test]
    fn circles_and_empty_input_have_no_rows() {
        assert_eq!(rows(&[], 10), []);
        assert_eq!(shape(&rows(&[span("a", "", 5, 5)], 10)), [(0, "a", 0, 1)]);
        let circle = [
            span("a", "b", 0, 1),
            span("b", "a", 0, 1),
            span("c", "", 0, 10),
        ];
        assert_eq!(shape(&rows(&circle, 10)), [(0, "c", 0, 10)]);
        assert_eq!(draw(&[], &[]), "no span and no log line\n");
    }

    #[test]
    fn log_lines_are_below_their_spans() {
        let spans = [span("child", "root", 0, 500), span("root", "", 0, 1000)];
        let lines = [
            line("one", "child", "in the child"),
            line("one", "open", "in an open span"),
            line("", "", "outside"),
        ];
        let full = "█".repeat(40);
        let half = format!("{}{}", "█".repeat(20), " ".repeat(20));
        let expected = [
            "trace one".to_owned(),
            format!("  root     internal {full}   1000.00 ms"),
            format!("    child  internal {half}    500.00 ms"),
            "      INFO in the child order.id=7".to_owned(),
            "  in spans that have not ended, or belong to a caller".to_owned(),
            "    INFO in an open span order.id=7".to_owned(),
            "in no trace".to_owned(),
            "  INFO outside order.id=7".to_owned(),
        ];
        assert_eq!(draw(&spans, &lines), expected.join("\n") + "\n");
    }
}
