//! A dashboard as a picture, drawn from what Prometheus answers: for readers without a Grafana at hand.
//!
//! Panels stand where Grafana puts them and show what it would show: the same queries, units, axes, legends, colours, order
//! and words. Left out: links, dots of exemplars, and everything that moves. Rows that are closed at first are drawn open.
//! It is SVG by hand, because lines, boxes and words are all that there is to it.

mod axis;
mod canvas;
mod colour;
mod field;
mod known;
mod lines;
mod number;
mod rows_over_time;
mod series;
mod single;
mod table;

use anyhow::ensure;
use observability::dashboards::Dashboard;
use serde_json::Value;

use self::{
    canvas::{Area, Canvas},
    field::Field,
    series::Series,
};
use super::{prometheus::Prometheus, question};

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
///
/// # Errors
///
/// Prometheus does not answer, or a panel has an option that would be shown otherwise than by Grafana.
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
    let range = format!(
        "{} to {} UTC",
        axis::time(span.from, true),
        axis::time(span.to, true)
    );
    canvas.words_before(24.0 * COLUMN - 16.0, 26.0, 13.0, canvas::TEXT, &range);
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
        let unknown = known::unknown(panel);
        ensure!(
            unknown.is_empty(),
            "{}, panel {title:?}: found {}, which the pictures cannot show; draw it in `picture`, and add it to `known`",
            dashboard.title(),
            unknown.join(", ")
        );
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
            let answer = if target["instant"] == true {
                prometheus.at(&query, span.to)?
            } else {
                prometheus.range(&query, span.from, span.to)?
            };
            Ok(answer
                .iter()
                .filter_map(|series| Series::of(series, legend))
                .collect())
        })
        .collect()
}

fn paint(canvas: &mut Canvas, area: Area, panel: &Value, shown: &[Vec<Series>], span: Span) {
    let all: Vec<&Series> = shown.iter().flatten().collect();
    if all.is_empty() {
        let nothing = Field::of(panel, "").text(None);
        let (x, y) = (area.x + area.width / 2.0, area.y + area.height / 2.0);
        return canvas.words_around(x, y, 14.0, canvas::QUIET, &nothing);
    }
    match panel["type"].as_str() {
        Some("stat") => single::stat(canvas, area, panel, &all, span),
        Some("table") => table::draw(canvas, area, panel, shown),
        Some("bargauge") => single::bars(canvas, area, panel, &all),
        Some("state-timeline") => rows_over_time::states(canvas, area, panel, &all, span),
        Some("heatmap") => rows_over_time::heat(canvas, area, panel, &all, span),
        _ => lines::draw(canvas, area, panel, &all, span),
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

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}
