//! A dashboard as a picture, drawn from what Prometheus answers: for readers without a Grafana at hand.
//!
//! Panels stand where Grafana puts them, with the same queries, units and colours. Left out: legends' columns, links, and
//! everything that moves. It is SVG by hand, because lines, boxes and words are all that there is to it.

mod canvas;
mod number;
mod series;

use serde_json::Value;

use self::{
    canvas::{Area, Canvas, PALETTE},
    series::Series,
};
use super::{prometheus::Prometheus, question};
use crate::observability::dashboards::Dashboard;

/// Pixels of a column and of a row of Grafana's grid, which has 24 columns.
const COLUMN: f64 = 66.0;
const ROW: f64 = 30.0;
const HEAD: f64 = 56.0;

/// The time that is shown, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) from: f64,
    pub(super) to: f64,
}

/// Draws all panels, those of collapsed rows as well.
pub(super) fn draw(
    dashboard: &Dashboard,
    prometheus: &Prometheus,
    span: Span,
) -> anyhow::Result<String> {
    let json = dashboard.json();
    let panels = flat(&json["panels"]);
    let bottom = panels.iter().map(|panel| {
        let position = &panel["gridPos"];
        number(&position["y"]) + number(&position["h"])
    });
    let height = HEAD + bottom.fold(0.0, f64::max) * ROW;
    let mut canvas = Canvas::new(24.0 * COLUMN, height);
    canvas.words(16.0, 26.0, 20.0, canvas::TEXT, dashboard.title());
    canvas.words(16.0, 46.0, 13.0, canvas::QUIET, dashboard.question());
    for panel in &panels {
        let position = &panel["gridPos"];
        let area = Area {
            x: number(&position["x"]) * COLUMN,
            y: HEAD + number(&position["y"]) * ROW,
            width: number(&position["w"]) * COLUMN,
            height: number(&position["h"]) * ROW,
        };
        let title = panel["title"].as_str().unwrap_or_default();
        if panel["type"] == "row" {
            canvas.words(area.x + 10.0, area.y + 21.0, 15.0, canvas::TEXT, title);
            continue;
        }
        let inside = canvas.panel(area, title);
        let shown = shown(dashboard, prometheus, panel, span)?;
        paint(&mut canvas, inside, panel, &shown, span);
    }
    Ok(canvas.svg())
}

/// All panels, rows first; below a collapsed row are its own.
fn flat(panels: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for panel in panels.as_array().into_iter().flatten() {
        all.push(panel.clone());
        all.extend(flat(&panel["panels"]));
    }
    all
}

fn shown(
    dashboard: &Dashboard,
    prometheus: &Prometheus,
    panel: &Value,
    span: Span,
) -> anyhow::Result<Vec<Vec<Series>>> {
    let seconds = std::time::Duration::from_secs_f64(span.to - span.from).as_secs();
    let targets = panel["targets"].as_array().into_iter().flatten();
    targets
        .map(|target| {
            let query = target["expr"].as_str().unwrap_or_default();
            let query = question::ask(dashboard, query, seconds);
            let legend = target["legendFormat"].as_str().unwrap_or_default();
            let answer = prometheus.range(&query, span.from, span.to)?;
            Ok(answer
                .iter()
                .filter_map(|series| Series::of(series, legend))
                .collect())
        })
        .collect()
}

fn paint(canvas: &mut Canvas, area: Area, panel: &Value, shown: &[Vec<Series>], span: Span) {
    let unit = unit(panel);
    let all: Vec<&Series> = shown.iter().flatten().collect();
    if all.is_empty() {
        let nothing = &panel["fieldConfig"]["defaults"]["noValue"];
        let nothing = nothing.as_str().unwrap_or("no data");
        return canvas.words(area.x, area.y + 16.0, 12.0, canvas::QUIET, nothing);
    }
    match panel["type"].as_str() {
        Some("stat") => stat(canvas, area, panel, &all, unit),
        Some("table") => table(canvas, area, shown),
        Some("bargauge") => bars(canvas, area, &all, unit),
        Some("state-timeline") => states(canvas, area, &all, span),
        Some("heatmap") => heat(canvas, area, &all, span),
        _ => lines(canvas, area, panel, &all, span),
    }
}

