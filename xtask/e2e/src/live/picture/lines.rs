//! Panels of lines or stacked areas over time.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    Period, axis,
    canvas::{self, Area, Canvas},
    field::Field,
    series::Series,
};

/// Width of the labels beside the value axis, in pixels.
const LEFT: f64 = 62.0;
/// Height of the labels below the time axis, in pixels.
const BELOW: f64 = 18.0;
/// Height of a row of the legend, in pixels.
const ROW: f64 = 15.0;
/// Maximum number of rows in the legend, which scrolls in Grafana.
const ROWS: usize = 5;

/// The segments of a line between missing values.
///
/// A point is a time, the base on which the value is stacked, and the sum of base and value.
type Segments = Vec<Vec<(f64, f64, f64)>>;

/// Draws a panel: the plot with both axes, and the legend below it.
pub(super) fn draw(
    canvas: &mut Canvas,
    area: Area,
    panel: &Value,
    all_series: &[&Series],
    period: Period,
) {
    let custom = &panel["fieldConfig"]["defaults"]["custom"];
    let is_stacked = custom["stacking"]["mode"] == "normal";
    let lines = segments(all_series, is_stacked);
    let legend = ROW * (1.0 + all_series.len().min(ROWS) as f64) + 6.0;
    let plot = Area {
        x: area.x + LEFT,
        width: area.width - LEFT,
        height: area.height - legend - BELOW,
        ..area
    };
    let (low, high) = self::range(panel, &lines);
    frame(canvas, plot, panel, (low, high), period);
    let x = |at: f64| plot.x + plot.width * (at - period.from) / (period.to - period.from);
    let y = |value: f64| plot.y + plot.height * (high - value) / (high - low);
    canvas.clip(plot);
    let opacity = custom["fillOpacity"].as_f64().unwrap_or_default() / 100.0;
    let width = custom["lineWidth"].as_f64().unwrap_or(1.0);
    for (index, (series, segments)) in all_series.iter().zip(&lines).enumerate() {
        let color = Field::new(panel, &series.name).color(Some(series.last()), index);
        for segment in segments {
            let top = segment.iter().map(|(at, _, value)| (x(*at), y(*value)));
            let bottom = segment.iter().rev().map(|(at, base, _)| (x(*at), y(*base)));
            canvas.polygon(top.clone().chain(bottom), &color, opacity);
            canvas.polyline(top, &color, width);
        }
    }
    if custom["thresholdsStyle"]["mode"] == "dashed" {
        let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array();
        for step in steps.into_iter().flatten() {
            if let Some(value) = step["value"].as_f64() {
                let color = super::palette::named(step["color"].as_str().unwrap_or_default());
                canvas.dashed_line(plot.x, plot.x + plot.width, y(value), color);
            }
        }
    }
    canvas.end_clip();
    let below = Area {
        y: area.y + area.height - legend + 6.0,
        height: legend,
        ..area
    };
    self::legend(canvas, below, panel, all_series);
}

/// The range of the value axis, from the data and the panel's limits.
fn range(panel: &Value, lines: &[Segments]) -> (f64, f64) {
    let values = lines.iter().flatten().flatten().map(|(_, _, value)| *value);
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    let defaults = &panel["fieldConfig"]["defaults"];
    axis::range(
        low,
        high,
        defaults["min"].as_f64(),
        defaults["max"].as_f64(),
    )
}

/// Draws both axes with their grid lines.
fn frame(canvas: &mut Canvas, plot: Area, panel: &Value, (low, high): (f64, f64), period: Period) {
    let unit = Field::new(panel, "").unit();
    let (step, values) = axis::ticks(low, high, plot.height, unit);
    for value in values {
        let y = plot.y + plot.height * (high - value) / (high - low);
        canvas.line(plot.x, y, plot.x + plot.width, y, canvas::GRID);
        let words = super::number::format_on_axis(value, step, unit);
        canvas.text_end(plot.x - 6.0, y + 3.5, 10.0, canvas::MUTED, &words);
    }
    time_axis(canvas, plot, period, true);
}

/// Draws the time axis below a plot.
pub(super) fn time_axis(canvas: &mut Canvas, plot: Area, period: Period, has_grid: bool) {
    let bottom = plot.y + plot.height;
    for (at, words) in axis::time_ticks(period, plot.width) {
        let x = plot.x + plot.width * (at - period.from) / (period.to - period.from);
        if has_grid {
            canvas.line(x, plot.y, x, bottom, canvas::GRID);
        }
        canvas.text_middle(x, bottom + 13.0, 10.0, canvas::MUTED, &words);
    }
}

/// Splits series at missing values, and stacks them on each other if `is_stacked`.
fn segments(all_series: &[&Series], is_stacked: bool) -> Vec<Segments> {
    let mut sums: HashMap<u64, f64> = HashMap::new();
    let split = |series: &&Series| {
        let mut segments: Segments = Vec::new();
        let mut before = f64::NEG_INFINITY;
        for (at, value) in &series.values {
            let sum = sums.entry(at.to_bits()).or_default();
            let base = if is_stacked { *sum } else { 0.0 };
            *sum += value;
            let point = (*at, base, base + value);
            match segments.last_mut() {
                // The values are one second apart.
                Some(segment) if at - before < 1.5 => segment.push(point),
                _ => segments.push(vec![point]),
            }
            before = *at;
        }
        segments
    };
    all_series.iter().map(split).collect()
}

