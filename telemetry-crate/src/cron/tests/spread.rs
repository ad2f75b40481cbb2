//! Tests of the jitter of a hundred jobs that are all due at three.

use super::*;

/// Returns the sorted starts of the jobs, in seconds after three.
fn starts(jitter: bool) -> Vec<f64> {
    let (starts, _) = with_paused_time(async || {
        let starts = Starts::default();
        let clock = clock("2026-11-24T02:50:00Z");
        let mut scheduler = Scheduler::new(LocalStore::default())
            .clock(clock.clone())
            .instance("test");
        for number in 0..100 {
            let cron = Schedule::cron("0 3 * * *")
                .unwrap()
                .named(format!("job {number}"));
            let cron = if jitter { cron } else { cron.without_jitter() };
            scheduler = scheduler.add(cron, recording_job(&starts, &clock, Duration::from_secs(1)));
        }
        scheduler.run(sleep(30 * MINUTE)).await.unwrap();
        recorded_starts(&starts)
    });
    let three = at("2026-11-24T03:00:00Z");
    let mut starts: Vec<_> = starts
        .iter()
        .map(|start| start.duration_since(three).as_secs_f64())
        .collect();
    starts.sort_by(f64::total_cmp);
    starts
}

/// Returns the most starts within any `window` seconds.
fn most_within(starts: &[f64], window: f64) -> usize {
    let until = |start: f64| starts.partition_point(|other| *other < start + window);
    let counts = starts
        .iter()
        .enumerate()
        .map(|(index, start)| until(*start) - index);
    counts.max().unwrap_or(0)
}

#[test]
fn jitter_spreads_jobs_of_one_second() {
    let starts = starts(true);
    let halves = starts.partition_point(|start| *start < 150.0);
    assert_eq!(starts.len(), 100);
    assert!((0.0..10.0).contains(&starts[0]), "{starts:?}");
    assert!((290.0..300.1).contains(&starts[99]), "{starts:?}");
    assert!((40..=60).contains(&halves), "{starts:?}");
    // The chapter on scheduled work in the book quotes these numbers.
    assert_eq!(most_within(&starts, 1.0), 3, "{starts:?}");
    assert_eq!(most_within(&starts, 10.0), 10, "{starts:?}");
}

#[test]
fn without_jitter_jobs_start_together() {
    let starts = starts(false);
    assert_eq!(starts.len(), 100);
    assert_eq!(most_within(&starts, 0.01), 100, "{starts:?}");
}

#[test]
fn jitter_is_stable_and_proportional() {
    let jitter = super::super::jitter::Jitter::Default;
    let tick = at("2026-11-24T03:00:00Z");
    let offset = |instance, name, tick, gap| jitter.offset(instance, name, tick, gap);
    let one = offset(1, "a", tick, MINUTE);
    assert_eq!(one, offset(1, "a", tick, MINUTE));
    assert_ne!(one, offset(2, "a", tick, MINUTE));
    assert_ne!(one, offset(1, "b", tick, MINUTE));
    assert_ne!(one, offset(1, "a", at("2026-11-24T03:01:00Z"), MINUTE));
    for instance in 0..1_000 {
        assert!(offset(instance, "a", tick, MINUTE) <= Duration::from_secs(6));
        assert!(offset(instance, "a", tick, 24 * 60 * MINUTE) <= 5 * MINUTE);
        let asked = super::super::jitter::Jitter::AtMost(60 * MINUTE);
        assert!(asked.offset(instance, "a", tick, MINUTE) <= MINUTE / 2);
    }
}
