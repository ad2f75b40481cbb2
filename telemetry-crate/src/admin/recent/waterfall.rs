//! One trace as a waterfall: spans with bars, and their events in place.

use std::{collections::BTreeMap, fmt::Write};

use super::duration;
use crate::{
    admin::{identity::Identity, one_line::one_line, time},
    recorder::{EventView, RootView, SpanView},
};

/// The length of the longest bar in characters.
const BAR: usize = 32;

/// Largest number of characters of a name with its indentation.
const NAME: usize = 44;

/// Largest number of characters of an event or a list of attributes.
const DETAIL: usize = 400;

/// Returns the local roots of a trace, one after the other.
pub(super) fn text(identity: &Identity<'_>, roots: &[RootView], backend: Option<&str>) -> String {
    let mut text = identity.heading();
    if let Some(backend) = backend {
        let _ = writeln!(text, "in the trace backend: {backend}");
    }
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

/// A line of the waterfall.
enum Item<'a> {
    Span(u32, &'a SpanView),
    Event(&'a EventView),
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
            let parent = span
                .parent
                .filter(|parent| parent < number && root.spans.contains_key(parent));
            children.entry(parent).or_default().push(*number);
        }
        let mut events = BTreeMap::<_, Vec<_>>::new();
        for event in &root.events {
            events
                .entry(event.span_id.to_bytes())
                .or_default()
                .push(event);
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
        // Depth-first, with the first item on top of the stack.
        let mut stack = Vec::new();
        self.push_items(&mut stack, None, 0);
        while let Some((depth, item)) = stack.pop() {
            match item {
                Item::Event(event) => self.draw_event(text, depth, event),
                Item::Span(number, span) => {
                    self.draw_span(text, depth, number, span);
                    self.push_items(&mut stack, Some((number, span)), depth + 1);
                }
            }
        }
        let rest = std::mem::take(&mut self.events).into_values().flatten();
        let rest: Vec<_> = rest.collect();
        if !rest.is_empty() {
            text.push_str("  in spans whose start was cut\n");
            for event in rest {
                self.draw_event(text, 1, event);
            }
        }
    }

    /// Pushes the children and the events of a span, the last one first.
    fn push_items(
        &mut self,
        stack: &mut Vec<(usize, Item<'a>)>,
        parent: Option<(u32, &SpanView)>,
        depth: usize,
    ) {
        let number = parent.map(|(number, _)| number);
        let children = self.children.get(&number).into_iter().flatten();
        let spans = children.filter_map(|number| {
            let span = self.root.spans.get(number)?;
            Some((span.started, Item::Span(*number, span)))
        });
        let mut items: Vec<_> = spans.collect();
        let events = parent.and_then(|(_, span)| self.events.remove(&span.span_id.to_bytes()));
        let events = events.into_iter().flatten();
        items.extend(events.map(|event| (event.time, Item::Event(event))));
        items.sort_by_key(|(time, _)| *time);
        stack.extend(items.into_iter().rev().map(|(_, item)| (depth, item)));
    }

    fn draw_span(&self, text: &mut String, depth: usize, number: u32, span: &SpanView) {
        // The recorder completes the name of a root with its route.
        let name = if number == 0 {
            &self.root.name
        } else {
            &span.name
        };
        let name = one_line(&format!("{}{name}", "  ".repeat(depth)), NAME);
        let end = span.ended.unwrap_or(self.now);
        let took = time::spoken(end.saturating_sub(span.started));
        let before = self
            .columns(span.started.saturating_sub(self.root.started))
            .min(BAR - 1);
        let bar = self
            .columns(end.saturating_sub(span.started))
            .clamp(1, BAR - before);
        let bar = " ".repeat(before) + &"█".repeat(bar);
        let status = match (&span.error, span.ended) {
            (Some(error), _) if error.is_empty() => "  error".to_owned(),
            (Some(error), _) => format!("  error: {}", one_line(error, DETAIL)),
            (None, None) => "  open".to_owned(),
            (None, Some(_)) => String::new(),
        };
        let _ = writeln!(text, "  {name:<NAME$}  {bar:<BAR$}  {took:>8}{status}");
        let attributes = span.attributes.iter();
        let attributes: Vec<_> = attributes
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        if !attributes.is_empty() {
            let attributes = one_line(&attributes.join(" "), DETAIL);
            let _ = writeln!(text, "  {}{attributes}", "  ".repeat(depth + 1));
        }
    }

    fn draw_event(&self, text: &mut String, depth: usize, event: &EventView) {
        let after = time::spoken(event.time.saturating_sub(self.root.started));
        let fields = event.fields.iter();
        let fields: String = fields
            .map(|(name, value, _)| format!(" {name}={value}"))
            .collect();
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
