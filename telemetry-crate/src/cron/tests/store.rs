//! Tests of several replicas, deploys and unavailable stores.

use std::ops::Range;

use super::*;

/// A store that can be unavailable, with a success from before the test.
#[derive(Clone, Default)]
struct TestStore {
    rows: LocalStore,
    last_success: Option<SystemTime>,
    /// Outage for the holder of this clone.
    outage: Option<Range<Instant>>,
}

impl TestStore {
    fn available(&self) -> Result<&LocalStore, String> {
        match &self.outage {
            Some(outage) if outage.contains(&Instant::now()) => {
                Err("connection refused".to_owned())
            }
            _ => Ok(&self.rows),
        }
    }
}

impl Store for TestStore {
    type Error = String;

    async fn claim(&self, request: ClaimRequest<'_>, lease: Duration) -> Result<Claim, String> {
        Ok(self.available()?.claim(request, lease).await.unwrap())
    }

    async fn extend(&self, request: ClaimRequest<'_>, lease: Duration) -> Result<bool, String> {
        Ok(self.available()?.extend(request, lease).await.unwrap())
    }

    async fn finish(
        &self,
        request: ClaimRequest<'_>,
        ended: RunOutcome,
        time: SystemTime,
    ) -> Result<(), String> {
        self.available()?
            .finish(request, ended, time)
            .await
            .unwrap();
        Ok(())
    }

    async fn first_seen(&self, cron: &str, now: SystemTime) -> Result<SystemTime, String> {
        Ok(self.available()?.first_seen(cron, now).await.unwrap())
    }

    async fn last_success(&self, cron: &str) -> Result<Option<SystemTime>, String> {
        let known = self.available()?.last_success(cron).await.unwrap();
        Ok(known.or(self.last_success))
    }
}

#[test]
fn one_replica_runs_each_tick() {
    let (starts, exposition) = with_paused_time(async || {
        let starts = Starts::default();
        let store = LocalStore::default();
        let clock = clock("2026-11-24T00:00:30Z");
        let mut replicas = tokio::task::JoinSet::new();
        for replica in ["a", "b", "c"] {
            let cron = Schedule::every(MINUTE).unwrap().named("job");
            let scheduler = Scheduler::new(store.clone())
                .clock(clock.clone())
                .instance(replica)
                .add(
                    cron,
                    recording_job(&starts, &clock, Duration::from_secs(20)),
                );
            replicas.spawn(scheduler.run(sleep(20 * MINUTE)));
        }
        replicas.join_all().await;
        recorded_starts(&starts)
    });
    let minutes: Vec<_> = starts.iter().map(|start| start.as_second() / 60).collect();
    assert_eq!(minutes.len(), 20, "{starts:?}");
    assert!(minutes.is_sorted_by(|a, b| a < b), "{starts:?}");
    assert_eq!(runs(&exposition, "job", "ok"), 20.0);
    // Two replicas skip each of the first 19 ticks, and still wait for the last run at the stop.
    assert_eq!(runs(&exposition, "job", "skipped_elsewhere"), 38.0);
    assert_eq!(runs(&exposition, "job", "skipped_overlap"), 0.0);
}

#[test]
fn runs_of_dead_replicas_are_taken_over() {
    let (starts, exposition) = with_paused_time(async || {
        let starts = Starts::default();
        let store = LocalStore::default();
        let clock = clock("2026-11-24T02:59:00Z");
        let replica = |long: Duration| {
            Scheduler::new(store.clone()).clock(clock.clone()).add(
                Schedule::cron("0 3 * * *")
                    .unwrap()
                    .named("job")
                    .without_jitter(),
                recording_job(&starts, &clock, long),
            )
        };
        // This replica is the first to claim the tick, and is aborted two minutes into the run.
        let dying = tokio::spawn(replica(60 * MINUTE).run(std::future::pending()));
        tokio::task::yield_now().await;
        let other = tokio::spawn(replica(Duration::from_secs(1)).run(sleep(10 * MINUTE)));
        sleep(3 * MINUTE).await;
        dying.abort();
        other.await.unwrap().unwrap();
        recorded_starts(&starts)
    });
    assert_eq!(starts.len(), 2);
    let took_over = starts[1]
        .duration_since(at("2026-11-24T03:02:00Z"))
        .as_secs();
    // At the abort the lease has 40 s to 60 s left, and the other replica asks once a minute.
    assert!((40..=120).contains(&took_over), "{starts:?}");
    assert_eq!(runs(&exposition, "job", "ok"), 1.0);
}

