//! A trace as a waterfall in the terminal: one line per span, a bar from its start to its end.

use std::time::{Duration, SystemTime};

use firstlight::testing::ReceivedSpan;

/// One span, placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// How many spans lie above it.
    pub(crate) depth: usize,
    pub(crate) name: String,
    /// `server`, `client`, …
    pub(crate) kind: &'static str,
    /// Blanks before the bar.
    pub(crate) offset: usize,
    /// At least one column, so that the shortest span is visible.
    pub(crate) length: usize,
    pub(crate) duration: Duration,
    /// `unset`, `ok` or `error`.
    pub(crate) status: &'static str,
}

/// Places `spans` in `columns`, children below their parents, siblings by start.
pub(crate) fn rows(spans: &[ReceivedSpan], columns: usize) -> Vec<Row> {
    let span = |span: &ReceivedSpan| Span {
        id: span.span_id.clone(),
        parent: span.parent_span_id.clone(),
        name: span.name.clone(),
        kind: span.kind,
        start: span.start,
        end: span.end,
        status: span.status,
    };
    place(spans.iter().map(span).collect(), columns)
}

/// What of a span matters for its place.
#[derive(Debug, Clone)]
struct Span {
    id: String,
    parent: String,
    name: String,
    kind: &'static str,
    start: SystemTime,
    end: SystemTime,
    status: &'static str,
}

fn place(mut spans: Vec<Span>, columns: usize) -> Vec<Row> {
    spans.sort_by_key(|span| span.start);
    let Some(first) = spans.iter().map(|span| span.start).min() else {
        return Vec::new();
    };
    let last = spans.iter().map(|span| span.end).max().unwrap_or(first);
    let scale = Scale {
        first,
        total: last.duration_since(first).unwrap_or_default(),
        columns,
    };

    let is_root = |span: &Span| {
        !spans
            .iter()
            .any(|other| other.id == span.parent && other.id != span.id)
    };
    let mut rows = Vec::with_capacity(spans.len());
    // Depth first, the earliest on top of the stack. A span is placed by its parent or as a root, so once; a circle of
    // parents has no root and is left out.
    let mut waiting: Vec<_> = spans
        .iter()
        .filter(|span| is_root(span))
        .map(|span| (0, span))
        .rev()
        .collect();
    while let Some((depth, span)) = waiting.pop() {
        rows.push(scale.row(depth, span));
        let children = spans
            .iter()
            .filter(|child| child.parent == span.id && child.id != span.id);
        waiting.extend(children.map(|child| (depth + 1, child)).rev());
    }
    rows
}

struct Scale {
    first: SystemTime,
    total: Duration,
    columns: usize,
}

impl Scale {
    fn row(&self, depth: usize, span: &Span) -> Row {
        let duration = span.end.duration_since(span.start).unwrap_or_default();
        let offset = self.columns_for(span.start.duration_since(self.first).unwrap_or_default());
        let offset = offset.min(self.columns.saturating_sub(1));
        let length = self
            .columns_for(duration)
            .clamp(1, (self.columns - offset).max(1));
        Row {
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
        // A share of a terminal's width: small and positive.
        (share * self.columns as f64).round() as usize
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{Row, Span, place};

    fn span(id: &str, parent: &str, start: u64, end: u64) -> Span {
        Span {
            id: id.to_owned(),
            parent: parent.to_owned(),
            name: id.to_owned(),
            kind: "internal",
            start: UNIX_EPOCH + Duration::from_millis(start),
            end: UNIX_EPOCH + Duration::from_millis(end),
            status: "unset",
        }
    }

    fn shape(rows: &[Row]) -> Vec<(usize, &str, usize, usize)> {
        rows.iter()
            .map(|row| (row.depth, row.name.as_str(), row.offset, row.length))
            .collect()
    }

    #[test]
    fn children_follow_their_parents_and_bars_keep_their_proportions() {
        let spans = vec![
            span("late", "root", 600, 1000),
            span("leaf", "early", 100, 101),
            span("early", "root", 100, 500),
            // Its parent belongs to the caller, and is not here.
            span("root", "caller", 0, 1000),
        ];
        assert_eq!(
            shape(&place(spans, 100)),
            [
                (0, "root", 0, 100),
                (1, "early", 10, 40),
                (2, "leaf", 10, 1),
                (1, "late", 60, 40)
            ]
        );
    }

    #[test]
    fn no_spans_instant_spans_and_circles_are_drawn_too() {
        assert_eq!(place(Vec::new(), 10), []);
        assert_eq!(
            shape(&place(vec![span("a", "", 5, 5)], 10)),
            [(0, "a", 0, 1)]
        );
        let circle = vec![
            span("a", "b", 0, 1),
            span("b", "a", 0, 1),
            span("c", "", 0, 10),
        ];
        assert_eq!(shape(&place(circle, 10)), [(0, "c", 0, 10)]);
    }
}
