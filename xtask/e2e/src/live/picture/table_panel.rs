//! Table panels, with rows joined and columns ordered by transformations.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    canvas::{self, Area, Canvas},
    field::Field,
    series::Series,
};

/// Height of a row, in pixels.
const ROW: f64 = 24.0;
/// Height of the text, in pixels.
const SIZE: f64 = 11.0;

/// The columns and the cells of each row.
#[derive(Debug, PartialEq)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Label(String),
    Value(Option<f64>),
}

/// Draws the heading and the cells of each column, and how many rows do not fit.
pub(super) fn draw(canvas: &mut Canvas, area: Area, panel: &Value, answers: &[Vec<Series>]) {
    let table = Table::new(panel, answers);
    let width = area.width / table.columns.len().max(1) as f64;
    let fits = (area.height / ROW).floor().max(2.0) - 1.0;
    for (column, x) in table
        .columns
        .iter()
        .zip((0_u16..).map(|index| area.x + f64::from(index) * width))
    {
        let field = Field::new(panel, column);
        let right = field.get("custom.align") == "right";
        let write = |canvas: &mut Canvas, y: f64, color: &str, text: &str| {
            let text = canvas::truncate(text, width - 10.0, SIZE);
            if right {
                canvas.text_end(x + width - 5.0, y, SIZE, color, &text);
            } else {
                canvas.text(x + 5.0, y, SIZE, color, &text);
            }
        };
        write(canvas, area.y + 15.0, canvas::LINK, column);
        let index = table.columns.iter().position(|other| other == column);
        let rows = (1_u16..).map(f64::from).take_while(|row| *row <= fits);
        for (row, cells) in rows.zip(&table.rows) {
            let y = area.y + row * ROW;
            canvas.line(x, y, x + width, y, canvas::GRID);
            match index.and_then(|index| cells.get(index)) {
                Some(Cell::Value(value)) => {
                    let is_colored = field.get("custom.cellOptions")["type"] == "color-background";
                    if is_colored {
                        let cell = Area {
                            x,
                            y,
                            width,
                            height: ROW,
                        };
                        canvas.rect(cell, field.value_color(*value), 0.9);
                    }
                    let color = if is_colored {
                        canvas::WHITE
                    } else {
                        canvas::TEXT
                    };
                    write(canvas, y + 16.0, color, &field.text(*value));
                }
                Some(Cell::Label(label)) => write(canvas, y + 16.0, canvas::TEXT, label),
                None => {}
            }
        }
    }
    let below = table.rows.len() as f64 - fits;
    if below > 0.0 {
        let text = format!("{below:.0} more below");
        canvas.text_end(
            area.x + area.width - 5.0,
            area.y + area.height + 6.0,
            10.0,
            canvas::MUTED,
            &text,
        );
    }
}

/// The labels of a row, and the value of each query for these labels.
type Joined<'a> = (&'a BTreeMap<String, String>, Vec<Option<f64>>);

