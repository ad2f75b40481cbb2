//! Tests of checks, latches and draining.

#![expect(clippy::panic, reason = "a check that panics is one of the cases")]

use std::sync::atomic::AtomicUsize;

use super::*;

#[tokio::test]
async fn failed_checks_make_it_unready() {
    let readiness = Readiness::default();
    assert!(readiness.report().await.ready, "nothing to check");
    readiness.register("cache", || async { Ok::<_, String>(()) });
    readiness.register("database", || async { Err("refused\nforged: ok") });
    readiness.register("panics", || async {
        if true {
            panic!("on purpose")
        }
        Ok::<_, String>(())
    });
    let report = readiness.report().await;
    assert!(!report.ready);
    assert_eq!(
        report.text,
        "not ready\ncache: ok\ndatabase: refused forged: ok\npanics: panicked\n"
    );
}

#[tokio::test(start_paused = true)]
async fn hanging_checks_fail() {
    let readiness = Readiness::default();
    readiness.register("slow", std::future::pending::<Result<(), String>>);
    assert_eq!(
        readiness.report().await.text,
        "not ready\nslow: no answer within 800 ms\n"
    );
}

#[tokio::test]
async fn draining_turns_readiness_off() {
    let readiness = Readiness::default();
    readiness.clone().drain();
    assert!(!readiness.report().await.ready);
}

#[tokio::test(start_paused = true)]
async fn checks_run_at_most_once_a_second() {
    let readiness = Readiness::default();
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = runs.clone();
    readiness.register("counted", move || {
        counter.fetch_add(1, Ordering::Relaxed);
        async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok::<_, String>(())
        }
    });
    let mut probes = JoinSet::new();
    for _ in 0..50 {
        let readiness = readiness.clone();
        probes.spawn(async move { readiness.report().await.ready });
    }
    // A client that disconnects during the checks does not affect the others.
    let asked = readiness.clone();
    let gone = tokio::spawn(async move { asked.report().await.ready });
    tokio::time::sleep(Duration::from_millis(100)).await;
    gone.abort();
    assert!(probes.join_all().await.into_iter().all(|ready| ready));
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    assert!(readiness.report().await.ready);
    assert_eq!(runs.load(Ordering::Relaxed), 1, "the result is reused");
    tokio::time::sleep(REUSE_TIME).await;
    assert!(readiness.report().await.ready);
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    readiness.register("counted", || async { Err("replaced") });
    assert!(!readiness.report().await.ready, "a new check runs at once");
}

#[tokio::test]
async fn latches_hold_until_released() {
    let readiness = Readiness::default();
    let migrations = readiness.latch("migrations");
    let cache = readiness.latch("cache");
    assert_eq!(
        readiness.report().await.text,
        "not ready\nmigrations: not finished\ncache: not finished\n"
    );
    migrations.release();
    assert_eq!(
        readiness.report().await.text,
        "not ready\ncache: not finished\n"
    );
    cache.release();
    assert!(readiness.report().await.ready);
}

#[tokio::test]
async fn dropped_latches_stay_unready() {
    let readiness = Readiness::default();
    let caches = [readiness.latch("cache"), readiness.latch("cache")];
    let start = readiness.latch("start");
    drop(caches);
    start.release();
    assert_eq!(
        readiness.report().await.text,
        "not ready\ncache: failed: its latch was dropped without a release\n"
    );
}
