//! Draws the chart of the page: the instructions that each variant adds.

use support::svg::{Area, Canvas};

use super::{condition::Condition, digits::rounded, instructions::Counts, variant::Variant};

/// The text for readers that do not see the chart.
pub(crate) const ALTERNATIVE: &str =
    "Bars: instructions that each set-up adds to a request with one log line";

/// The chart as SVG, which is readable on light and on dark pages.
///
/// # Errors
///
/// If a count is missing.
pub(crate) fn draw(counts: &Counts) -> anyhow::Result<String> {
    let variants: Vec<_> = counts.variants().filter(|it| !it.is_baseline()).collect();
    let mut added = Vec::new();
    for variant in &variants {
        let of = |condition| counts.added(variant.title, condition);
        added.push([of(Condition::TYPICAL)?, of(Condition::BUSY)?]);
    }
    let longest = added.iter().flatten().copied().fold(1.0, f64::max);
    let height = HEAD + variants.len() as f64 * GROUP + MARGIN;
    let mut canvas = Canvas::new((WIDTH, height), TITLE, &description(&variants, &added));
    canvas.style(&dark_rules());
    let all = Area {
        x: 0.0,
        y: 0.0,
        width: WIDTH,
        height,
    };
    canvas.rect(all, BACKGROUND.light, 1.0);
    canvas.text(MARGIN, 28.0, 16.0, TEXT.light, TITLE);
    legend(&mut canvas);
    for (row, (variant, added)) in variants.iter().zip(&added).enumerate() {
        let y = HEAD + row as f64 * GROUP;
        let colors = if variant.is_ours() { OURS } else { PEERS };
        let name_at = (NAMES - 10.0, y + BAR + 4.0);
        canvas.text_end(name_at.0, name_at.1, 13.0, TEXT.light, variant.title);
        for (bar, (added, color)) in added.iter().zip(colors).enumerate() {
            let area = Area {
                x: NAMES,
                y: y + bar as f64 * BAR,
                width: (added / longest * LONGEST).max(0.0),
                height: BAR - 1.0,
            };
            canvas.rect(area, color.light, 1.0);
            let (x, y) = (area.x + area.width + 6.0, area.y + BAR - 4.0);
            canvas.text(x, y, 12.0, TEXT.light, &rounded(*added));
        }
    }
    Ok(canvas.svg())
}

fn legend(canvas: &mut Canvas) {
    let entries = ["100 % of requests sampled", "1 % sampled"];
    for (entry, words) in entries.into_iter().enumerate() {
        let x = MARGIN + entry as f64 * 230.0;
        for (square, colors) in [OURS, PEERS].into_iter().enumerate() {
            let area = Area {
                x: x + square as f64 * 13.0,
                y: 41.0,
                width: 12.0,
                height: 12.0,
            };
            let [sampled, unsampled] = colors;
            let color = if entry == 0 { sampled } else { unsampled };
            canvas.rect(area, color.light, 1.0);
        }
        canvas.text(x + 32.0, 52.0, 13.0, TEXT.light, words);
    }
}

/// All numbers of the chart in words.
fn description(variants: &[&Variant], added: &[[f64; 2]]) -> String {
    let of_variant = |(variant, [sampled, unsampled]): (&&Variant, &[f64; 2])| {
        let (sampled, unsampled) = (rounded(*sampled), rounded(*unsampled));
        format!("{}: {sampled} and {unsampled}.", variant.title)
    };
    let all: Vec<_> = variants.iter().zip(added).map(of_variant).collect();
    format!(
        "With 100 % and with 1 % of requests sampled. {}",
        all.join(" ")
    )
}

/// Replaces each color on dark pages.
fn dark_rules() -> String {
    let [ours, ours_light] = OURS;
    let [peers, peers_light] = PEERS;
    let rules = [BACKGROUND, TEXT, ours, ours_light, peers, peers_light]
        .map(|Color { light, dark }| format!("[fill=\"{light}\"]{{fill:{dark}}}"));
    format!("@media (prefers-color-scheme:dark){{{}}}", rules.concat())
}

/// A color on light and on dark pages.
#[derive(Debug, Clone, Copy)]
struct Color {
    light: &'static str,
    dark: &'static str,
}

impl Color {
    const fn new(light: &'static str, dark: &'static str) -> Self {
        Self { light, dark }
    }
}

const TITLE: &str = "Instructions that telemetry adds to a request with one log line";

const BACKGROUND: Color = Color::new("#ffffff", "#16181d");
const TEXT: Color = Color::new("#24292f", "#e3e6ea");
/// The colors of bars: everything sampled, and 1 %.
const OURS: [Color; 2] = [
    Color::new("#1f6feb", "#4c8df6"),
    Color::new("#8fbcff", "#27508f"),
];
const PEERS: [Color; 2] = [
    Color::new("#6e7781", "#8b949e"),
    Color::new("#b9c0c8", "#4d555e"),
];

/// Sizes in pixels.
const WIDTH: f64 = 860.0;
const MARGIN: f64 = 16.0;
/// The height of the title and the legend.
const HEAD: f64 = 72.0;
/// The width of the column of names.
const NAMES: f64 = 210.0;
const LONGEST: f64 = WIDTH - NAMES - 80.0;
const BAR: f64 = 16.0;
const GROUP: f64 = 2.0 * BAR + 12.0;

#[cfg(test)]
mod tests {
    use super::draw;
    use crate::bench::{instructions::tests::counts, variant::VARIANTS};

    /// The values of an attribute of all rectangles with this fill.
    fn widths(svg: &str, fill: &str) -> Vec<f64> {
        let bars = svg
            .lines()
            .filter(|line| line.starts_with("<rect") && line.contains(fill));
        bars.filter_map(|bar| {
            let (_, rest) = bar.split_once(" width=\"")?;
            rest.split_once('"')?.0.parse().ok()
        })
        .collect()
    }

    #[test]
    fn bars_are_as_long_as_their_counts() {
        let svg = draw(&counts()).unwrap_or_default();
        let [_, ours @ ..] = &widths(&svg, "#1f6feb")[..] else {
            unreachable!("no bars: {svg}")
        };
        let [first, second, ..] = ours else {
            unreachable!("{ours:?}")
        };
        assert!((second / first - 2.0).abs() < 0.01, "{ours:?}");
        // The legend has one rectangle of each color.
        let bars = [
            ("#1f6feb", 4),
            ("#8fbcff", 4),
            ("#6e7781", 4),
            ("#b9c0c8", 4),
        ];
        for (color, expected) in bars {
            assert_eq!(widths(&svg, color).len(), expected + 1, "{color}");
        }
    }

    #[test]
    fn numbers_are_in_the_description() {
        let svg = draw(&counts()).unwrap_or_default();
        let description = svg.lines().find(|line| line.starts_with("<desc>"));
        let description = description.unwrap_or_default();
        for (row, variant) in VARIANTS.iter().enumerate().skip(1) {
            let expected = format!(" {}: {1},000 and {1},000.", variant.title, row * 8);
            assert!(description.contains(&expected), "{expected}: {description}");
        }
    }

    #[test]
    fn each_color_has_one_for_dark_pages() {
        let svg = draw(&counts()).unwrap_or_default();
        let (rules, elements) = svg.split_once("</style>").unwrap_or_default();
        for element in elements.split(" fill=\"").skip(1) {
            let color = element.split('"').next().unwrap_or_default();
            assert!(rules.contains(&format!("[fill=\"{color}\"]")), "{color}");
        }
    }
}