fn stat(canvas: &mut Canvas, area: Area, panel: &Value, all: &[&Series], unit: &str) {
    let value = all.first().map_or(0.0, |series| series.last());
    let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array();
    let steps = steps.into_iter().flatten();
    let mut passed = steps.filter(|step| step["value"].as_f64().is_none_or(|from| value >= from));
    let colour = passed.next_back().and_then(|step| step["color"].as_str());
    let colour = canvas::named(colour.unwrap_or("green"));
    let words = number::shown(value, unit);
    canvas.words(area.x, area.y + area.height * 0.6, 30.0, colour, &words);
}

fn lines(canvas: &mut Canvas, area: Area, panel: &Value, all: &[&Series], span: Span) {
    let unit = unit(panel);
    // The largest, where there are too many to tell apart.
    let mut all = all.to_vec();
    all.sort_by(|a, b| b.largest().total_cmp(&a.largest()));
    all.truncate(PALETTE.len());
    let legend = 16.0 * (1.0 + ((all.len() - 1) / 2) as f64).min(4.0);
    let plot = Area {
        x: area.x + 56.0,
        width: area.width - 56.0,
        height: area.height - legend - 8.0,
        ..area
    };
    let top = all.iter().map(|series| series.largest());
    let top = top.fold(f64::MIN_POSITIVE, f64::max) * 1.1;
    for part in [0.0, 0.5, 1.0] {
        let y = plot.y + plot.height * (1.0 - part);
        canvas.line(plot.x, y, plot.x + plot.width, y, canvas::GRID);
        let words = number::shown(top * part, unit);
        canvas.words(area.x, y + 4.0, 10.0, canvas::QUIET, &words);
    }
    for ((index, series), colour) in (0_u8..).zip(&all).zip(PALETTE) {
        let points = series.values.iter().map(|(at, value)| {
            let x = plot.x + plot.width * (at - span.from) / (span.to - span.from);
            (x, plot.y + plot.height * (1.0 - value.max(0.0) / top))
        });
        let colour = fixed(panel, &series.name).unwrap_or(colour);
        canvas.path(points, colour);
        let (column, row) = (f64::from(index % 2), f64::from(index / 2));
        if row < 4.0 {
            let x = area.x + column * area.width / 2.0;
            let y = area.y + area.height - legend + 12.0 + row * 16.0;
            canvas.bar(
                Area {
                    x,
                    y: y - 7.0,
                    width: 10.0,
                    height: 4.0,
                },
                colour,
                1.0,
            );
            let name = canvas::cut(&series.name, area.width / 2.0 - 20.0, 11.0);
            canvas.words(x + 15.0, y, 11.0, canvas::TEXT, &name);
        }
    }
}

fn bars(canvas: &mut Canvas, area: Area, all: &[&Series], unit: &str) {
    let top = all.iter().map(|series| series.last());
    let top = top.fold(f64::MIN_POSITIVE, f64::max);
    for (y, series) in rows(area).zip(all) {
        let width = (area.width - 80.0) * (series.last().max(0.0) / top);
        let bar = Area {
            y: y - 11.0,
            width,
            height: 14.0,
            ..area
        };
        canvas.bar(bar, PALETTE[0], 0.4);
        canvas.words(area.x + 4.0, y, 11.0, canvas::TEXT, &series.name);
        let words = number::shown(series.last(), unit);
        canvas.words(area.x + area.width - 70.0, y, 11.0, canvas::TEXT, &words);
    }
}

