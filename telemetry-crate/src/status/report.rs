//! The report of `/telemetry`, rendered as text for people and JSON for programs.

use crate::logs::escape;

/// The sections, in the order in which they are shown.
#[derive(Debug)]
pub(crate) struct Report(pub(super) Vec<Section>);

/// The section about one signal, or about another part of telemetry.
#[derive(Debug)]
pub(crate) struct Section {
    name: &'static str,
    state: State,
    /// The reason for the state and advice; may be empty.
    detail: String,
    items: Vec<(&'static str, Item)>,
}

/// The state of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The part is present, and has no operation that could succeed or fail.
    Up,
    Works,
    Off,
    /// Whether the part works is not known, usually because it has not been used yet.
    Unknown,
    /// The part fails or needs attention.
    Fails,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Works => "works",
            Self::Off => "off",
            Self::Unknown => "unknown",
            Self::Fails => "needs attention",
        }
    }
}

/// A value of a section.
#[derive(Debug)]
pub(crate) enum Item {
    Text(String),
    Number(u64),
    List(Vec<String>),
    Pairs(Vec<(String, String)>),
    Counts(Vec<(String, u64)>),
}

impl Item {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn counts(counts: Vec<(String, u64)>) -> Self {
        Self::Counts(counts)
    }
}

impl Section {
    pub(super) fn new(name: &'static str, state: State, detail: String) -> Self {
        Self {
            name,
            state,
            detail,
            items: Vec::new(),
        }
    }

    pub(super) fn with(mut self, key: &'static str, item: Item) -> Self {
        self.items.push((key, item));
        self
    }
}

impl Section {
    /// The detail, or the texts of a section that has only these.
    fn reason(&self) -> String {
        let texts = self.items.iter().filter_map(|(_, item)| match item {
            Item::List(texts) => Some(texts.join("; ")),
            _ => None,
        });
        match &*self.detail {
            "" => texts.collect::<Vec<_>>().join("; "),
            detail => detail.to_owned(),
        }
    }
}

impl Report {
    /// The sections that need attention, with the reason.
    pub(crate) fn failing(&self) -> Vec<(&'static str, String)> {
        let failing = self
            .0
            .iter()
            .filter(|section| section.state == State::Fails);
        failing
            .map(|section| (section.name, one_line(&section.reason())))
            .collect()
    }

    /// Renders text: one value per line, indented by two spaces within a section.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for section in &self.0 {
            text += &format!("{}: {}\n", section.name, section.state.word());
            if !section.detail.is_empty() {
                text += &format!("  {}\n", one_line(&section.detail));
            }
            for (key, item) in &section.items {
                push_text(&mut text, &key.replace('_', " "), item);
            }
        }
        text
    }

    /// Renders JSON: one object per section, with `state` and, unless empty, `detail`.
    pub(crate) fn json(&self) -> String {
        let sections = self.0.iter().map(|section| {
            let mut facts = vec![("state", string(section.state.word()))];
            if !section.detail.is_empty() {
                facts.push(("detail", string(&section.detail)));
            }
            let items = section.items.iter();
            facts.extend(items.map(|(key, item)| (*key, json(item))));
            (section.name, object(facts))
        });
        object(sections) + "\n"
    }
}

fn push_text(text: &mut String, key: &str, item: &Item) {
    match item {
        Item::Text(value) => *text += &format!("  {key}: {}\n", one_line(value)),
        Item::Number(value) => *text += &format!("  {key}: {value}\n"),
        Item::List(values) => {
            for value in values {
                *text += &format!("  {key}: {}\n", one_line(value));
            }
        }
        Item::Pairs(pairs) => {
            for (name, value) in pairs {
                *text += &format!("  {}: {}\n", one_line(name), one_line(value));
            }
        }
        Item::Counts(counts) => {
            for (name, count) in counts {
                *text += &format!("  {key}: {count} {}\n", one_line(name));
            }
        }
    }
}

/// Replaces control characters with spaces.
///
/// Foreign text could otherwise look like another line of the report.
fn one_line(value: &str) -> String {
    value.replace(char::is_control, " ")
}

fn json(item: &Item) -> String {
    match item {
        Item::Text(value) => string(value),
        Item::Number(value) => value.to_string(),
        Item::List(values) => {
            let values: Vec<String> = values.iter().map(|value| string(value)).collect();
            format!("[{}]", values.join(","))
        }
        Item::Pairs(pairs) => object(pairs.iter().map(|(key, value)| (&**key, string(value)))),
        Item::Counts(counts) => object(
            counts
                .iter()
                .map(|(key, count)| (&**key, count.to_string())),
        ),
    }
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let members: Vec<String> = members
        .into_iter()
        .map(|(key, value)| format!("{}:{value}", string(key)))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn string(text: &str) -> String {
    let mut quoted = vec![b'"'];
    escape(&mut quoted, text);
    quoted.push(b'"');
    // Escaped text is always valid UTF-8.
    String::from_utf8(quoted).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::Value;

    use super::*;

    #[test]
    fn failing_sections_have_a_reason() {
        let warnings = ["RUST_LOG: found \"loud\"", "FIRSTLIGHT_LGO is set"].map(str::to_owned);
        let report = Report(vec![
            Section::new("logs", State::Works, "written".to_owned()),
            Section::new("traces", State::Fails, "refused\nby all".to_owned()),
            Section::new("start", State::Fails, String::new())
                .with("warnings", Item::List(warnings.to_vec())),
        ]);
        let start = "RUST_LOG: found \"loud\"; FIRSTLIGHT_LGO is set".to_owned();
        let traces = "refused by all".to_owned();
        assert_eq!(report.failing(), [("traces", traces), ("start", start)]);
    }

    #[test]
    fn text_cannot_forge_lines() {
        let lost = vec![("queue_full".to_owned(), 3)];
        let report = Report(vec![
            Section::new("traces", State::Fails, "refused\nlogs: works".to_owned())
                .with("lost_by_reason", Item::counts(lost))
                .with("hidden", Item::List(vec!["\"all\"".to_owned()])),
        ]);
        assert_eq!(
            report.text(),
            "traces: needs attention\n  refused logs: works\n  lost by reason: 3 queue_full\n  hidden: \"all\"\n"
        );
        let json: Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json["traces"]["state"], "needs attention");
        assert_eq!(json["traces"]["detail"], "refused\nlogs: works");
        assert_eq!(json["traces"]["lost_by_reason"]["queue_full"], 3);
        assert_eq!(json["traces"]["hidden"][0], "\"all\"");
    }
}