#[test]
fn missed_runs_are_seen_at_start() {
    let start = |missed: MisfirePolicy, last: &str| {
        let last = at(last);
        with_paused_time(async || {
            let starts = Starts::default();
            let clock = clock("2026-11-24T09:00:00Z");
            let store = TestStore {
                last_success: Some(system_time(last)),
                ..TestStore::default()
            };
            let cron = Schedule::cron("0 3 * * *")
                .unwrap()
                .named("job")
                .misfire_policy(missed);
            Scheduler::new(store)
                .clock(clock.clone())
                .add(cron, recording_job(&starts, &clock, Duration::from_secs(1)))
                .run(sleep(10 * MINUTE))
                .await
                .unwrap();
            starts.lock().unwrap().len()
        })
    };
    let (runs_at_once, exposition) = start(MisfirePolicy::FireOnce, "2026-11-21T03:04:00Z");
    assert_eq!((runs_at_once, runs(&exposition, "job", "missed")), (1, 3.0));
    assert_eq!(runs(&exposition, "job", "ok"), 1.0);
    let (runs_at_once, exposition) = start(MisfirePolicy::Skip, "2026-11-21T03:04:00Z");
    assert_eq!((runs_at_once, runs(&exposition, "job", "missed")), (0, 3.0));
    let success = "cron_last_success_timestamp_seconds{cron=\"job\"}";
    assert_eq!(
        value(&exposition, success),
        at("2026-11-21T03:04:00Z").as_second() as f64
    );
    // Less than an interval ago, but with a tick in between.
    let (runs_at_once, exposition) = start(MisfirePolicy::FireOnce, "2026-11-23T10:00:00Z");
    assert_eq!((runs_at_once, runs(&exposition, "job", "missed")), (1, 1.0));
    let (runs_at_once, exposition) = start(MisfirePolicy::FireOnce, "2026-11-24T03:04:00Z");
    assert_eq!((runs_at_once, runs(&exposition, "job", "missed")), (0, 0.0));
}

#[test]
fn interrupted_runs_repeat_at_start() {
    let (starts, exposition) = with_paused_time(async || {
        let starts = Starts::default();
        let clock = clock("2026-11-24T02:59:30Z");
        let store = TestStore {
            last_success: Some(system_time(at("2026-11-23T03:00:30Z"))),
            ..TestStore::default()
        };
        for (long, stop) in [(60 * MINUTE, MINUTE), (MINUTE, 20 * MINUTE)] {
            Scheduler::new(store.clone())
                .clock(clock.clone())
                .add(
                    Schedule::cron("0 3 * * *")
                        .unwrap()
                        .named("job")
                        .without_jitter(),
                    recording_job(&starts, &clock, long),
                )
                .run(sleep(stop))
                .await
                .unwrap();
        }
        recorded_starts(&starts)
    });
    assert_eq!(starts.len(), 2, "{starts:?}");
    assert_eq!(runs(&exposition, "job", "interrupted"), 1.0);
    assert_eq!(runs(&exposition, "job", "ok"), 1.0);
}

#[test]
fn outages_delay_until_the_next_tick() {
    let run = |outage: Duration| {
        with_paused_time(async || {
            let starts = Starts::default();
            let clock = clock("2026-11-24T00:59:00Z");
            let store = TestStore {
                outage: Some(Instant::now()..Instant::now() + outage),
                ..TestStore::default()
            };
            let cron = Schedule::every(60 * MINUTE)
                .unwrap()
                .named("job")
                .without_jitter();
            Scheduler::new(store)
                .clock(clock.clone())
                .add(cron, recording_job(&starts, &clock, Duration::from_secs(1)))
                .run(sleep(90 * MINUTE))
                .await
                .unwrap();
            recorded_starts(&starts)
        })
    };
    // The outage ends 240 s after the tick, and the store is asked every 10 s.
    let (starts, exposition) = run(5 * MINUTE);
    let late = starts[0]
        .duration_since(at("2026-11-24T01:00:00Z"))
        .as_secs();
    assert!((240..=250).contains(&late), "{starts:?}");
    assert_eq!(runs(&exposition, "job", "skipped_store"), 0.0);
    // The outage outlasts the tick of 01:00, and only that of 02:00 runs.
    let (starts, exposition) = run(80 * MINUTE);
    assert_eq!(starts.len(), 1, "{starts:?}");
    assert_eq!(runs(&exposition, "job", "skipped_store"), 1.0);
}

#[test]
fn suspended_machines_run_the_latest_tick() {
    let (starts, exposition) = with_paused_time(async || {
        let starts = Starts::default();
        let clock = clock("2026-11-24T00:00:30Z");
        let cron = Schedule::every(MINUTE)
            .unwrap()
            .named("job")
            .without_jitter();
        let scheduler = Scheduler::new(LocalStore::default())
            .clock(clock.clone())
            .add(cron, recording_job(&starts, &clock, Duration::from_secs(1)));
        let scheduler = tokio::spawn(scheduler.run(sleep(700 * MINUTE)));
        sleep(Duration::from_secs(5)).await;
        // As after a suspend, all timers fire at once.
        tokio::time::advance(600 * MINUTE).await;
        sleep(Duration::from_secs(20)).await;
        scheduler.abort();
        recorded_starts(&starts)
    });
    assert_eq!(starts.len(), 1, "{starts:?}");
    // Of the 600 ticks from 00:01 to 10:00, only the last runs.
    assert_eq!(runs(&exposition, "job", "missed"), 599.0);
}

/// A job of ten minutes that counts its starts and its concurrent runs.
#[derive(Clone, Default)]
struct LongJob {
    running: Arc<AtomicU64>,
    most: Arc<AtomicU64>,
    starts: Arc<AtomicU64>,
}

