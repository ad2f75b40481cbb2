//! The exposition compared with that of `metrics-exporter-prometheus`.

use ::metrics::{Recorder, counter, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::PrometheusBuilder;

use super::{Format, metric_catalog, metrics_after};
use crate::metrics::strict_parser::samples;

fn uses() {
    counter!("orders_total", "shop" => "a").increment(3);
    counter!("orders_total", "shop" => "b \"quoted\"").increment(4);
    gauge!("queue.depth", "queue-name" => "größe").set(2.5);
    for sample in [0.003, 0.2, 7.0] {
        histogram!("work_seconds", "kind" => "x").record(sample);
    }
}

#[test]
fn series_equal_those_of_the_exporter() {
    let exporter = PrometheusBuilder::new()
        .set_buckets(&[
            0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
        ])
        .unwrap()
        .build_recorder();
    with_local_recorder(&exporter as &dyn Recorder, uses);
    let exposition = metrics_after(uses).render(Format::Text);

    let number = |text: &str| text.parse::<f64>().unwrap();
    let series = |exposition: &str| {
        let mut series: Vec<_> = samples(exposition)
            .into_iter()
            .filter(|(name, ..)| !metric_catalog::ALL.iter().any(|metric| name == metric.name))
            .map(|(name, mut labels, value)| {
                // `1` and `1.0` are the same bound.
                if let Some(bound) = labels.get_mut("le") {
                    *bound = number(bound).to_string();
                }
                (name, labels, number(&value).to_string())
            })
            .collect();
        series.sort();
        series
    };
    // The exporter writes blank lines between metrics. The format permits them, but the parser here does not.
    let expected = exporter.handle().render().replace("\n\n", "\n");
    assert_eq!(series(&exposition), series(&expected));
}