/// Draws the legend with the series that have the largest values, a row for each.
fn legend(canvas: &mut Canvas, area: Area, panel: &Value, all_series: &[&Series]) {
    let mut sorted: Vec<_> = all_series.iter().enumerate().collect();
    sorted.sort_by(|(_, a), (_, b)| b.largest().total_cmp(&a.largest()));
    let step = (area.width * 0.17).min(84.0);
    let right = |column: f64| area.x + area.width - step * (2.0 - column) - 4.0;
    let names = area.width - step * 3.0 - 24.0;
    canvas.text(area.x + 16.0, area.y + 9.0, 10.0, canvas::LINK, "Name");
    for (column, heading) in [(0.0, "Last *"), (1.0, "Max"), (2.0, "Mean")] {
        canvas.text_end(right(column), area.y + 9.0, 10.0, canvas::LINK, heading);
    }
    if let Some(more) = all_series.len().checked_sub(ROWS).filter(|more| *more > 0) {
        let text = format!("{more} more below");
        canvas.text_middle(
            area.x + area.width * 0.4,
            area.y + 9.0,
            10.0,
            canvas::MUTED,
            &text,
        );
    }
    for (row, (index, series)) in (1_u8..).zip(sorted).take(ROWS) {
        let y = area.y + 9.0 + f64::from(row) * ROW;
        let field = Field::new(panel, &series.name);
        let mark = Area {
            x: area.x,
            y: y - 6.0,
            width: 10.0,
            height: 4.0,
        };
        canvas.rect(mark, &field.color(Some(series.last()), index), 1.0);
        let name = canvas::truncate(&series.name, names, 10.0);
        canvas.text(area.x + 16.0, y, 10.0, canvas::TEXT, &name);
        let calcs = [
            (0.0, series.last()),
            (1.0, series.largest()),
            (2.0, series.mean()),
        ];
        for (column, value) in calcs {
            let text = field.text(Some(value));
            canvas.text_end(right(column), y, 10.0, canvas::TEXT, &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Area, Canvas, Period, Series, draw, segments};
    use observability::dashboards::{Panel, Target, Unit};

    /// Two minutes from 08:00:00 UTC.
    const PERIOD: Period = Period {
        from: 1_800_000_000.0,
        to: 1_800_000_120.0,
    };

    fn series(name: &str, values: &[(f64, f64)]) -> Series {
        let values: Vec<_> = values
            .iter()
            .map(|(at, value)| json!([PERIOD.from + at, value.to_string()]))
            .collect();
        Series::parse(&json!({ "metric": {}, "values": values }), name).unwrap_or_default()
    }

    fn svg(panel: &Panel, all_series: &[&Series]) -> String {
        let mut canvas = Canvas::new((600.0, 300.0), "", "");
        let area = Area {
            x: 0.0,
            y: 0.0,
            width: 600.0,
            height: 240.0,
        };
        draw(
            &mut canvas,
            area,
            &panel.json(1, json!({})),
            all_series,
            PERIOD,
        );
        canvas.svg()
    }

    #[test]
    fn time_axis_has_labels() {
        let svg = svg(
            &Panel::timeseries("Requests"),
            &[&series("a", &[(0.0, 1.0), (1.0, 2.0)])],
        );
        for text in [">08:00:30<", ">08:01:00<", ">08:01:30<"] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
    }

    #[test]
    fn negative_values_are_in_range() {
        let panel = Panel::timeseries("Budget left").unit(Unit::Part).signed();
        let budget = series("availability", &[(0.0, 1.0), (60.0, -91.61)]);
        let svg = svg(&panel, &[&budget]);
        for text in [">-10000%<", ">0%<", ">-9161%<", ">100%<"] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
    }

    #[test]
    fn legend_is_sorted_by_largest_value() {
        let panel = Panel::timeseries("Duration").unit(Unit::Seconds);
        let (low, high) = (
            series("low", &[(0.0, 0.11)]),
            series("high", &[(0.0, 3.3), (1.0, 1.1)]),
        );
        let svg = svg(&panel, &[&low, &high]);
        let at = |text: &str| svg.find(text);
        assert!(
            at(">high<").is_some() && at(">high<") < at(">low<"),
            "{svg}"
        );
        assert!(
            at(">1.10 s<").is_some()
                && at(">1.10 s<") < at(">3.30 s<")
                && at(">3.30 s<") < at(">2.20 s<"),
            "Last, Max, Mean: {svg}"
        );
    }

    #[test]
    fn gaps_split_lines_and_stacks_add_up() {
        let (a, b) = (
            series("a", &[(0.0, 1.0), (1.0, 1.0), (5.0, 1.0)]),
            series("b", &[(0.0, 2.0), (1.0, 4.0)]),
        );
        let lines = segments(&[&a, &b], true);
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        let from = PERIOD.from;
        assert_eq!(lines[1][0], [(from, 1.0, 3.0), (from + 1.0, 1.0, 5.0)]);
    }

    #[test]
    fn thresholds_are_dashed_lines() {
        let panel = Panel::timeseries("Pool")
            .red_from(0.9)
            .shows(Target::new("a", "a"));
        let svg = svg(&panel, &[&series("a", &[(0.0, 1.0)])]);
        assert_eq!(svg.matches("stroke-dasharray").count(), 1, "{svg}");
    }
}
