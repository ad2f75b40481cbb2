//! Panels of latest values: stats and bar gauges.

use serde_json::Value;

use super::{
    Period, axis,
    canvas::{self, Area, Canvas},
    field::Field,
    series::Series,
};

/// Draws the latest value of each series, above a line of its history.
///
/// With the color mode `background`, the background has the color of the value.
pub(super) fn stat(
    canvas: &mut Canvas,
    area: Area,
    panel: &Value,
    all_series: &[&Series],
    period: Period,
) {
    let width = area.width / all_series.len().max(1) as f64;
    let has_names = all_series.len() > 1 || panel["options"]["textMode"] == "value_and_name";
    let is_colored = panel["options"]["colorMode"] == "background";
    for (index, series) in (0_u16..).zip(all_series) {
        let field = Field::new(panel, &series.name);
        let value = Some(series.last());
        let part = Area {
            x: area.x + f64::from(index) * width,
            width: width - 4.0,
            ..area
        };
        let (mut text, mut line) = (canvas::TEXT, canvas::MUTED);
        if is_colored {
            canvas.rect(part, field.value_color(value), 0.85);
            (text, line) = (canvas::WHITE, canvas::WHITE);
        }
        let points = series.values.iter();
        let low = points
            .clone()
            .map(|(_, value)| *value)
            .fold(f64::INFINITY, f64::min);
        let (low, high) = axis::range(low, series.largest(), None, None);
        let points = points.map(|(at, value)| {
            let x = part.x + part.width * (at - period.from) / (period.to - period.from);
            (
                x,
                part.y + part.height * (1.0 - 0.4 * (value - low) / (high - low)),
            )
        });
        if series.values.len() > 1 {
            canvas.polyline(points, line, 0.6);
        }
        let middle = part.x + part.width / 2.0;
        let words = field.text(value);
        // The text is as large as fits, up to 30 pixels. A minimum size would make neighbors overlap.
        let size = (part.width * 0.85 / (words.chars().count().max(1) as f64 * 0.6)).min(30.0);
        canvas.text_middle(middle, part.y + part.height * 0.62, size, text, &words);
        if has_names {
            let name = canvas::truncate(&series.name, part.width - 4.0, 10.0);
            canvas.text_middle(middle, part.y + 12.0, 10.0, text, &name);
        }
    }
}

/// Draws a bar for the latest value of each series.
pub(super) fn bars(canvas: &mut Canvas, area: Area, panel: &Value, all_series: &[&Series]) {
    let defaults = &panel["fieldConfig"]["defaults"];
    let largest = all_series
        .iter()
        .map(|series| series.last())
        .fold(f64::MIN_POSITIVE, f64::max);
    let (low, high) = (
        defaults["min"].as_f64().unwrap_or_default(),
        defaults["max"].as_f64().unwrap_or(largest),
    );
    let names = area.width * 0.35;
    let whole = area.width - names - 76.0;
    for (index, (y, series)) in super::rows(area).zip(all_series).enumerate() {
        let field = Field::new(panel, &series.name);
        let value = series.last();
        let color = field.color(Some(value), index);
        let bar = Area {
            x: area.x + names,
            y: y - 11.0,
            width: whole,
            height: 14.0,
        };
        canvas.rect(bar, canvas::GRID, 0.6);
        let part = ((value - low) / (high - low).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        let filled = Area {
            width: whole * part,
            ..bar
        };
        canvas.rect(filled, &color, 0.6);
        let name = canvas::truncate(&series.name, names - 8.0, 11.0);
        canvas.text(area.x, y, 11.0, canvas::TEXT, &name);
        canvas.text_end(
            area.x + area.width,
            y,
            12.0,
            &color,
            &field.text(Some(value)),
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Area, Canvas, Period, Series, stat};
    use observability::dashboards::{Panel, Unit};

    #[test]
    fn neighboring_stats_do_not_overlap() {
        let panel = Panel::stat("Requests").unit(Unit::RequestsPerSecond);
        let panel = panel.json(1, json!({}));
        let series = |name: &str| {
            let value = json!({ "metric": {}, "value": [0, "0.306"] });
            Series::parse(&value, name).unwrap_or_default()
        };
        let all_series = ["a", "b", "c"].map(series);
        let mut canvas = Canvas::new((90.0, 60.0), "", "");
        let area = Area {
            x: 0.0,
            y: 0.0,
            width: 90.0,
            height: 60.0,
        };
        let period = Period { from: 0.0, to: 1.0 };
        stat(&mut canvas, area, &panel, &all_series.each_ref(), period);
        let svg = canvas.svg();
        let words = svg.lines().filter(|line| line.contains(">0.306 req/s<"));
        let sizes = words.filter_map(|line| line.split("font-size=\"").nth(1)?.split_once('"'));
        let sizes: Vec<f64> = sizes.filter_map(|(size, _)| size.parse().ok()).collect();
        assert_eq!(sizes.len(), 3, "{svg}");
        for size in sizes {
            // A character is about 0.6 times as wide as the font size. The text has 11 characters, and a stat is 30 pixels wide.
            assert!(size * 0.6 * 11.0 < 30.0, "{svg}");
        }
    }

    #[test]
    fn stats_have_names_and_threshold_colors() {
        let panel = Panel::stat("Pool in use")
            .unit(Unit::Part)
            .red_from(0.9)
            .json(1, json!({}));
        let series = |name: &str, value: &str| {
            Series::parse(&json!({ "metric": {}, "value": [0, value] }), name).unwrap_or_default()
        };
        let (fast, starved) = (series("fast", "0.1"), series("starved", "1"));
        let mut canvas = Canvas::new((300.0, 100.0), "", "");
        let area = Area {
            x: 0.0,
            y: 0.0,
            width: 300.0,
            height: 100.0,
        };
        stat(
            &mut canvas,
            area,
            &panel,
            &[&fast, &starved],
            Period { from: 0.0, to: 1.0 },
        );
        let svg = canvas.svg();
        for text in [
            ">10%<",
            ">100%<",
            ">fast<",
            ">starved<",
            "#73BF69",
            "#F2495C",
        ] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
    }
}
