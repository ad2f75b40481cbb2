//! Tests under a paused clock, which `advance` moves.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{advance, sleep},
};

use super::{Cache, DataType};
use crate::metrics::{Format, Metrics, MetricsOptions};

const SECOND: Duration = Duration::from_secs(1);

/// Runs `test` with paused time, and returns its output and the exposition.
fn with_paused_time<F: Future>(test: impl FnOnce() -> F) -> (F::Output, String) {
    let metrics = Metrics::new(MetricsOptions::default());
    let recorder = metrics.recorder();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let output =
        ::metrics::with_local_recorder(&recorder, || runtime.block_on(async { test().await }));
    (output, metrics.handle().render(Format::Text))
}

fn value(exposition: &str, series: &str) -> f64 {
    let line = exposition
        .lines()
        .find_map(|line| line.strip_prefix(series));
    line.map_or(0.0, |value| value.trim().parse().unwrap())
}

fn reads(exposition: &str, data_type: &str, result: &str) -> f64 {
    value(
        exposition,
        &format!("data_reads_total{{data_type=\"{data_type}\",result=\"{result}\"}}"),
    )
}

/// A slow source that counts its requests, and answers with their number.
#[derive(Clone, Default)]
struct Database {
    requests: Arc<AtomicU64>,
    delay: Duration,
}

impl Database {
    async fn select(self) -> Result<u64, String> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        sleep(self.delay).await;
        Ok(number)
    }

    async fn fail(self) -> Result<u64, String> {
        let number = self.select().await.unwrap();
        Err(format!("connection refused, request {number}"))
    }
}

#[test]
fn values_are_served_within_the_window() {
    static CART: DataType = DataType::declare("cart", Duration::from_secs(10));
    let ((), exposition) = with_paused_time(async || {
        let (cache, source) = (Cache::new(&CART), Database::default());
        let read = async || cache.get("a", || source.clone().select()).await.unwrap();
        assert_eq!(read().await, 1);
        advance(10 * SECOND).await;
        assert_eq!(read().await, 1);
        advance(Duration::from_millis(1)).await;
        assert_eq!(read().await, 2);
        assert_eq!(read().await, 2);
        cache.invalidate(&"a").await;
        assert_eq!(read().await, 3);
    });
    assert_eq!(reads(&exposition, "cart", "cache"), 2.0);
    assert_eq!(reads(&exposition, "cart", "source"), 3.0);
    let window = "data_staleness_budget_seconds{data_type=\"cart\"}";
    assert_eq!(value(&exposition, window), 10.0);
    let within_window = "data_served_age_seconds_bucket{data_type=\"cart\",le=\"10.0\"}";
    assert_eq!(value(&exposition, within_window), 5.0, "{exposition}");
    // One of the five served values was 10 s old, and the others were 0 s old.
    assert_eq!(
        value(
            &exposition,
            "data_served_age_seconds_sum{data_type=\"cart\"}"
        ),
        10.0
    );
}

#[test]
fn age_begins_with_the_request() {
    static SLOW: DataType = DataType::declare("slow", Duration::from_secs(10));
    let ((), exposition) = with_paused_time(async || {
        let source = Database {
            delay: 4 * SECOND,
            ..Database::default()
        };
        let cache = Cache::new(&SLOW);
        let read = async || cache.get(1, || source.clone().select()).await.unwrap();
        assert_eq!(read().await, 1);
        advance(6 * SECOND).await;
        assert_eq!(read().await, 1);
        // Now the value is seven seconds old since its answer, but eleven since its request.
        advance(SECOND).await;
        assert_eq!(read().await, 2);
    });
    // The served ages are 4 s, 10 s and 4 s.
    assert_eq!(
        value(
            &exposition,
            "data_served_age_seconds_sum{data_type=\"slow\"}"
        ),
        18.0
    );
}

#[test]
fn zero_windows_always_read() {
    static PAYMENT: DataType = DataType::declare("payment", Duration::ZERO);
    let (requests, exposition) = with_paused_time(async || {
        let source = Database {
            delay: SECOND,
            ..Database::default()
        };
        let cache = Cache::new(&PAYMENT);
        let mut readers = JoinSet::new();
        for _ in 0..10 {
            let (cache, source) = (cache.clone(), source.clone());
            readers.spawn(async move { cache.get(1, || source.clone().select()).await.unwrap() });
        }
        let mut answers = readers.join_all().await;
        answers.sort_unstable();
        assert_eq!(answers, Vec::from_iter(1..=10));
        source.requests.load(Ordering::SeqCst)
    });
    assert_eq!(requests, 10);
    assert_eq!(reads(&exposition, "payment", "source"), 10.0);
    assert_eq!(
        value(
            &exposition,
            "data_staleness_budget_seconds{data_type=\"payment\"}"
        ),
        0.0
    );
}

#[test]
fn concurrent_reads_are_merged() {
    static PROFILE: DataType = DataType::declare("profile", Duration::from_secs(300));
    let (requests, exposition) = with_paused_time(async || {
        let source = Database {
            delay: SECOND,
            ..Database::default()
        };
        let cache = Cache::new(&PROFILE);
        // Once with an empty cache, and once with an entry that is too old.
        for round in 1..=2 {
            let mut readers = JoinSet::new();
            for _ in 0..100 {
                let (cache, source) = (cache.clone(), source.clone());
                readers
                    .spawn(async move { cache.get(1, || source.clone().select()).await.unwrap() });
            }
            assert_eq!(readers.join_all().await, vec![round; 100]);
            advance(301 * SECOND).await;
        }
        source.requests.load(Ordering::SeqCst)
    });
    assert_eq!(requests, 2);
    assert_eq!(reads(&exposition, "profile", "source"), 2.0);
    assert_eq!(reads(&exposition, "profile", "shared"), 198.0);
}

