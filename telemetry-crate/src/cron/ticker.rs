//! One job for as long as the scheduler runs: tick after tick, never two at once.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tokio::time;

use super::{
    Claim, Cron, MisfirePolicy, RunOutcome, Store,
    clock::Clock,
    lease::{LEASE, Lease},
    metrics::{CronMetrics, Outcome},
    run::{self, Job, cron_event},
    schedule::positive,
    stop::Stop,
    utc::system_time,
};
use crate::values::counted;

/// A store that is down is asked again after so long, until the next tick is due.
const RETRY: Duration = Duration::from_secs(10);

pub(super) struct Ticker<S> {
    cron: Cron,
    job: Job,
    lease: Lease<S>,
    clock: Clock,
    instance: u64,
    metrics: CronMetrics,
    /// How long a run is expected to take.
    expected: Duration,
    stop: Stop,
}

impl<S: Store> Ticker<S> {
    pub(super) fn new(
        cron: Cron,
        job: Job,
        lease: Lease<S>,
        clock: Clock,
        instance: u64,
        stop: Stop,
    ) -> Self {
        let interval = cron.schedule.longest_gap();
        let expected = cron.expected(interval);
        let metrics = CronMetrics::new(&cron.name, interval, expected);
        Self {
            cron,
            job,
            lease,
            clock,
            instance,
            metrics,
            expected,
            stop,
        }
    }

    /// Returns when it is asked to stop and nothing runs any more.
    pub(super) async fn keep(mut self) {
        let Some(mut after) = self.catch_up().await else {
            return;
        };
        // Schedules end with the calendar, in the year 9999.
        while let Some(tick) = self.cron.schedule.after(after) {
            if self.wait_for(tick).await.is_none() {
                return;
            }
            let tick = self.skip_to_latest(tick);
            after = tick;
            if self.claim(tick).await {
                self.run(tick).await;
                after = self.skip_passed(tick);
            }
        }
    }

    /// Makes up for ticks that passed while nothing ran; returns the time after which ticks are new. `None` if it is to
    /// stop.
    async fn catch_up(&mut self) -> Option<Timestamp> {
        let now = self.clock.now();
        let name = self.cron.name.clone();
        let last_success = match self.stop.or(self.lease.last_success()).await? {
            Ok(last_success) => last_success,
            Err(error) => {
                cron_event!(
                    warn,
                    name,
                    "cron {name}: the store does not tell what was missed: {error}"
                );
                None
            }
        };
        self.note(last_success).await?;
        let Some(last) = last_success.and_then(|last| Timestamp::try_from(last).ok()) else {
            return Some(now);
        };
        let missed = self.cron.schedule.ticks_between(last, now);
        let latest = self.cron.schedule.at_or_before(now);
        let Some(latest) = latest.filter(|_| missed > 0) else {
            return Some(now);
        };
        let runs = counted(missed, "run was", "runs were");
        if self.cron.misfire_policy == MisfirePolicy::Skip {
            self.metrics.count(Outcome::Missed, missed);
            cron_event!(
                warn,
                name,
                "cron {name}: {runs} missed since {last}; the next one is the next that is due"
            );
            return Some(now);
        }
        // Spread, too: after a deploy all jobs have missed something.
        let start = self.jitter(latest);
        self.stop.or(time::sleep(start)).await?;
        if self.claim(latest).await {
            self.metrics.count(Outcome::Missed, missed);
            cron_event!(
                warn,
                self.cron.name,
                "cron {}: {runs} missed since {last}; one makes up for them now",
                self.cron.name
            );
            self.run(latest).await;
            return Some(self.skip_passed(latest));
        }
        Some(now)
    }

    fn jitter(&self, tick: Timestamp) -> Duration {
        let Cron {
            name,
            schedule,
            jitter,
            ..
        } = &self.cron;
        jitter.offset(self.instance, name, tick, schedule.gap(tick))
    }

    async fn wait_for(&mut self, tick: Timestamp) -> Option<()> {
        let start = tick.checked_add(self.jitter(tick)).unwrap_or(tick);
        self.stop.or(self.clock.sleep_until(start)).await
    }

    /// A machine that stood still wakes up with many ticks behind it; the latest is the one to run.
    fn skip_to_latest(&self, tick: Timestamp) -> Timestamp {
        let latest = self.cron.schedule.at_or_before(self.clock.now());
        let Some(latest) = latest.filter(|latest| *latest > tick) else {
            return tick;
        };
        let name = &self.cron.name;
        let missed = self.cron.schedule.ticks_between(tick, latest);
        self.metrics.count(Outcome::Missed, missed);
        let runs = counted(missed, "run was", "runs were");
        cron_event!(
            warn,
            name,
            "cron {name}: {runs} missed, because the process stood still or its clock was set forward"
        );
        latest
    }

