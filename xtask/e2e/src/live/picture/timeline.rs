//! Panels with rows over time: state timelines and heatmaps.

use serde_json::Value;

use super::{
    Period,
    canvas::{self, Area, Canvas},
    field::Field,
    lines, number, palette,
    series::Series,
};

/// Draws a row of colored intervals for each series, with a legend.
pub(super) fn states(
    canvas: &mut Canvas,
    area: Area,
    panel: &Value,
    all_series: &[&Series],
    period: Period,
) {
    let plot = Area {
        x: area.x + 140.0,
        width: area.width - 140.0,
        height: area.height - 36.0,
        ..area
    };
    let second = plot.width / (period.to - period.from);
    let height = plot.height / all_series.len().max(1) as f64;
    let mut seen: Vec<f64> = Vec::new();
    for (row, series) in (0_u16..).zip(all_series) {
        let y = plot.y + f64::from(row) * height;
        let name = canvas::truncate(&series.name, 130.0, 11.0);
        canvas.text_end(
            plot.x - 8.0,
            y + height / 2.0 + 4.0,
            11.0,
            canvas::TEXT,
            &name,
        );
        let field = Field::new(panel, &series.name);
        for (from, to, value) in intervals(&series.values) {
            if !seen.contains(&value) {
                seen.push(value);
            }
            let bar = Area {
                x: plot.x + (from - period.from) * second,
                y: y + height * 0.1,
                width: ((to - from) * second).max(1.0),
                height: height * 0.8,
            };
            canvas.rect(bar, field.value_color(Some(value)), 0.8);
        }
    }
    lines::time_axis(canvas, plot, period, false);
    seen.sort_by(f64::total_cmp);
    let field = Field::new(panel, "");
    for (x, value) in (0_u16..)
        .map(|index| area.x + f64::from(index) * 80.0)
        .zip(seen)
    {
        let y = area.y + area.height - 4.0;
        let mark = Area {
            x,
            y: y - 6.0,
            width: 10.0,
            height: 4.0,
        };
        canvas.rect(mark, field.value_color(Some(value)), 1.0);
        canvas.text(x + 15.0, y, 11.0, canvas::TEXT, &field.text(Some(value)));
    }
}

/// The intervals of equal values, which end where a value is missing.
///
/// Each value lasts for a second, the step of the query.
fn intervals(values: &[(f64, f64)]) -> Vec<(f64, f64, f64)> {
    let mut intervals: Vec<(f64, f64, f64)> = Vec::new();
    for (at, value) in values {
        match intervals.last_mut() {
            Some((_, to, same)) if same == value && at - *to < 0.5 => *to = at + 1.0,
            _ => intervals.push((*at, at + 1.0, *value)),
        }
    }
    intervals
}

/// Draws a heatmap from cumulative buckets, relative to the fullest cell.
pub(super) fn heat(
    canvas: &mut Canvas,
    area: Area,
    panel: &Value,
    all_series: &[&Series],
    period: Period,
) {
    let mut buckets: Vec<_> = all_series.to_vec();
    buckets.sort_by(|a, b| a.bound().total_cmp(&b.bound()));
    let plot = Area {
        x: area.x + 62.0,
        width: area.width - 62.0,
        height: area.height - 40.0,
        ..area
    };
    let unit = panel["options"]["yAxis"]["unit"]
        .as_str()
        .unwrap_or_default();
    let height = plot.height / buckets.len().max(1) as f64;
    let second = plot.width / (period.to - period.from);
    let mut cells = Vec::new();
    let mut below: Option<&Series> = None;
    for (row, bucket) in (1_u16..).zip(buckets) {
        let y = plot.y + plot.height - height * f64::from(row);
        // Only as many labels are drawn as fit.
        let every = (12.0 / height).ceil().max(1.0);
        if f64::from(row) % every < 0.5 {
            let bound = number::format(bucket.bound(), unit);
            canvas.text_end(
                plot.x - 6.0,
                y + height / 2.0 + 3.5,
                10.0,
                canvas::MUTED,
                &bound,
            );
        }
        for (at, value) in &bucket.values {
            let count = value - below.and_then(|below| below.at(*at)).unwrap_or_default();
            if count > 1e-9 {
                cells.push((plot.x + (at - period.from) * second, y, count));
            }
        }
        below = Some(bucket);
    }
    let count = cells.iter().map(|(_, _, count)| *count);
    let lowest = count.clone().fold(f64::INFINITY, f64::min);
    let highest = count.fold(f64::MIN_POSITIVE, f64::max);
    for (x, y, count) in cells {
        let cell = Area {
            x,
            y: y + 0.5,
            width: second.max(1.0),
            height: (height - 1.0).max(1.0),
        };
        canvas.rect(cell, &palette::turbo((count / highest).sqrt()), 1.0);
    }
    lines::time_axis(canvas, plot, period, false);
    scale(canvas, area, lowest.min(highest), highest);
}

/// Draws the scale of the colors.
fn scale(canvas: &mut Canvas, area: Area, lowest: f64, highest: f64) {
    let y = area.y + area.height - 12.0;
    let step = 8.0;
    for part in (0_u8..16).map(f64::from) {
        let part_area = Area {
            x: area.x + 62.0 + part * step,
            y,
            width: step,
            height: 8.0,
        };
        canvas.rect(part_area, &palette::turbo(part / 15.0), 1.0);
    }
    let before = number::format(lowest, "short");
    canvas.text_end(area.x + 56.0, y + 8.0, 10.0, canvas::MUTED, &before);
    canvas.text(
        area.x + 68.0 + 16.0 * step,
        y + 8.0,
        10.0,
        canvas::MUTED,
        &number::format(highest, "short"),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Area, Canvas, Period, Series, intervals, states};
    use observability::dashboards::{Color, Panel};

    #[test]
    fn states_have_texts_and_colors() {
        let panel = Panel::state_timeline("Runs")
            .word(0.0, "rests", Color::Blue)
            .word(1.0, "runs", Color::Green)
            .json(1, json!({}));
        let values = json!([[0, "0"], [1, "1"], [2, "1"]]);
        let series = Series::parse(&json!({ "metric": {}, "values": values }), "nightly")
            .unwrap_or_default();
        let mut canvas = Canvas::new((400.0, 200.0), "", "");
        let area = Area {
            x: 0.0,
            y: 0.0,
            width: 400.0,
            height: 200.0,
        };
        states(
            &mut canvas,
            area,
            &panel,
            &[&series],
            Period {
                from: 0.0,
                to: 10.0,
            },
        );
        let svg = canvas.svg();
        for text in [">rests<", ">runs<", ">nightly<", ">00:00:05<"] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        assert_eq!(
            svg.matches("#5794F2").count(),
            2,
            "the interval of this state, and its mark in the legend: {svg}"
        );
    }

    #[test]
    fn states_end_where_values_are_missing() {
        let values = [(0.0, 1.0), (1.0, 1.0), (5.0, 1.0), (6.0, 0.0)];
        assert_eq!(
            intervals(&values),
            [(0.0, 2.0, 1.0), (5.0, 6.0, 1.0), (6.0, 7.0, 0.0)]
        );
    }
}