#[test]
fn late_waiters_read_again() {
    static PRICE: DataType = DataType::declare("price", Duration::from_secs(2));
    let ((), exposition) = with_paused_time(async || {
        let source = Database {
            delay: 5 * SECOND,
            ..Database::default()
        };
        let cache = Cache::new(&PRICE);
        let read = || {
            let (cache, source) = (cache.clone(), source.clone());
            tokio::spawn(async move { cache.get(1, || source.clone().select()).await.unwrap() })
        };
        let first = read();
        sleep(SECOND).await;
        let (late, later) = (read(), read());
        assert_eq!(
            first.await.unwrap(),
            1,
            "the answer to a read's own request is served, however long it took"
        );
        assert_eq!((late.await.unwrap(), later.await.unwrap()), (2, 2));
    });
    assert_eq!(reads(&exposition, "price", "source"), 2.0);
    assert_eq!(reads(&exposition, "price", "shared"), 1.0);
}

#[test]
fn failed_sources_serve_nothing_stale() {
    static STOCK: DataType = DataType::declare("stock", Duration::from_secs(10));
    let ((), exposition) = with_paused_time(async || {
        let cache = Cache::new(&STOCK);
        let source = Database {
            delay: SECOND,
            ..Database::default()
        };
        let good = async || cache.get(1, || source.clone().select()).await;
        let bad = async || cache.get(1, || source.clone().fail()).await;
        assert_eq!(good().await.unwrap(), 1);
        assert_eq!(bad().await.unwrap(), 1, "the source is not read");
        advance(11 * SECOND).await;
        // Both have waited for the same answer.
        let (one, other) = tokio::join!(bad(), bad());
        assert!(Arc::ptr_eq(&one.unwrap_err(), &other.unwrap_err()));
        // Requests: 1 succeeded, 2 failed for both, 3 fails now, and 4 succeeds.
        let again = bad().await.unwrap_err();
        assert_eq!(*again, "connection refused, request 3");
        assert_eq!(good().await.unwrap(), 4, "an error is not cached");
    });
    assert_eq!(reads(&exposition, "stock", "failed"), 3.0);
}

#[test]
fn waiters_replace_a_canceled_read() {
    static ORDER: DataType = DataType::declare("order", Duration::from_secs(10));
    let (answer, _) = with_paused_time(async || {
        let source = Database {
            delay: 5 * SECOND,
            ..Database::default()
        };
        let cache = Cache::new(&ORDER);
        let read = || {
            let (cache, source) = (cache.clone(), source.clone());
            tokio::spawn(async move { cache.get(1, || source.clone().select()).await.unwrap() })
        };
        let (gone, waiting) = (read(), read());
        sleep(SECOND).await;
        gone.abort();
        waiting.await.unwrap()
    });
    // The canceled read made the first request.
    assert_eq!(answer, 2);
}

#[test]
fn replicas_serve_within_the_window() {
    static BASKET: DataType = DataType::declare("basket", Duration::from_secs(10));
    static MONEY: DataType = DataType::declare("money", Duration::ZERO);
    let ((), exposition) = with_paused_time(async || {
        assert_eq!(BASKET.check_age(10 * SECOND), Ok(()));
        let error = BASKET.check_age(11 * SECOND).unwrap_err().to_string();
        assert!(
            error.contains("found an age of 11 s, expected at most 10 s"),
            "{error}"
        );
        assert!(MONEY.check_age(Duration::ZERO).is_err());
    });
    assert_eq!(reads(&exposition, "basket", "replica"), 1.0);
    assert_eq!(reads(&exposition, "basket", "refused"), 1.0);
    assert_eq!(
        value(
            &exposition,
            "data_served_age_seconds_count{data_type=\"basket\"}"
        ),
        1.0
    );
    assert_eq!(
        value(
            &exposition,
            "data_served_age_seconds_count{data_type=\"money\"}"
        ),
        0.0
    );
}

#[test]
fn caches_are_bounded() {
    static LONG: DataType = DataType::declare("long", Duration::MAX);
    let (kept, _) = with_paused_time(async || {
        let cache = Cache::with_capacity(&LONG, 100);
        for key in 0..10_000_u64 {
            cache.get(key, async || Ok::<_, ()>(key)).await.unwrap();
        }
        cache.entries.run_pending_tasks().await;
        cache.entries.entry_count()
    });
    assert!(kept <= 100, "{kept}");
}

#[test]
fn early_reads_do_not_hide_later_ones() {
    static EARLY: DataType = DataType::declare("early", Duration::from_secs(10));
    // Handles that are created without a recorder never record, so this call must not keep them.
    EARLY.check_age(SECOND).unwrap();
    let ((), exposition) = with_paused_time(async || EARLY.check_age(SECOND).unwrap());
    assert_eq!(reads(&exposition, "early", "replica"), 1.0);
    assert_eq!(
        value(
            &exposition,
            "data_staleness_budget_seconds{data_type=\"early\"}"
        ),
        10.0
    );
}
