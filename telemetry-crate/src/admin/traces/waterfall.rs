//! One trace as a waterfall: spans with bars, and their events in place.

use std::{collections::BTreeMap, fmt::Write};

use opentelemetry::trace::SpanId;

use super::{Identity, duration, heading, one_line, time};
use crate::recorder::{EventView, RootView, SpanView};

/// The length of the longest bar in characters.
const BAR: usize = 32;

/// Largest number of characters of a name with its indentation.
const NAME: usize = 44;

/// Largest number of characters of an event or a list of attributes.
const DETAIL: usize = 400;

/// Returns the local roots of a trace, one after the other.
pub(super) fn text(identity: &Identity, roots: &[RootView]) -> String {
    let mut text = heading(identity);
    for root in roots {
        let now = time::now();
        let _ = writeln!(
            text,
            "\n{} {}: {}, {}, started {}, trace {}",
            root.kind(),
            one_line(&root.name, NAME),
            root.outcome(),
            time::spoken(duration(root, now)),
            time::date(root.started),
            root.trace_id
        );
        if root.cut > 0 {
            let _ = writeln!(text, "  {} bytes of its detail were cut", root.cut);
        }
        Waterfall::new(root, now).draw(&mut text);
    }
    text
}

/// One local root with the scale of its bars.
struct Waterfall<'a> {
    root: &'a RootView,
    now: u64,
    length: u64,
    children: BTreeMap<Option<u32>, Vec<u32>>,
    events: BTreeMap<[u8; 8], Vec<&'a EventView>>,
}

impl<'a> Waterfall<'a> {
    fn new(root: &'a RootView, now: u64) -> Self {
        let ends = root.spans.values().map(|span| span.ended.unwrap_or(now));
        let end = ends.max().unwrap_or(now);
        let mut children = BTreeMap::<_, Vec<_>>::new();
        for (number, span) in &root.spans {
            // The start of the parent may have been cut. A parent has a smaller number than its child.
            let parent = span.parent.filter(|parent| parent < number && root.spans.contains_key(parent));
            children.entry(parent).or_default().push(*number);
        }
        let mut events = BTreeMap::<_, Vec<_>>::new();
        for event in &root.events {
            events.entry(event.span_id.to_bytes()).or_default().push(event);
        }
        Self {
            root,
            now,
            length: end.saturating_sub(root.started).max(1),
            children,
            events,
        }
    }

    fn draw(mut self, text: &mut String) {
        // Depth-first, with the first span on top of the stack.
        let mut stack: Vec<(usize, u32)> = self.children_of(None, 0);
        while let Some((depth, number)) = stack.pop() {
            let Some(span) = self.root.spans.get(&number) else {
                continue;
            };
            self.draw_span(text, depth, span);
            stack.extend(self.children_of(Some(number), depth + 1));
        }
        let rest: Vec<_> = std::mem::take(&mut self.events).into_values().flatten().collect();
        if !rest.is_empty() {
            text.push_str("  in spans whose start was cut\n");
            rest.into_iter().for_each(|event| self.draw_event(text, 1, event));
        }
    }

    fn children_of(&self, parent: Option<u32>, depth: usize) -> Vec<(usize, u32)> {
        let children = self.children.get(&parent).into_iter().flatten();
        children.rev().map(|number| (depth, *number)).collect()
    }

    fn draw_span(&mut self, text: &mut String, depth: usize, span: &SpanView) {
        let name = one_line(&format!("{}{}", "  ".repeat(depth), span.name), NAME);
        let end = span.ended.unwrap_or(self.now);
        let took = time::spoken(end.saturating_sub(span.started));
        let before = self.columns(span.started.saturating_sub(self.root.started)).min(BAR - 1);
        let bar = self.columns(end.saturating_sub(span.started)).clamp(1, BAR - before);
        let bar = " ".repeat(before) + &"█".repeat(bar);
        let status = match (&span.error, span.ended) {
            (Some(error), _) if error.is_empty() => "  error".to_owned(),
            (Some(error), _) => format!("  error: {}", one_line(error, DETAIL)),
            (None, None) => "  open".to_owned(),
            (None, Some(_)) => String::new(),
        };
        let _ = writeln!(text, "  {name:<NAME$}  {bar:<BAR$}  {took:>8}{status}");
        let attributes = span.attributes.iter();
        let attributes: Vec<_> = attributes.map(|(key, value)| format!("{key}={value}")).collect();
        if !attributes.is_empty() {
            let attributes = one_line(&attributes.join(" "), DETAIL);
            let _ = writeln!(text, "  {}{attributes}", "  ".repeat(depth + 1));
        }
        for event in self.take_events(span.span_id) {
            self.draw_event(text, depth + 1, event);
        }
    }

    fn take_events(&mut self, span: SpanId) -> Vec<&'a EventView> {
        self.events.remove(&span.to_bytes()).unwrap_or_default()
    }

    fn draw_event(&self, text: &mut String, depth: usize, event: &EventView) {
        let after = time::spoken(event.time.saturating_sub(self.root.started));
        let fields = event.fields.iter();
        let fields: String = fields.map(|(name, value, _)| format!(" {name}={value}")).collect();
        let held = if event.is_logged { "" } else { " (not logged)" };
        let line = format!("{} {}{fields}{held}", event.target, event.message);
        let _ = writeln!(
            text,
            "  {}+{after} {} {}",
            "  ".repeat(depth),
            event.level,
            one_line(&line, DETAIL)
        );
    }

    fn columns(&self, time: u64) -> usize {
        // The quotient is at most 1, so the conversion loses nothing that matters.
        (time as f64 / self.length as f64 * BAR as f64).round() as usize
    }
}
