//! An SVG canvas: boxes, lines and words, with coordinates in fractions of pixels.

use std::fmt::Write as _;

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy)]
pub struct Area {
    /// The left edge.
    pub x: f64,
    /// The upper edge, downwards from that of the canvas.
    pub y: f64,
    /// To the right of `x`.
    pub width: f64,
    /// Downwards from `y`.
    pub height: f64,
}

/// The SVG so far.
#[derive(Debug)]
pub struct Canvas(String);

impl Canvas {
    /// An empty canvas; width and height are in pixels.
    ///
    /// Programs that read pages aloud read the title and the description.
    pub fn new((width, height): (f64, f64), title: &str, description: &str) -> Self {
        Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" font-family=\"Inter, Helvetica, Arial, sans-serif\">\n<title>{}</title>\n<desc>{}</desc>\n",
            escaped(title),
            escaped(description)
        ))
    }

    /// Ends the picture and returns it.
    pub fn svg(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }

    /// Adds rules of CSS, which win over the colors of the elements.
    pub fn style(&mut self, rules: &str) {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(self.0, "<style>{rules}</style>");
    }

    /// Draws text that starts at `x`.
    pub fn text(&mut self, x: f64, y: f64, size: f64, color: &str, words: &str) {
        self.anchored("start", (x, y), size, color, words);
    }

    /// Draws text that ends at `x`.
    pub fn text_end(&mut self, x: f64, y: f64, size: f64, color: &str, words: &str) {
        self.anchored("end", (x, y), size, color, words);
    }

    /// Draws text that is centered at `x`.
    pub fn text_middle(&mut self, x: f64, y: f64, size: f64, color: &str, words: &str) {
        self.anchored("middle", (x, y), size, color, words);
    }

    fn anchored(&mut self, anchor: &str, (x, y): (f64, f64), size: f64, color: &str, words: &str) {
        let words = escaped(words);
        let anchor = match anchor {
            "start" => String::new(),
            other => format!(" text-anchor=\"{other}\""),
        };
        let _ = writeln!(
            self.0,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size:.0}\" fill=\"{color}\"{anchor}>{words}</text>"
        );
    }

    /// Fills a rectangle.
    pub fn rect(&mut self, area: Area, color: &str, opacity: f64) {
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

    /// Draws a line.
    pub fn line(&mut self, x: f64, y: f64, to_x: f64, to_y: f64, color: &str) {
        let _ = writeln!(
            self.0,
            "<line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{to_x:.1}\" y2=\"{to_y:.1}\" stroke=\"{color}\"/>"
        );
    }

    /// Draws a dashed horizontal line.
    pub fn dashed_line(&mut self, x: f64, to_x: f64, y: f64, color: &str) {
        let _ = writeln!(
            self.0,
            "<line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{to_x:.1}\" y2=\"{y:.1}\" stroke=\"{color}\" stroke-dasharray=\"10 6\"/>"
        );
    }

    /// Draws a line through these points.
    pub fn polyline(&mut self, points: impl Iterator<Item = (f64, f64)>, color: &str, width: f64) {
        let _ = writeln!(
            self.0,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width:.1}\"/>",
            joined(points)
        );
    }

    /// Fills the polygon with these points.
    pub fn polygon(&mut self, points: impl Iterator<Item = (f64, f64)>, color: &str, opacity: f64) {
        let _ = writeln!(
            self.0,
            "<polygon points=\"{}\" fill=\"{color}\" fill-opacity=\"{opacity:.2}\"/>",
            joined(points)
        );
    }

    /// Clips everything outside the area until [`Canvas::end_clip`].
    pub fn clip(&mut self, area: Area) {
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

    /// Ends the last [`Canvas::clip`].
    pub fn end_clip(&mut self) {
        self.0.push_str("</svg>\n");
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn joined(points: impl Iterator<Item = (f64, f64)>) -> String {
    let points = points.map(|(x, y)| format!("{x:.1},{y:.1}"));
    points.collect::<Vec<_>>().join(" ")
}

/// Shortens a text to `width` pixels.
///
/// The width of a letter is about 0.55 of `size`, its height.
pub fn truncate(text: &str, width: f64, size: f64) -> String {
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
