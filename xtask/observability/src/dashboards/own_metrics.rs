//! Checks of the dashboard of a service's declared metrics.
//!
//! The library cannot use this generator, so it has one of its own for the panels that it needs. The tests here compare
//! both, and the rules of the linter apply to the dashboards of both.

use anyhow::{Context as _, ensure};
use firstlight::metrics::{DeclaredMetric, MetricDocument};
use serde_json::Value;

use super::dashboard_lint;
use crate::example_metrics;

/// The rule that only firstlight's own dashboards follow.
///
/// Their uids begin with `firstlight-`.
const OURS_ONLY: &str = "uid-is-of-firstlight";

/// The dashboard of these metrics.
pub(super) fn dashboard(service: &str, metrics: &[DeclaredMetric]) -> anyhow::Result<Value> {
    let dashboard = MetricDocument::dashboard(service, metrics)?;
    let dashboard = dashboard.context("there is no dashboard")?;
    Ok(serde_json::from_str(dashboard.text())?)
}

/// Fails if a dashboard of a service's own metrics violates a rule of the linter.
///
/// The metrics are those of the template's example.
pub fn check_rules(dashboard: &Value) -> anyhow::Result<()> {
    let rules = dashboard_lint::rules().into_iter();
    let rules = rules.filter(|rule| rule.name != OURS_ONLY);
    let objections = rules.flat_map(|rule| {
        let named = move |objection| format!("{}: {objection}", rule.name);
        rule.objections(dashboard).into_iter().map(named)
    });
    let objections: Vec<_> = objections.collect();
    ensure!(objections.is_empty(), "{}", objections.join("\n"));
    Ok(())
}

/// Checks the dashboard of the example's metrics.
pub(super) fn sample_passes() -> anyhow::Result<()> {
    check_rules(&dashboard("orders", example_metrics::ALL)?)
}

#[cfg(test)]
mod tests {
    use firstlight::metrics::{DeclaredMetric, Label};
    use serde_json::Value;

    use super::{OURS_ONLY, check_rules, dashboard};
    use crate::{
        dashboards::{Color, Dashboard, Panel, Row, Target, Unit, dashboard_lint, query},
        example_metrics::ALL,
        promql::{self, Selector, service_labels},
    };

    /// The text that the library generates for a panel.
    fn described(panel: Panel, json: &Value) -> Panel {
        let title = json["title"].as_str().unwrap_or_default();
        assert_eq!(panel.title(), title);
        let text = json["description"].as_str().unwrap_or_default();
        let parts: Vec<&str> = text.split("\n\n").collect();
        let part = |index: usize, start: &str| {
            let part = parts.get(index).and_then(|part| part.strip_prefix(start));
            part.unwrap_or_default()
        };
        panel
            .means(part(0, ""))
            .normally(part(1, "**Normal:** "))
            .otherwise(part(2, "**Otherwise:** "))
    }

    fn selected(name: &str) -> Selector {
        Selector::foreign(name).selected()
    }