impl Table {
    fn new(panel: &Value, answers: &[Vec<Series>]) -> Self {
        let organize = &panel["transformations"][1]["options"];
        // Grafana adds the letter of the query if there are several.
        let value = |index: usize| match answers.len() {
            1 => "Value".to_owned(),
            _ => format!("Value #{}", ('A'..).nth(index).unwrap_or('?')),
        };
        let mut joined: Vec<Joined<'_>> = Vec::new();
        for (index, series) in answers.iter().enumerate() {
            for series in series {
                let place = joined
                    .iter()
                    .position(|(labels, _)| **labels == series.labels);
                let place = place.unwrap_or_else(|| {
                    joined.push((&series.labels, vec![None; answers.len()]));
                    joined.len() - 1
                });
                if let Some(cell) = joined
                    .get_mut(place)
                    .and_then(|(_, row)| row.get_mut(index))
                {
                    *cell = Some(series.last());
                }
            }
        }
        // Labels without a row and queries without a result have no column.
        let labels = answers
            .iter()
            .flatten()
            .flat_map(|series| series.labels.keys());
        let values = answers.iter().enumerate();
        let values = values
            .filter(|(_, series)| !series.is_empty())
            .map(|(index, _)| value(index));
        let mut names: Vec<String> = labels.cloned().chain(values).collect();
        let order = |name: &String| organize["indexByName"][name].as_u64().unwrap_or(u64::MAX);
        names.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.cmp(b)));
        names.dedup();
        names.retain(|name| organize["excludeByName"][name] != true);
        let mut rows: Vec<Vec<Cell>> = joined
            .iter()
            .map(|(labels, values)| {
                let cell = |name: &String| {
                    let found = (0..answers.len()).find(|index| value(*index) == *name);
                    match found {
                        Some(index) => Cell::Value(values.get(index).copied().flatten()),
                        None => Cell::Label(labels.get(name).cloned().unwrap_or_default()),
                    }
                };
                names.iter().map(cell).collect()
            })
            .collect();
        let renamed = |name: &String| {
            organize["renameByName"][name]
                .as_str()
                .unwrap_or(name)
                .to_owned()
        };
        let columns: Vec<String> = names.iter().map(renamed).collect();
        let sort = &panel["options"]["sortBy"][0];
        if let Some(by) = columns
            .iter()
            .position(|column| sort["displayName"] == **column)
        {
            rows.sort_by(|a, b| {
                let order = compare(a.get(by), b.get(by));
                if sort["desc"] == true {
                    order.reverse()
                } else {
                    order
                }
            });
        }
        Self { columns, rows }
    }
}

fn compare(a: Option<&Cell>, b: Option<&Cell>) -> std::cmp::Ordering {
    let number = |cell: Option<&Cell>| match cell {
        Some(Cell::Value(Some(value))) => *value,
        _ => f64::NEG_INFINITY,
    };
    match (a, b) {
        (Some(Cell::Label(a)), Some(Cell::Label(b))) => a.cmp(b),
        _ => number(a).total_cmp(&number(b)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Canvas, Cell, Series, Table, draw};
    use crate::live::picture::canvas::Area;
    use observability::dashboards::{Column, Panel, Unit};

    fn panel() -> Value {
        let panel = Panel::table("Statements")
            .by("statement", "Statement")
            .by("job", "Service")
            .column(Column::new("Busy", Unit::Seconds, "busy"))
            .column(Column::new("Objective", Unit::Part, "objective").red_below(1.0));
        panel.json(1, json!({}))
    }

    fn series(statement: &str, value: &str) -> Series {
        let metric = json!({ "statement": statement, "job": "orders" });
        Series::parse(&json!({ "metric": metric, "value": [0, value] }), "").unwrap_or_default()
    }

    fn answers() -> [Vec<Series>; 2] {
        [
            vec![series("a", "0.1"), series("b", "90"), series("c", "2")],
            vec![series("c", "1"), series("a", "0.995")],
        ]
    }

    #[test]
    fn rows_are_sorted_and_columns_named() {
        let table = Table::new(&panel(), &answers());
        assert_eq!(table.columns, ["Statement", "Service", "Busy", "Objective"]);
        let first: Vec<_> = table.rows.iter().filter_map(|row| row.first()).collect();
        let label = |text: &str| Cell::Label(text.to_owned());
        assert_eq!(first, [&label("b"), &label("c"), &label("a")]);
        let row = [
            label("b"),
            label("orders"),
            Cell::Value(Some(90.0)),
            Cell::Value(None),
        ];
        assert_eq!(table.rows.first().map(Vec::as_slice), Some(&row[..]));
    }

    #[test]
    fn cells_have_units_and_colors() {
        let mut canvas = Canvas::new((400.0, 200.0), "", "");
        let area = Area {
            x: 0.0,
            y: 0.0,
            width: 400.0,
            height: 200.0,
        };
        draw(&mut canvas, area, &panel(), &answers());
        let svg = canvas.svg();
        for text in [
            ">100%<",
            ">99.5%<",
            ">1.50 mins<",
            ">2 s<",
            ">100 ms<",
            ">no data<",
        ] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        // One value is green and one is red. The missing value has the color of the first threshold, red.
        assert_eq!(svg.matches("#73BF69").count(), 1, "{svg}");
        assert_eq!(svg.matches("#F2495C").count(), 2, "{svg}");
    }
}