/// One row for each combination of labels, one column for each query.
fn table(canvas: &mut Canvas, area: Area, shown: &[Vec<Series>]) {
    let Some(first) = shown.iter().find(|column| !column.is_empty()) else {
        return;
    };
    let named = area.width * 0.4;
    let step = (area.width - named) / shown.len().max(1) as f64;
    let of = |index: usize| area.x + named + step * index as f64;
    for (index, column) in shown.iter().enumerate() {
        let heading = column.first().map_or("", |series| &series.legend);
        let heading = canvas::cut(heading, step, 11.0);
        canvas.words(of(index), area.y + 12.0, 11.0, canvas::QUIET, &heading);
    }
    for (y, row) in rows(area).skip(1).zip(first) {
        let name = canvas::cut(&row.labelled(), named - 8.0, 11.0);
        canvas.words(area.x, y, 11.0, canvas::TEXT, &name);
        for (index, column) in shown.iter().enumerate() {
            let found = column.iter().find(|series| series.labels == row.labels);
            let words = found.map_or("–".to_owned(), |series| number::shown(series.last(), ""));
            canvas.words(of(index), y, 11.0, canvas::TEXT, &words);
        }
    }
}

fn states(canvas: &mut Canvas, area: Area, all: &[&Series], span: Span) {
    let second = (area.width - 140.0) / (span.to - span.from);
    for (y, series) in rows(area).zip(all) {
        let name = canvas::cut(&series.name, 130.0, 11.0);
        canvas.words(area.x, y, 11.0, canvas::TEXT, &name);
        for (at, value) in &series.values {
            let x = area.x + 140.0 + (at - span.from) * second;
            let colour = if *value > 0.0 {
                PALETTE[0]
            } else {
                canvas::GRID
            };
            let bar = Area {
                x,
                y: y - 11.0,
                width: second.max(1.0),
                height: 14.0,
            };
            canvas.bar(bar, colour, 0.9);
        }
    }
}

/// Buckets from below: what each holds more than the one before, as a shade.
fn heat(canvas: &mut Canvas, area: Area, all: &[&Series], span: Span) {
    let mut buckets: Vec<_> = all.to_vec();
    buckets.sort_by(|a, b| a.bound().total_cmp(&b.bound()));
    let height = area.height / buckets.len() as f64;
    let second = (area.width - 56.0) / (span.to - span.from);
    let none = Vec::new();
    for (index, bucket) in buckets.iter().enumerate() {
        let below = index.checked_sub(1).and_then(|below| buckets.get(below));
        let below = below.map_or(&none, |below| &below.values);
        let y = area.y + area.height - height * (index as f64 + 1.0);
        if index.is_multiple_of(3) {
            let bound = number::shown(bucket.bound(), "s");
            canvas.words(area.x, y + height, 10.0, canvas::QUIET, &bound);
        }
        for (at, value) in &bucket.values {
            let less = below.iter().find(|(when, _)| when == at);
            let held = value - less.map_or(0.0, |(_, value)| *value);
            let whole = buckets.last().and_then(|all| all.at(*at)).unwrap_or(1.0);
            let part = (held / whole.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
            if part > 0.005 {
                let x = area.x + 56.0 + (at - span.from) * second;
                let cell = Area {
                    x,
                    y,
                    width: second.max(1.0),
                    height,
                };
                canvas.bar(cell, PALETTE[1], part.sqrt());
            }
        }
    }
}

/// Where lines of text stand.
fn rows(area: Area) -> impl Iterator<Item = f64> {
    let fits = (area.height / 18.0).floor();
    (0_u16..)
        .map(f64::from)
        .take_while(move |row| *row < fits)
        .map(move |row| area.y + 13.0 + row * 18.0)
}

fn unit(panel: &Value) -> &str {
    let unit = panel["fieldConfig"]["defaults"]["unit"].as_str();
    unit.unwrap_or_default()
}

/// The colour that a series of this name always has.
fn fixed(panel: &Value, name: &str) -> Option<&'static str> {
    let overrides = panel["fieldConfig"]["overrides"].as_array()?;
    let own = overrides.iter().find(|one| {
        let options = one["matcher"]["options"].as_str().unwrap_or_default();
        // Of a pattern, which is the end of a name.
        let end = options
            .strip_prefix('/')
            .and_then(|end| end.strip_suffix("$/"));
        end.map_or(options == name, |end| name.ends_with(end))
    })?;
    let properties = own["properties"].as_array()?;
    let colour = properties.iter().find(|one| one["id"] == "color")?;
    Some(canvas::named(colour["value"]["fixedColor"].as_str()?))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}
