//! SVG: boxes, lines and words, in the colours of a dark dashboard.

use std::fmt::Write as _;

pub(super) const WHITE: &str = "#ffffff";
pub(super) const TEXT: &str = "#ccccdc";
pub(super) const QUIET: &str = "#8e8ea0";
/// Headings, and whatever is clicked.
pub(super) const LINK: &str = "#6e9fff";
pub(super) const GRID: &str = "#2c3235";
const GROUND: &str = "#111217";
const PANEL: &str = "#181b1f";
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A picture that is being drawn.
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
        canvas.bar(all, GROUND, 1.0);
        canvas
    }

    pub(super) fn svg(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }

    /// A panel with its title; the area that is left inside.
    pub(super) fn panel(&mut self, area: Area, title: &str) -> Area {
        let frame = Area {
            x: area.x + 4.0,
            y: area.y + 4.0,
            width: area.width - 8.0,
            height: area.height - 8.0,
        };
        self.bar(frame, PANEL, 1.0);
        let title = cut(title, frame.width - 20.0, 13.0);
        self.words(frame.x + 10.0, frame.y + 19.0, 13.0, TEXT, &title);
        Area {
            x: frame.x + 10.0,
            y: frame.y + 30.0,
            width: frame.width - 20.0,
            height: frame.height - 38.0,
        }
    }

    pub(super) fn words(&mut self, x: f64, y: f64, size: f64, colour: &str, words: &str) {
        self.anchored("start", (x, y), size, colour, words);
    }

    /// They end at `x`.
    pub(super) fn words_before(&mut self, x: f64, y: f64, size: f64, colour: &str, words: &str) {
        self.anchored("end", (x, y), size, colour, words);
    }

    /// Their middle is at `x`.
    pub(super) fn words_around(&mut self, x: f64, y: f64, size: f64, colour: &str, words: &str) {
        self.anchored("middle", (x, y), size, colour, words);
    }

    fn anchored(&mut self, anchor: &str, (x, y): (f64, f64), size: f64, colour: &str, words: &str) {
        let words = words.replace('&', "&amp;").replace('<', "&lt;");
        let anchor = match anchor {
            "start" => String::new(),
            other => format!(" text-anchor=\"{other}\""),
        };
        // Writing to a string cannot fail; so below.
        let _ = writeln!(
            self.0,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size:.0}\" fill=\"{colour}\"{anchor}>{words}</text>"
        );
    }

    pub(super) fn bar(&mut self, area: Area, colour: &str, opacity: f64) {
        let Area {
            x,
            y,
            width,
            height,
        } = area;
        let _ = writeln!(
            self.0,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\" fill-opacity=\"{opacity:.2}\"/>"
        );
    }

    pub(super) fn line(&mut self, x: f64, y: f64, to_x: f64, to_y: f64, colour: &str) {
        let _ = writeln!(
            self.0,
            "<line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{to_x:.1}\" y2=\"{to_y:.1}\" stroke=\"{colour}\"/>"
        );
    }

    pub(super) fn dashes(&mut self, x: f64, to_x: f64, y: f64, colour: &str) {
        let _ = writeln!(
            self.0,
            "<line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{to_x:.1}\" y2=\"{y:.1}\" stroke=\"{colour}\" stroke-dasharray=\"10 6\"/>"
        );
    }

    pub(super) fn path(
        &mut self,
        points: impl Iterator<Item = (f64, f64)>,
        colour: &str,
        width: f64,
    ) {
        let _ = writeln!(
            self.0,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width:.1}\"/>",
            joined(points)
        );
    }

    /// What is inside of these points.
    pub(super) fn surface(
        &mut self,
        points: impl Iterator<Item = (f64, f64)>,
        colour: &str,
        opacity: f64,
    ) {
        let _ = writeln!(
            self.0,
            "<polygon points=\"{}\" fill=\"{colour}\" fill-opacity=\"{opacity:.2}\"/>",
            joined(points)
        );
    }

    /// Nothing is drawn outside of the area until [`Canvas::end_clip`].
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

/// As much of a text as fits; a letter is about half as wide as it is high.
pub(super) fn cut(text: &str, width: f64, size: f64) -> String {
    let mut room = width / (size * 0.55);
    let mut cut = String::new();
    for letter in text.chars() {
        room -= 1.0;
        if room < 1.0 {
            cut.push('…');
            break;
        }
        cut.push(letter);
    }
    cut
}
