//! The loop of one job: runs tick after tick, never two at once.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tokio::time;

use super::{
    Claim, Cron, MisfirePolicy, RunOutcome, Store,
    clock::Clock,
    lease::{LEASE, Lease},
    metrics::{CronMetrics, TickOutcome},
    run::{self, Job, cron_event},
    schedule::positive,
    stop::Stop,
    utc::system_time,
};
use crate::values::counted;

/// Pause before an unavailable store is asked again, until the next tick is due.
const STORE_RETRY_PAUSE: Duration = Duration::from_secs(10);

/// The state of one job's loop.
pub(super) struct Ticker<S> {
    cron: Cron,
    job: Job,
    lease: Lease<S>,
    clock: Clock,
    instance: u64,
    metrics: CronMetrics,
    /// Expected duration of a run.
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

    /// Runs ticks until the stop, and returns once no run is active.
    pub(super) async fn run_until_stopped(mut self) {
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

    /// Makes up for ticks that passed while no replica ran.
    ///
    /// Returns the time after which ticks are new, or `None` on a stop.
    async fn catch_up(&mut self) -> Option<Timestamp> {
        let now = self.clock.now();
        let name = self.cron.name.clone();
        let last_success = match self.stop.unless_stopped(self.lease.last_success()).await? {
            Ok(last_success) => last_success,
            Err(error) => {
                cron_event!(
                    warn,
                    name,
                    "cron {name}: cannot read from the store whether runs were missed: {error}"
                );
                None
            }
        };
        self.record_success(last_success).await?;
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
            self.metrics.count(TickOutcome::Missed, missed);
            cron_event!(
                warn,
                name,
                "cron {name}: {runs} missed since {last}; the job waits for its next tick"
            );
            return Some(now);
        }
        // This run has jitter as well, because after a deploy all jobs may have missed ticks.
        let start = self.jitter(latest);
        self.stop.unless_stopped(time::sleep(start)).await?;
        if self.claim(latest).await {
            self.metrics.count(TickOutcome::Missed, missed);
            cron_event!(
                warn,
                self.cron.name,
                "cron {}: {runs} missed since {last}; one run makes up for them now",
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

    fn start(&self, tick: Timestamp) -> Timestamp {
        tick.checked_add(self.jitter(tick)).unwrap_or(tick)
    }

    async fn wait_for(&mut self, tick: Timestamp) -> Option<()> {
        let start = self.start(tick);
        self.metrics.set_next_run(system_time(start));
        self.stop
            .unless_stopped(self.clock.sleep_until(start))
            .await
    }

    /// Returns the latest due tick, and counts the earlier ones as missed.
    ///
    /// After a suspend, or after its clock was set forward, a machine has many due ticks at once.
    fn skip_to_latest(&self, tick: Timestamp) -> Timestamp {
        let latest = self.cron.schedule.at_or_before(self.clock.now());
        let Some(latest) = latest.filter(|latest| *latest > tick) else {
            return tick;
        };
        let name = &self.cron.name;
        let missed = self.cron.schedule.ticks_between(tick, latest);
        self.metrics.count(TickOutcome::Missed, missed);
        let runs = counted(missed, "run was", "runs were");
        cron_event!(
            warn,
            name,
            "cron {name}: {runs} missed, because the process was suspended or its clock was set forward"
        );
        latest
    }

    /// Claims a tick, and returns whether this replica is to run it.
    ///
    /// Repeats the claim until the answer is final or the next tick is due.
    async fn claim(&mut self, tick: Timestamp) -> bool {
        let mut was_down = false;
        loop {
            let Some(claim) = self.stop.unless_stopped(self.lease.claim(tick)).await else {
                return false;
            };
            let (pause, otherwise) = match claim {
                Ok(Claim::Granted) => return true,
                Ok(Claim::Done) => return self.skip_elsewhere().await,
                Ok(Claim::Overlaps) => return self.skip(TickOutcome::SkippedOverlap),
                // If the other replica dies, its lease ends, and this replica takes over.
                Ok(Claim::Running) => (LEASE, TickOutcome::SkippedElsewhere),
                Err(error) => {
                    let name = &self.cron.name;
                    if !was_down {
                        cron_event!(
                            warn,
                            name,
                            "cron {name}: waits, because the store is unavailable: {error}"
                        );
                    }
                    was_down = true;
                    (STORE_RETRY_PAUSE, TickOutcome::SkippedStore)
                }
            };
            let next = self.cron.schedule.after(tick).unwrap_or(tick);
            let left = positive(next.duration_since(self.clock.now()));
            if self
                .stop
                .unless_stopped(time::sleep(pause.min(left)))
                .await
                .is_none()
            {
                return false;
            }
            if pause >= left {
                return match otherwise {
                    TickOutcome::SkippedElsewhere => self.skip_elsewhere().await,
                    otherwise => self.skip(otherwise),
                };
            }
        }
    }

    /// Records another replica's success as well, and skips the tick.
    ///
    /// This replica's metric may be the only one left when the next run is late.
    async fn skip_elsewhere(&mut self) -> bool {
        if let Some(Ok(last_success)) = self.stop.unless_stopped(self.lease.last_success()).await {
            self.record_success(last_success).await;
        }
        self.skip(TickOutcome::SkippedElsewhere)
    }

    /// Exports the last success, and the time at which the next one is due.
    ///
    /// The due time of a job that has never succeeded counts from its first scheduling. Returns
    /// `None` on a stop.
    async fn record_success(&mut self, last_success: Option<SystemTime>) -> Option<()> {
        let now = system_time(self.clock.now());
        let since = match last_success {
            Some(success) => {
                self.metrics.set_last_success(success);
                success
            }
            // An unavailable store already has a warning. The due time counts from now until the
            // store answers.
            None => {
                let seen = self.stop.unless_stopped(self.lease.first_seen(now)).await?;
                seen.unwrap_or(now)
            }
        };
        let schedule = &self.cron.schedule;
        // One run may fail, so a success is due only at the end of the second run.
        let due = Timestamp::try_from(since)
            .ok()
            .and_then(|since| schedule.after(schedule.after(since)?))
            .and_then(|tick| tick.checked_add(self.jitter(tick) + self.expected).ok());
        if let Some(due) = due {
            self.metrics.set_success_due(system_time(due));
        }
        Some(())
    }

    fn skip(&self, outcome: TickOutcome) -> bool {
        self.metrics.count(outcome, 1);
        let name = &self.cron.name;
        // A run by another replica is normal. In the other cases, the tick may run nowhere.
        match outcome {
            TickOutcome::SkippedOverlap => {
                cron_event!(
                    warn,
                    name,
                    "cron {name}: skipped, because the previous run is still active in another replica"
                );
            }
            TickOutcome::SkippedStore => {
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

    /// Runs a tick until its outcome is final.
    ///
    /// A replica that loses the claim during the run claims the tick again, like any other replica,
    /// because the store may have been unavailable for all of them.
    async fn run(&mut self, tick: Timestamp) {
        if let Some(next) = self.cron.schedule.after(tick) {
            self.metrics.set_next_run(system_time(self.start(next)));
        }
        while self.attempt(tick).await == TickOutcome::TakenOver && self.claim(tick).await {}
    }

    async fn attempt(&mut self, tick: Timestamp) -> TickOutcome {
        let delay = positive(self.clock.now().duration_since(tick));
        let span = run::span(&self.cron, tick);
        // Recorded within the run's span, so that the exemplar of a late start leads to the run.
        span.in_scope(|| self.metrics.start_delay.record(delay));
        self.metrics.running.set(1.0);
        let lost = self.lease.extend_until_lost(tick);
        let report = run::run(&self.cron, &self.job, tick, span, lost, &mut self.stop).await;
        self.metrics.running.set(0.0);
        self.metrics.set_last_duration(report.duration);
        self.metrics.count(report.outcome, 1);
        let at = system_time(self.clock.now());
        let ended = match report.outcome {
            TickOutcome::Ok => RunOutcome::Succeeded,
            TickOutcome::Interrupted => RunOutcome::Interrupted,
            // The claim may belong to another process by now, and must not be changed.
            TickOutcome::TakenOver => return report.outcome,
            _ => RunOutcome::Failed,
        };
        if ended == RunOutcome::Succeeded {
            self.record_success(Some(at)).await;
        }
        self.lease.finish(tick, ended, at).await;
        report.outcome
    }

    /// Counts the ticks that passed during a run as skipped, and returns the last.
    ///
    /// Returns `tick` itself if none has passed.
    fn skip_passed(&self, tick: Timestamp) -> Timestamp {
        let schedule = &self.cron.schedule;
        let latest = schedule.at_or_before(self.clock.now()).unwrap_or(tick);
        let passed = schedule.ticks_between(tick, latest);
        if passed > 0 {
            let name = &self.cron.name;
            self.metrics.count(TickOutcome::SkippedOverlap, passed);
            let runs = counted(passed, "run was", "runs were");
            cron_event!(
                warn,
                name,
                "cron {name}: {runs} skipped, because the previous run took longer than the interval"
            );
        }
        latest.max(tick)
    }
}
