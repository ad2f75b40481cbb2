//! An SVG canvas with the colors of Grafana's dark theme.

use std::fmt::Write as _;

pub(super) const WHITE: &str = "#ffffff";
pub(super) const TEXT: &str = "#ccccdc";
pub(super) const MUTED: &str = "#8e8ea0";
/// The color of headings and links.
pub(super) const LINK: &str = "#6e9fff";
pub(super) const GRID: &str = "#2c3235";
const BACKGROUND: &str = "#111217";
const PANEL: &str = "#181b1f";

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// The SVG so far.
pub(super) struct Canvas(String);

impl Canvas {
    pub(super) fn new(width: f64, height: f64) -> Self {
        let mut canvas = Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"Inter, Helvetica, Arial, sans-serif\">\n"
        ));
        let all = Area {
            x: 0.0,
            y: 0.0,
            width,
            height,
        };
        canvas.rect(all, BACKGROUND, 1.0);
        canvas
    }

    pub(super) fn svg(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }

    /// Draws a panel with its title and returns the area inside.
    pub(super) fn panel(&mut self, area: Area, title: &str) -> Area {
        let frame = Area {
            x: area.x + 4.0,
            y: area.y + 4.0,
            width: area.width - 8.0,
            height: area.height - 8.0,
        };
        self.rect(frame, PANEL, 1.0);
        let title = truncate(title, frame.width - 20.0, 13.0);
        self.text(frame.x + 10.0, frame.y + 19.0, 13.0, TEXT, &title);
        Area {
            x: frame.x + 10.0,
            y: frame.y + 30.0,
            width: frame.width - 20.0,
            height: frame.height - 38.0,
        }
    }

    pub(super) fn text(&mut self, x: f64, y: f64, size: f64, color: &str, words: &str) {
        self.anchored("start", (x, y), size, color, words);
    }

    /// Draws text that ends at `x`.
    pub(super) fn text_end(&mut self, x: f64, y: f64, size: f64, color: &str, words: &str) {
        self.anchored("end", (x, y), size, color, words);
    }

    /// Draws text that is centered at `x`.
    pub(super) fn text_middle(&mut self, x: f64, y: f64, size: f64, color: &str, words: &str) {
        self.anchored("middle", (x, y), size, color, words);
    }

    fn anchored(&mut self, anchor: &str, (x, y): (f64, f64), size: f64, color: &str, words: &str) {
        let words = words.replace('&', "&amp;").replace('<', "&lt;");
        let anchor = match anchor {
            "start" => String::new(),
            other => format!(" text-anchor=\"{other}\""),
        };
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            self.0,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size:.0}\" fill=\"{color}\"{anchor}>{words}</text>"
        );
    }

    pub(super) fn rect(&mut self, area: Area, color: &str, opacity: f64) {
        let Area {
            x,
            y,
            width,
            height,
        } = area;
        let _ = writeln!(
            self.0,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{color}\" fill-opacity=\"{opacity:.2}\"/>"
        );
    }

    pub(super) fn line(&mut self, x: f64, y: f64, to_x: f64, to_y: f64, color: &str) {
        let _ = writeln!(
            self.0,
            "<line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{to_x:.1}\" y2=\"{to_y:.1}\" stroke=\"{color}\"/>"
        );
    }

    pub(super) fn dashed_line(&mut self, x: f64, to_x: f64, y: f64, color: &str) {
        let _ = writeln!(
            self.0,
            "<line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{to_x:.1}\" y2=\"{y:.1}\" stroke=\"{color}\" stroke-dasharray=\"10 6\"/>"
        );
    }

    pub(super) fn polyline(
        &mut self,
        points: impl Iterator<Item = (f64, f64)>,
        color: &str,
        width: f64,
    ) {
        let _ = writeln!(
            self.0,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width:.1}\"/>",
            joined(points)
        );
    }

    /// Fills the polygon with these points.
    pub(super) fn polygon(
        &mut self,
        points: impl Iterator<Item = (f64, f64)>,
        color: &str,
        opacity: f64,
    ) {
        let _ = writeln!(
            self.0,
            "<polygon points=\"{}\" fill=\"{color}\" fill-opacity=\"{opacity:.2}\"/>",
            joined(points)
        );
    }

    /// Clips everything outside the area until [`Canvas::end_clip`].
    pub(super) fn clip(&mut self, area: Area) {
        let Area {
            x,
            y,
            width,
            height,
        } = area;
        let _ = writeln!(
            self.0,
            "<svg x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" viewBox=\"{x:.1} {y:.1} {width:.1} {height:.1}\">"
        );
    }

    pub(super) fn end_clip(&mut self) {
        self.0.push_str("</svg>\n");
    }
}

fn joined(points: impl Iterator<Item = (f64, f64)>) -> String {
    let points = points.map(|(x, y)| format!("{x:.1},{y:.1}"));
    points.collect::<Vec<_>>().join(" ")
}

/// Shortens a text to `width` pixels.
///
/// The width of a letter is about 0.55 of `size`, its height.
pub(super) fn truncate(text: &str, width: f64, size: f64) -> String {
    let mut room = width / (size * 0.55);
    let mut truncated = String::new();
    for letter in text.chars() {
        room -= 1.0;
        if room < 1.0 {
            truncated.push('…');
            break;
        }
        truncated.push(letter);
    }
    truncated
}