    /// The same dashboard, made by this generator.
    fn twin(generated: &Value) -> Dashboard {
        let panels = generated["panels"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let text = |title: &str| {
            let mut all = panels.iter();
            all.find(|panel| panel["title"] == title)
                .unwrap_or(&Value::Null)
        };
        let add = |panel: Panel| {
            let title = panel.title().to_owned();
            described(panel, text(&title))
        };
        let present = [
            "orders_rejected_total",
            "orders_in_progress",
            "order_acceptance_seconds_count",
        ];
        let by = service_labels(&["reason"]);
        let rate = |by: &[&str], name| query::top(10, query::per_second(by, &selected(name)));
        let rejected = Panel::timeseries("Orders rejected")
            .unit(Unit::EventsPerSecond)
            .shows(Target::new(
                &query::legend("{{reason}}"),
                rate(&by, "orders_rejected_total"),
            ));
        let by = service_labels(&["instance"]);
        let in_progress = Panel::timeseries("Orders in progress")
            .unit(Unit::Count)
            .shows(Target::new(
                &query::legend("{{instance}}"),
                query::top(10, promql::max(&by, selected("orders_in_progress"))),
            ))
            .shows(Target::new("limit", "vector(512)"))
            .color("limit", Color::Purple);
        let seconds = "order_acceptance_seconds";
        let service = service_labels(&[]);
        let quantile = |name, quantile| {
            let query = query::quantile(quantile, &service, &selected(seconds));
            Target::new(&query::legend(name), query::top(10, query))
        };
        let quantiles = Panel::timeseries("Order acceptance seconds")
            .unit(Unit::Seconds)
            .shows(quantile("p50", 0.5))
            .shows(quantile("p95", 0.95))
            .shows(quantile("p99", 0.99))
            .shows(Target::new("objective", "vector(0.25)"))
            .color("objective", Color::Purple);
        let bucket = selected("order_acceptance_seconds_bucket").is("le", "0.25");
        let share = format!(
            "{} / ({} > 0)",
            query::per_second(&service, &bucket),
            query::per_second(&service, &selected("order_acceptance_seconds_count")),
        );
        let share = Panel::timeseries("Order acceptance seconds, within the objective")
            .unit(Unit::Part)
            .signed()
            .shows(Target::new(query::SERVICE_LEGEND, share))
            .shows(Target::new("objective", "vector(0.99)"))
            .color("objective", Color::Purple);
        let samples = Panel::timeseries("Order acceptance seconds, samples")
            .unit(Unit::EventsPerSecond)
            .shows(Target::new(
                query::SERVICE_LEGEND,
                rate(&service, "order_acceptance_seconds_count"),
            ));
        Dashboard::new(
            "own",
            "Metrics of orders",
            "What does the service itself count and measure?",
            &Selector::any_of(&present),
        )
        .row(Row::new("Counters").line([add(rejected)]))
        .row(Row::new("Gauges").line([add(in_progress)]))
        .row(Row::new("Histograms").line([add(quantiles), add(share), add(samples)]))
    }

    #[test]
    fn both_generators_make_the_same_json() -> anyhow::Result<()> {
        let metrics: Vec<DeclaredMetric> = [1, 2, 4].map(|index| ALL[index]).into();
        let mut generated = dashboard("orders", &metrics)?;
        assert_eq!(generated["uid"], "orders");
        generated["uid"] = "firstlight-own".into();
        let twin = twin(&generated).json();
        for (key, value) in twin.as_object().into_iter().flatten() {
            assert_eq!(&generated[key], value, "{key}");
        }
        assert_eq!(generated, twin);
        Ok(())
    }

    #[test]
    fn keys_are_sorted_with_every_feature() -> anyhow::Result<()> {
        fn check(value: &Value) {
            match value {
                Value::Object(object) => {
                    assert!(object.keys().is_sorted(), "{object:?}");
                    object.values().for_each(check);
                }
                Value::Array(list) => list.iter().for_each(check),
                _ => {}
            }
        }
        // This workspace keeps the order of keys, as a service may.
        check(&dashboard("orders", ALL)?);
        Ok(())
    }

    /// Metrics whose panels differ from those of the example.
    const OTHERS: [DeclaredMetric; 7] = [
        DeclaredMetric::counter("busy_seconds_total", "Time of work.")
            .labels(&[Label::at_most("tenant", 20), Label::one_of("kind", &["a"])]),
        DeclaredMetric::counter("read_bytes_total", "Bytes that were read."),
        DeclaredMetric::gauge("cache_used_ratio", "Used part of the cache."),
        DeclaredMetric::gauge("cache_bytes", "Size of the cache.").limit(1e9),
        DeclaredMetric::gauge("last_import_timestamp_seconds", "End of the last import.")
            .labels(&[Label::at_most("source", 3)]),
        DeclaredMetric::histogram("answer_bytes", "Size of an answer."),
        DeclaredMetric::histogram("hit_ratio", "Part that was found.")
            .labels(&[Label::one_of("kind", &["a", "b"])])
            .buckets(&[0.5, 0.9, 1.0])
            .objective(0.999, 0.9),
    ];

    #[test]
    fn every_panel_passes_the_rules() -> anyhow::Result<()> {
        let error = check_rules(&dashboard("orders", &OTHERS)?);
        let error = error.map_or_else(|error| error.to_string(), |()| String::new());
        let mut objections: Vec<&str> = error.lines().collect();
        // The rules know only the metrics of the example.
        objections.retain(|line| !line.starts_with("metrics-exist: "));
        assert_eq!(objections, [""; 0]);
        for metric in OTHERS {
            assert!(error.contains(metric.name), "{error}");
        }
        Ok(())
    }

    #[test]
    fn sample_passes_and_mistakes_do_not() -> anyhow::Result<()> {
        let good = dashboard("orders", ALL)?;
        check_rules(&good)?;
        assert!(
            dashboard_lint::rules()
                .iter()
                .any(|rule| rule.name == OURS_ONLY)
        );
        let mut renamed = good.to_string();
        renamed = renamed.replace("orders_rejected_total", "orders_refused_total");
        let error = check_rules(&serde_json::from_str(&renamed)?);
        let error = error.map_or_else(|error| error.to_string(), |()| String::new());
        assert!(
            error.contains("orders_refused_total does not exist"),
            "{error}"
        );
        Ok(())
    }
}
