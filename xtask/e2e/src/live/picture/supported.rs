//! The options of panels that the pictures support.
//!
//! A picture draws these options as Grafana does, or they have no effect on a static picture. With any other option, the
//! picture would differ from Grafana.

use serde_json::Value;

use super::{number, palette};

/// The supported values of an option that may have any value.
const ANY: &[&str] = &[];

/// Paths of options and their supported values; a final `*` matches any suffix.
const SUPPORTED: &[(&str, &[&str])] = &[
    (
        "fieldConfig.defaults.color.mode",
        &["palette-classic-by-name", "thresholds"],
    ),
    ("fieldConfig.defaults.custom.align", &["auto"]),
    ("fieldConfig.defaults.custom.axisPlacement", &["auto"]),
    ("fieldConfig.defaults.custom.cellOptions.type", &["auto"]),
    ("fieldConfig.defaults.custom.drawStyle", &["line"]),
    ("fieldConfig.defaults.custom.fillOpacity", ANY),
    ("fieldConfig.defaults.custom.filterable", ANY),
    ("fieldConfig.defaults.custom.hideFrom.*", &["false"]),
    ("fieldConfig.defaults.custom.inspect", ANY),
    ("fieldConfig.defaults.custom.lineInterpolation", &["linear"]),
    ("fieldConfig.defaults.custom.lineWidth", ANY),
    (
        "fieldConfig.defaults.custom.scaleDistribution.type",
        &["linear"],
    ),
    ("fieldConfig.defaults.custom.showPoints", &["never"]),
    ("fieldConfig.defaults.custom.spanNulls", &["false"]),
    ("fieldConfig.defaults.custom.stacking.group", &["A"]),
    (
        "fieldConfig.defaults.custom.stacking.mode",
        &["none", "normal"],
    ),
    (
        "fieldConfig.defaults.custom.thresholdsStyle.mode",
        &["off", "dashed"],
    ),
    ("fieldConfig.defaults.links.*", ANY),
    ("fieldConfig.defaults.mappings.options.*", ANY),
    ("fieldConfig.defaults.mappings.type", &["value"]),
    ("fieldConfig.defaults.max", ANY),
    ("fieldConfig.defaults.min", ANY),
    ("fieldConfig.defaults.noValue", ANY),
    ("fieldConfig.defaults.thresholds.mode", &["absolute"]),
    (
        "fieldConfig.defaults.thresholds.steps.color",
        &palette::NAMES,
    ),
    ("fieldConfig.defaults.thresholds.steps.value", ANY),
    ("fieldConfig.defaults.unit", &number::UNITS),
    ("fieldConfig.overrides.matcher.id", &["byName", "byRegexp"]),
    ("fieldConfig.overrides.matcher.options", ANY),
    (
        "fieldConfig.overrides.properties.id",
        &[
            "unit",
            "color",
            "thresholds",
            "custom.align",
            "custom.cellOptions",
        ],
    ),
    ("fieldConfig.overrides.properties.value", ANY),
    (
        "fieldConfig.overrides.properties.value.fixedColor",
        &palette::NAMES,
    ),
    (
        "fieldConfig.overrides.properties.value.mode",
        &["fixed", "shades", "basic", "absolute"],
    ),
    (
        "fieldConfig.overrides.properties.value.steps.color",
        &palette::NAMES,
    ),
    ("fieldConfig.overrides.properties.value.steps.value", ANY),
    (
        "fieldConfig.overrides.properties.value.type",
        &["color-background"],
    ),
    ("options.alignValue", ANY),
    ("options.calculate", &["false"]),
    ("options.cellGap", ANY),
    ("options.cellHeight", ANY),
    ("options.color.exponent", &["0.5"]),
    ("options.color.fill", ANY),
    ("options.color.mode", &["scheme"]),
    ("options.color.reverse", &["false"]),
    ("options.color.scale", &["exponential"]),
    ("options.color.scheme", &["Turbo"]),
    ("options.color.steps", ANY),
    ("options.colorMode", &["none", "background"]),
    ("options.displayMode", &["basic"]),
    ("options.exemplars.*", ANY),
    ("options.filterValues.le", ANY),
    ("options.frameIndex", &["0"]),
    ("options.graphMode", &["area"]),
    ("options.justifyMode", &["auto"]),
    ("options.legend.calcs", &["lastNotNull", "max", "mean"]),
    ("options.legend.displayMode", &["table", "list"]),
    ("options.legend.placement", &["bottom"]),
    ("options.legend.show", ANY),
    ("options.legend.showLegend", ANY),
    ("options.legend.sortBy", &["Max"]),
    ("options.legend.sortDesc", &["true"]),
    ("options.maxVizHeight", ANY),
    ("options.mergeValues", &["true"]),
    ("options.minVizHeight", ANY),
    ("options.minVizWidth", ANY),
    ("options.namePlacement", &["auto"]),
    ("options.orientation", &["auto", "horizontal"]),
    ("options.percentChangeColorMode", ANY),
    ("options.reduceOptions.calcs", &["lastNotNull"]),
    ("options.reduceOptions.fields", &[""]),
    ("options.reduceOptions.values", &["false"]),
    ("options.rowHeight", ANY),
    ("options.rowsFrame.layout", &["auto"]),
    ("options.showHeader", &["true"]),
    ("options.showPercentChange", &["false"]),
    ("options.showUnfilled", &["true"]),
    ("options.showValue", &["never"]),
    ("options.sizing", &["auto"]),
    ("options.sortBy.desc", ANY),
    ("options.sortBy.displayName", ANY),
    ("options.textMode", &["auto", "value_and_name"]),
    ("options.tooltip.*", ANY),
    ("options.valueMode", &["color"]),
    ("options.wideLayout", ANY),
    ("options.yAxis.axisPlacement", &["left"]),
    ("options.yAxis.reverse", &["false"]),
    ("options.yAxis.unit", &number::UNITS),
    ("targets.format", &["time_series", "table", "heatmap"]),
    ("transformations.id", &["merge", "organize"]),
    ("transformations.options.excludeByName.*", ANY),
    ("transformations.options.includeByName.*", ANY),
    ("transformations.options.indexByName.*", ANY),
    ("transformations.options.renameByName.*", ANY),
    (
        "type",
        &[
            "stat",
            "timeseries",
            "table",
            "bargauge",
            "state-timeline",
            "heatmap",
        ],
    ),
];