    /// Whether this replica is to run the tick. Asks until it knows, or the next tick is due.
    async fn claim(&mut self, tick: Timestamp) -> bool {
        let mut was_down = false;
        loop {
            let Some(claim) = self.stop.or(self.lease.claim(tick)).await else {
                return false;
            };
            let (pause, otherwise) = match claim {
                Ok(Claim::Granted) => return true,
                Ok(Claim::Done) => return self.skip_elsewhere().await,
                Ok(Claim::Overlaps) => return self.skip(Outcome::SkippedOverlap),
                // Should it die, its lease ends, and another replica must be ready.
                Ok(Claim::Running) => (LEASE, Outcome::SkippedElsewhere),
                Err(error) => {
                    let name = &self.cron.name;
                    if !was_down {
                        cron_event!(
                            warn,
                            name,
                            "cron {name}: waits, because the store cannot say who runs it: {error}"
                        );
                    }
                    was_down = true;
                    (RETRY, Outcome::SkippedStore)
                }
            };
            let next = self.cron.schedule.after(tick).unwrap_or(tick);
            let left = positive(next.duration_since(self.clock.now()));
            if self.stop.or(time::sleep(pause.min(left))).await.is_none() {
                return false;
            }
            if pause >= left {
                return match otherwise {
                    Outcome::SkippedElsewhere => self.skip_elsewhere().await,
                    otherwise => self.skip(otherwise),
                };
            }
        }
    }

    /// What the other replica has done is this one's knowledge, too: it may be the only one left when the next run is late.
    async fn skip_elsewhere(&mut self) -> bool {
        if let Some(Ok(last_success)) = self.stop.or(self.lease.last_success()).await {
            self.note(last_success).await;
        }
        self.skip(Outcome::SkippedElsewhere)
    }

    /// Exports the last success, and when the next one is due. Of a job that has never succeeded that counts from when it was
    /// first scheduled. `None` if it is to stop.
    async fn note(&mut self, last_success: Option<SystemTime>) -> Option<()> {
        let now = system_time(self.clock.now());
        let since = match last_success {
            Some(success) => {
                self.metrics.succeeded_at(success);
                success
            }
            // A store that is down is a warning already; what is due counts from now until it answers.
            None => {
                let seen = self.stop.or(self.lease.first_seen(now)).await?;
                seen.unwrap_or(now)
            }
        };
        let schedule = &self.cron.schedule;
        // One tick may fail. The end of the run of the one after it.
        let due = Timestamp::try_from(since)
            .ok()
            .and_then(|since| schedule.after(schedule.after(since)?))
            .and_then(|tick| tick.checked_add(self.jitter(tick) + self.expected).ok());
        if let Some(due) = due {
            self.metrics.success_is_due(system_time(due));
        }
        Some(())
    }

    fn skip(&self, outcome: Outcome) -> bool {
        self.metrics.count(outcome, 1);
        let name = &self.cron.name;
        // What the other replicas do is no news; that none runs it is.
        match outcome {
            Outcome::SkippedOverlap => {
                cron_event!(
                    warn,
                    name,
                    "cron {name}: skipped, because the run before it still goes on in another replica"
                );
            }
            Outcome::SkippedStore => {
                cron_event!(
                    error,
                    name,
                    "cron {name}: skipped, because the store was down until the next tick"
                );
            }
            _ => {
                cron_event!(debug, name, "cron {name}: another replica runs it");
            }
        }
        false
    }

    /// Until the run ends in one way or another. Who has lost the claim in its middle asks for it again, like any other replica:
    /// the store may have been out of reach for all of them.
    async fn run(&mut self, tick: Timestamp) {
        while self.attempt(tick).await == Outcome::TakenOver && self.claim(tick).await {}
    }

    async fn attempt(&mut self, tick: Timestamp) -> Outcome {
        let delay = positive(self.clock.now().duration_since(tick));
        let span = run::span(&self.cron, tick);
        // In its span, so that an exemplar leads from a late start to what ran late.
        span.in_scope(|| self.metrics.start_delay.record(delay));
        self.metrics.running.set(1.0);
        let lost = self.lease.keep(tick);
        let report = run::run(&self.cron, &self.job, tick, span, lost, &mut self.stop).await;
        self.metrics.running.set(0.0);
        self.metrics.ran_for(report.duration);
        self.metrics.count(report.outcome, 1);
        let at = system_time(self.clock.now());
        let ended = match report.outcome {
            Outcome::Ok => RunOutcome::Succeeded,
            Outcome::Interrupted => RunOutcome::Interrupted,
            // The claim belongs to another process by now, and must not be touched.
            Outcome::TakenOver => return report.outcome,
            _ => RunOutcome::Failed,
        };
        if ended == RunOutcome::Succeeded {
            self.note(Some(at)).await;
        }
        self.lease.finish(tick, ended, at).await;
        report.outcome
    }

    /// The ticks that came while this one ran are over; returns the last of them.
    fn skip_passed(&self, tick: Timestamp) -> Timestamp {
        let schedule = &self.cron.schedule;
        let latest = schedule.at_or_before(self.clock.now()).unwrap_or(tick);
        let passed = schedule.ticks_between(tick, latest);
        if passed > 0 {
            let name = &self.cron.name;
            self.metrics.count(Outcome::SkippedOverlap, passed);
            let runs = counted(passed, "run was", "runs were");
            cron_event!(
                warn,
                name,
                "cron {name}: {runs} skipped, because the one before them took longer than the interval"
            );
        }
        latest.max(tick)
    }
}