impl LongJob {
    async fn run(self) -> Result<(), io::Error> {
        struct End(Arc<AtomicU64>);
        impl Drop for End {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let running = 1 + self.running.fetch_add(1, Ordering::Relaxed);
        let _end = End(Arc::clone(&self.running));
        self.most.fetch_max(running, Ordering::Relaxed);
        self.starts.fetch_add(1, Ordering::Relaxed);
        sleep(10 * MINUTE).await;
        Ok(())
    }

    fn on(&self, store: TestStore, clock: &Clock) -> Scheduler<TestStore> {
        let cron = Schedule::cron("0 3 * * *").unwrap().named("job");
        let long = self.clone();
        let scheduler = Scheduler::new(store).clock(clock.clone());
        scheduler.add(cron.without_jitter(), move || long.clone().run())
    }
}

#[test]
fn lost_store_cancels_before_a_takeover() {
    let (long, exposition) = with_paused_time(async || {
        let long = LongJob::default();
        let clock = clock("2026-11-24T02:59:30Z");
        let healthy = TestStore::default();
        // The outage begins half a minute into the run, and affects only this replica.
        let begin = Instant::now() + MINUTE;
        let cut_off = TestStore {
            outage: Some(begin..begin + 4 * MINUTE),
            ..healthy.clone()
        };
        let first = tokio::spawn(long.on(cut_off, &clock).run(sleep(60 * MINUTE)));
        // The first scheduler starts its wait first, so it is the first to claim the tick.
        tokio::task::yield_now().await;
        let second = tokio::spawn(long.on(healthy, &clock).run(sleep(60 * MINUTE)));
        first.await.unwrap().unwrap();
        second.await.unwrap().unwrap();
        long
    });
    assert_eq!(long.starts.load(Ordering::Relaxed), 2);
    assert_eq!(long.most.load(Ordering::Relaxed), 1, "never two at once");
    assert_eq!(runs(&exposition, "job", "taken_over"), 1.0);
    assert_eq!(runs(&exposition, "job", "ok"), 1.0);
}

#[test]
fn runs_with_lost_leases_are_repeated() {
    let (long, exposition) = with_paused_time(async || {
        let long = LongJob::default();
        let begin = Instant::now() + MINUTE;
        let store = TestStore {
            outage: Some(begin..begin + 4 * MINUTE),
            ..TestStore::default()
        };
        let scheduler = long.on(store, &clock("2026-11-24T02:59:30Z"));
        scheduler.run(sleep(60 * MINUTE)).await.unwrap();
        long
    });
    assert_eq!(long.starts.load(Ordering::Relaxed), 2);
    assert_eq!(long.most.load(Ordering::Relaxed), 1);
    assert_eq!(runs(&exposition, "job", "taken_over"), 1.0);
    assert_eq!(runs(&exposition, "job", "ok"), 1.0);
}

#[test]
fn short_outages_end_no_run() {
    let (long, exposition) = with_paused_time(async || {
        let long = LongJob::default();
        let begin = Instant::now() + MINUTE;
        let store = TestStore {
            outage: Some(begin..begin + MINUTE / 2),
            ..TestStore::default()
        };
        let scheduler = long.on(store, &clock("2026-11-24T02:59:30Z"));
        scheduler.run(sleep(60 * MINUTE)).await.unwrap();
        long
    });
    assert_eq!(long.starts.load(Ordering::Relaxed), 1);
    assert_eq!(runs(&exposition, "job", "ok"), 1.0);
}

#[test]
fn hung_stores_count_as_down() {
    struct Hanging;

    impl Store for Hanging {
        type Error = String;

        async fn claim(&self, _: ClaimRequest<'_>, _: Duration) -> Result<Claim, String> {
            std::future::pending().await
        }

        async fn extend(&self, _: ClaimRequest<'_>, _: Duration) -> Result<bool, String> {
            std::future::pending().await
        }

        async fn finish(
            &self,
            _: ClaimRequest<'_>,
            _: RunOutcome,
            _: SystemTime,
        ) -> Result<(), String> {
            std::future::pending().await
        }

        async fn first_seen(&self, _: &str, _: SystemTime) -> Result<SystemTime, String> {
            std::future::pending().await
        }

        async fn last_success(&self, _: &str) -> Result<Option<SystemTime>, String> {
            std::future::pending().await
        }
    }

    let (took, exposition) = with_paused_time(async || {
        let began = Instant::now();
        let cron = Schedule::every(MINUTE)
            .unwrap()
            .named("job")
            .without_jitter();
        Scheduler::new(Hanging)
            .clock(clock("2026-11-24T02:59:30Z"))
            .add(cron, async || Ok::<(), io::Error>(()))
            .run(sleep(3 * MINUTE))
            .await
            .unwrap();
        began.elapsed()
    });
    assert_eq!(took, 3 * MINUTE, "the stop does not wait for the store");
    // The ticks of 03:00 and 03:01; that of 03:02 still waits at the stop.
    assert_eq!(runs(&exposition, "job", "skipped_store"), 2.0);
}
