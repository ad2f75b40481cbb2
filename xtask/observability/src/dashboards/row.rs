//! Rows: a heading, and the panels below it.

use serde_json::{Value, json};

use super::Panel;

/// Columns of Grafana's grid.
const COLUMNS: usize = 24;

#[derive(Debug, Clone)]
pub(crate) struct Row {
    title: String,
    collapsed: bool,
    lines: Vec<Vec<Panel>>,
}

impl Row {
    pub(crate) fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            collapsed: false,
            lines: Vec::new(),
        }
    }

    /// A row that is closed at first.
    ///
    /// It holds panels that are rarely needed, or for which most services have no data.
    pub(crate) fn collapsed(title: &str) -> Self {
        Self {
            collapsed: true,
            ..Self::new(title)
        }
    }

    /// Adds panels side by side, which share the width.
    pub(crate) fn line<const N: usize>(mut self, panels: [Panel; N]) -> Self {
        self.lines.push(panels.into());
        self
    }

    pub(crate) fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.lines.iter().flatten()
    }

    /// Appends the row to a dashboard's panels and advances `id` and `y`.
    pub(super) fn write(&self, to: &mut Vec<Value>, id: &mut usize, y: &mut u32) {
        let mut next = || {
            *id += 1;
            *id
        };
        let (heading_id, heading_y) = (next(), *y);
        *y += 1;
        let mut panels = Vec::new();
        for line in &self.lines {
            let height = line
                .iter()
                .map(|panel| panel.kind.height())
                .max()
                .unwrap_or(1);
            for (index, panel) in line.iter().enumerate() {
                let (left, right) = (edge(index, line.len()), edge(index + 1, line.len()));
                let position = json!({ "h": height, "w": right - left, "x": left, "y": *y });
                panels.push(panel.json(next(), position));
            }
            *y += height;
        }
        let inside = if self.collapsed {
            std::mem::take(&mut panels)
        } else {
            Vec::new()
        };
        to.push(json!({
            "collapsed": self.collapsed,
            "gridPos": { "h": 1, "w": COLUMNS, "x": 0, "y": heading_y },
            "id": heading_id,
            "panels": inside,
            "title": self.title,
            "type": "row",
        }));
        to.append(&mut panels);
    }
}

/// The column at which the panel of this index starts.
///
/// Rounding is spread over all panels, so that the last one ends at the margin.
fn edge(index: usize, panels: usize) -> usize {
    index * COLUMNS / panels.max(1)
}