/// The unsupported options of a panel, as `option: value`.
pub(super) fn unsupported(panel: &Value) -> Vec<String> {
    let mut leaves = Vec::new();
    for key in ["type", "fieldConfig", "options", "transformations"] {
        collect_leaves(key, &panel[key], &mut leaves);
    }
    for target in panel["targets"].as_array().into_iter().flatten() {
        collect_leaves("targets.format", &target["format"], &mut leaves);
    }
    let overrides = panel["fieldConfig"]["overrides"].as_array();
    let matchers = overrides.into_iter().flatten().map(|one| &one["matcher"]);
    for matcher in matchers.filter(|matcher| matcher["id"] == "byRegexp") {
        let pattern = matcher["options"].as_str().unwrap_or_default();
        let word = pattern
            .strip_prefix('/')
            .and_then(|rest| rest.strip_suffix("$/"));
        let is_plain = |word: &str| {
            word.chars()
                .all(|c| c.is_alphanumeric() || " _-:".contains(c))
        };
        if !word.is_some_and(is_plain) {
            leaves.push((
                "fieldConfig.overrides.matcher".to_owned(),
                pattern.to_owned(),
            ));
        }
    }
    let unsupported = leaves.into_iter().filter(|(path, value)| {
        let is_supported = |(option, values): &(&str, &[&str])| {
            let is_option = match option.strip_suffix('*') {
                Some(start) => path.starts_with(start),
                None => path == option,
            };
            is_option && (values.is_empty() || values.contains(&&**value))
        };
        !SUPPORTED.iter().any(is_supported)
    });
    unsupported
        .map(|(path, value)| format!("{path}: {value}"))
        .collect()
}

fn collect_leaves(path: &str, value: &Value, leaves: &mut Vec<(String, String)>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                collect_leaves(&format!("{path}.{key}"), value, leaves);
            }
        }
        Value::Array(entries) => entries
            .iter()
            .for_each(|value| collect_leaves(path, value, leaves)),
        Value::Null => {}
        Value::String(text) => leaves.push((path.to_owned(), text.clone())),
        other => leaves.push((path.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::unsupported;
    use observability::dashboards;

    #[test]
    fn all_panels_can_be_drawn() {
        for dashboard in dashboards::all() {
            let json = dashboard.json();
            for panel in super::super::flatten(&json["panels"]) {
                if panel["type"] != "row" {
                    assert_eq!(
                        unsupported(&panel),
                        Vec::<String>::new(),
                        "{}",
                        panel["title"]
                    );
                }
            }
        }
    }

    #[test]
    fn other_options_are_unsupported() {
        let with = |defaults: Value| {
            unsupported(&json!({ "type": "timeseries", "fieldConfig": { "defaults": defaults } }))
        };
        assert!(with(json!({ "unit": "bytes" })).is_empty());
        assert_eq!(
            with(json!({ "unit": "furlongs" })),
            ["fieldConfig.defaults.unit: furlongs"]
        );
        let percent = json!({ "custom": { "stacking": { "mode": "percent" } } });
        assert_eq!(with(percent).len(), 1);
        assert_eq!(with(json!({ "custom": { "axisSoftMin": 1 } })).len(), 1);
        let regexp = json!([{ "matcher": { "id": "byRegexp", "options": "/p[59]/" } }]);
        let regexp = json!({ "type": "stat", "fieldConfig": { "overrides": regexp } });
        assert_eq!(
            unsupported(&regexp),
            ["fieldConfig.overrides.matcher: /p[59]/"]
        );
        assert_eq!(unsupported(&json!({ "type": "geomap" })), ["type: geomap"]);
    }
}
