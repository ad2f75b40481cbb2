//! Draws dashboards as SVG from Prometheus' answers, for the book.
//!
//! Panels have the positions, queries, units, axes, legends, colors and texts that Grafana shows. Links, exemplars and
//! interactive parts are not drawn. Collapsed rows are drawn open.

mod axis;
mod canvas;
mod field;
mod latest;
mod lines;
mod number;
mod palette;
mod series;
mod supported;
mod table_panel;
mod timeline;

use anyhow::ensure;
use observability::dashboards::Dashboard;
use serde_json::Value;

use self::{
    canvas::{Area, Canvas},
    field::Field,
    series::Series,
};
use super::{interpolation, prometheus::Prometheus};

/// Width of one of the 24 columns of Grafana's grid, in pixels.
const COLUMN: f64 = 66.0;
/// Height of a row of Grafana's grid, in pixels.
const ROW: f64 = 30.0;
/// Height of the title, in pixels.
const HEAD: f64 = 56.0;

/// A time range in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period {
    pub(super) from: f64,
    pub(super) to: f64,
}

/// Draws all panels, including those of collapsed rows.
///
/// # Errors
///
/// If Prometheus does not answer, or a panel has an option that this module does not draw as Grafana does.
pub(super) fn draw(
    dashboard: &Dashboard,
    prometheus: &Prometheus,
    period: Period,
) -> anyhow::Result<String> {
    let json = dashboard.json();
    let panels = flatten(&json["panels"]);
    let bottom = panels.iter().map(|panel| {
        let position = &panel["gridPos"];
        number(&position["y"]) + number(&position["h"])
    });
    let height = HEAD + bottom.fold(0.0, f64::max) * ROW;
    let mut canvas = canvas::dark(
        24.0 * COLUMN,
        height,
        dashboard.title(),
        dashboard.question(),
    );
    canvas.text(16.0, 26.0, 20.0, canvas::TEXT, dashboard.title());
    canvas.text(16.0, 46.0, 13.0, canvas::MUTED, dashboard.question());
    let range = format!(
        "{} to {} UTC",
        axis::time(period.from, true),
        axis::time(period.to, true)
    );
    canvas.text_end(24.0 * COLUMN - 16.0, 26.0, 13.0, canvas::TEXT, &range);
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
            canvas.text(area.x + 10.0, area.y + 21.0, 15.0, canvas::TEXT, title);
            continue;
        }
        let unsupported = supported::unsupported(panel);
        ensure!(
            unsupported.is_empty(),
            "{}, panel {title:?}: found {}, which cannot be drawn; draw it in `picture`, and add it to `supported`",
            dashboard.title(),
            unsupported.join(", ")
        );
        let inside = canvas::panel(&mut canvas, area, title);
        let answers = query_targets(dashboard, prometheus, panel, period)?;
        draw_panel(&mut canvas, inside, panel, &answers, period);
    }
    Ok(canvas.svg())
}

/// All panels, each collapsed row followed by its own panels.
fn flatten(panels: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for panel in panels.as_array().into_iter().flatten() {
        all.push(panel.clone());
        all.extend(flatten(&panel["panels"]));
    }
    all
}

/// The series of each target of a panel.
fn query_targets(
    dashboard: &Dashboard,
    prometheus: &Prometheus,
    panel: &Value,
    period: Period,
) -> anyhow::Result<Vec<Vec<Series>>> {
    let seconds = std::time::Duration::from_secs_f64(period.to - period.from).as_secs();
    let targets = panel["targets"].as_array().into_iter().flatten();
    targets
        .map(|target| {
            let query = target["expr"].as_str().unwrap_or_default();
            let query = interpolation::interpolate(dashboard, query, seconds);
            let legend = target["legendFormat"].as_str().unwrap_or_default();
            let answer = if target["instant"] == true {
                prometheus.at(&query, period.to)?
            } else {
                prometheus.range(&query, period.from, period.to)?
            };
            Ok(answer
                .iter()
                .filter_map(|series| Series::parse(series, legend))
                .collect())
        })
        .collect()
}

/// Draws the content of a panel, or its text for missing values.
fn draw_panel(
    canvas: &mut Canvas,
    area: Area,
    panel: &Value,
    answers: &[Vec<Series>],
    period: Period,
) {
    let all: Vec<&Series> = answers.iter().flatten().collect();
    if all.is_empty() {
        let nothing = Field::new(panel, "").text(None);
        let (x, y) = (area.x + area.width / 2.0, area.y + area.height / 2.0);
        return canvas.text_middle(x, y, 14.0, canvas::MUTED, &nothing);
    }
    match panel["type"].as_str() {
        Some("stat") => latest::stat(canvas, area, panel, &all, period),
        Some("table") => table_panel::draw(canvas, area, panel, answers),
        Some("bargauge") => latest::bars(canvas, area, panel, &all),
        Some("state-timeline") => timeline::states(canvas, area, panel, &all, period),
        Some("heatmap") => timeline::heat(canvas, area, panel, &all, period),
        _ => lines::draw(canvas, area, panel, &all, period),
    }
}

/// The baselines of lines of text in `area`, 18 pixels apart.
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
