//! Tests of the rows of one kind, with a registry of their own.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::{
    super::{points::POINTS, row::ROW_BYTES},
    *,
};
use crate::{
    catalog,
    metrics::{Metrics, MetricsOptions},
};

/// Requests to measure, and the rows that are sampled.
struct Process {
    metrics: Metrics,
    roots: Roots,
    number: u64,
}

impl Process {
    fn new(max_names: usize) -> Self {
        Self {
            metrics: Metrics::new(MetricsOptions::default()),
            roots: Roots::new(Kind::Request, max_names),
            number: 0,
        }
    }

    fn request(&self, route: &str, status: &str, seconds: f64) {
        let mut labels = vec![
            ("http_request_method", "GET".to_owned()),
            ("http_route", route.to_owned()),
            ("http_response_status_code", status.to_owned()),
        ];
        if status.starts_with('5') {
            labels.push(("error_type", status.to_owned()));
        }
        ::metrics::with_local_recorder(&self.metrics.recorder(), || {
            let metric = catalog::HTTP_SERVER_REQUEST_DURATION.name;
            ::metrics::histogram!(metric, &labels).record(seconds);
        });
    }

    /// Ends an interval of 5 s, and returns its number.
    fn sample(&mut self) -> u64 {
        let series = self.metrics.handle().series_of(Kind::Request.metric());
        let interval = Interval {
            number: self.number,
            seconds: 5.0,
        };
        self.roots.sample(&series, interval);
        self.number += 1;
        interval.number
    }

    /// The values of a name at a point, from `rate` to `p99`; `None` without a row.
    fn values(&self, name: &str, number: u64) -> Option<[f32; 5]> {
        let row = self.roots.rows().find(|row| &*row.name == name)?;
        Some(values(row, number))
    }

    fn all(&self, number: u64) -> [f32; 5] {
        values(self.roots.all().unwrap(), number)
    }
}

fn values(row: &Row, number: u64) -> [f32; 5] {
    let points = row.points();
    [0, 1, 2, 3, 4].map(|column| points.column(column, number..number + 1).next().unwrap())
}

fn rate(values: Option<[f32; 5]>) -> Option<f32> {
    values.map(|[rate, ..]| rate)
}

#[test]
fn intervals_have_rates_and_quantiles() {
    let mut process = Process::new(4);
    for _ in 0..9 {
        process.request("/orders", "200", 0.007);
    }
    process.request("/orders", "500", 0.03);
    process.request("/users", "404", 0.2);
    // The first interval has all samples since the start.
    let first = process.sample();
    let [rate, failed, p50, p95, p99] = process.values("GET /orders", first).unwrap();
    assert_eq!((rate, failed), (2.0, 0.2));
    // 9 samples from 5 ms to 10 ms, and one from 25 ms to 50 ms.
    assert!((p50 - (0.005 + 0.005 * 5.0 / 9.0)).abs() < 1e-6, "{p50}");
    assert!((p95 - (0.025 + 0.025 * 0.5)).abs() < 1e-6, "{p95}");
    assert!((p99 - (0.025 + 0.025 * 0.9)).abs() < 1e-6, "{p99}");
    assert_eq!(
        process.values("GET /users", first).unwrap()[..2],
        [0.2, 0.0]
    );
    assert_eq!(process.all(first)[..2], [2.2, 0.2]);

    process.request("/users", "200", 0.1);
    let second = process.sample();
    let [rate, failed, quantiles @ ..] = process.values("GET /orders", second).unwrap();
    assert_eq!((rate, failed), (0.0, 0.0));
    assert!(
        quantiles.iter().all(|value| value.is_nan()),
        "{quantiles:?}"
    );
    assert_eq!(process.all(second)[..2], [0.2, 0.0]);
    // The points before are as they were.
    assert_eq!(process.all(first)[..2], [2.2, 0.2]);
}

#[test]
fn samples_beyond_all_buckets_have_a_bound() {
    let mut process = Process::new(4);
    process.request("/slow", "200", 3_600.0);
    let first = process.sample();
    let highest = *Kind::Request.metric().buckets.unwrap().last().unwrap() as f32;
    let found = process.values("GET /slow", first).unwrap();
    assert_eq!(found[2..], [highest; 3]);
}

