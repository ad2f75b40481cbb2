//! The canvas of a dashboard, with the colors of Grafana's dark theme.

pub(super) use support::svg::{Area, Canvas, truncate};

pub(super) const WHITE: &str = "#ffffff";
pub(super) const TEXT: &str = "#ccccdc";
pub(super) const MUTED: &str = "#8e8ea0";
/// The color of headings and links.
pub(super) const LINK: &str = "#6e9fff";
pub(super) const GRID: &str = "#2c3235";
const BACKGROUND: &str = "#111217";
const PANEL: &str = "#181b1f";

/// An empty dashboard.
pub(super) fn dark(width: f64, height: f64, title: &str, description: &str) -> Canvas {
    let mut canvas = Canvas::new((width, height), title, description);
    let all = Area {
        x: 0.0,
        y: 0.0,
        width,
        height,
    };
    canvas.rect(all, BACKGROUND, 1.0);
    canvas
}

/// Draws a panel with its title and returns the area inside.
pub(super) fn panel(canvas: &mut Canvas, area: Area, title: &str) -> Area {
    let frame = Area {
        x: area.x + 4.0,
        y: area.y + 4.0,
        width: area.width - 8.0,
        height: area.height - 8.0,
    };
    canvas.rect(frame, PANEL, 1.0);
    let title = truncate(title, frame.width - 20.0, 13.0);
    canvas.text(frame.x + 10.0, frame.y + 19.0, 13.0, TEXT, &title);
    Area {
        x: frame.x + 10.0,
        y: frame.y + 30.0,
        width: frame.width - 20.0,
        height: frame.height - 38.0,
    }
}