#[test]
fn further_names_are_in_one_row() {
    let mut process = Process::new(2);
    for route in ["/a", "/b", "/c", "/d", "/d"] {
        process.request(route, "500", 0.1);
    }
    let first = process.sample();
    let names: Vec<_> = process
        .roots
        .rows()
        .map(|row| row.name.to_string())
        .collect();
    assert_eq!(names, ["GET /a", "GET /b", OTHERS]);
    let [rate, failed, ..] = process.values(OTHERS, first).unwrap();
    assert_eq!((rate, failed), (0.6, 0.6));
    assert_eq!(process.all(first)[..2], [1.0, 1.0]);
}

#[test]
fn idle_names_give_their_place_back() {
    let mut process = Process::new(2);
    process.request("/a", "200", 0.1);
    process.request("/b", "200", 0.1);
    process.sample();
    for _ in 1..POINTS {
        process.request("/b", "200", 0.1);
        process.request("/late", "200", 0.1);
        let number = process.sample();
        assert_eq!(rate(process.values(OTHERS, number)), Some(0.2));
    }
    // `/a` had its last sample at point 0, so that it is idle after this one.
    process.sample();
    assert_eq!(process.values("GET /a", 0), None, "it is idle");

    // A name with samples before: the interval in which it gets its row counts among the others.
    process.request("/late", "200", 0.1);
    let number = process.sample();
    assert_eq!(rate(process.values(OTHERS, number)), Some(0.2));
    assert!(process.values("GET /late", number).unwrap()[0].is_nan());
    process.request("/late", "200", 0.1);
    let number = process.sample();
    assert_eq!(rate(process.values("GET /late", number)), Some(0.2));
    assert_eq!(rate(process.values(OTHERS, number)), Some(0.0));

    // A name that lost its place is not counted from the start again.
    process.request("/a", "200", 0.1);
    let number = process.sample();
    assert_eq!(process.values("GET /a", number), None);
    assert_eq!(rate(process.values(OTHERS, number)), Some(0.2));
    assert_eq!(process.all(number)[0], 0.2);
}

#[test]
fn no_number_of_names_exceeds_the_room() {
    let mut process = Process::new(32);
    for round in 0..3 {
        for route in 0..600 {
            process.request(&format!("/{route}/{}", route % 3 * round), "200", 0.1);
        }
        let number = process.sample();
        assert_eq!(process.roots.rows.len(), 32);
        assert!(process.roots.unnamed.len() <= MAX_UNNAMED);
        let rows = process.roots.rows().map(|row| values(row, number)[0]);
        let sum: f32 = rows.sum();
        assert!((sum - 120.0).abs() < 0.01, "{sum}");
        assert_eq!(process.all(number)[0], 120.0);
    }
}

/// The bytes are those that the allocator counts.
#[test]
fn rows_of_many_names_are_in_their_bytes() {
    let mut process = Process::new(32);
    let end = "ä".repeat(200);
    let mut bytes = 0;
    for round in 0..3 {
        for route in 0..600 {
            process.request(&format!("/{route}/{round}/{end}"), "200", 0.1);
        }
        let series = process.metrics.handle().series_of(Kind::Request.metric());
        let interval = Interval {
            number: round,
            seconds: 5.0,
        };
        let used = allocation_counter::measure(|| process.roots.sample(&series, interval));
        bytes += used.bytes_current;
    }
    let allowed = super::FIXED_BYTES + (32 + 2) * ROW_BYTES;
    let used = usize::try_from(bytes).unwrap();
    assert!(
        (allowed / 10 * 8..=allowed).contains(&used),
        "{used} of {allowed}"
    );
}

#[test]
fn skipped_points_have_nothing() {
    let mut process = Process::new(4);
    process.request("/a", "200", 0.1);
    process.sample();
    process.roots.skip(1);
    assert!(
        process
            .values("GET /a", 1)
            .unwrap()
            .iter()
            .all(|value| value.is_nan())
    );
    assert!(process.all(1).iter().all(|value| value.is_nan()));
}

#[test]
fn long_names_are_cut_between_characters() {
    let mut process = Process::new(4);
    let route = format!("/{}", "ä".repeat(200));
    process.request(&route, "200", 0.1);
    process.sample();
    let row = process.roots.rows().next().unwrap();
    assert!(row.name.len() <= 128 && row.name.starts_with("GET /ä"));
}
