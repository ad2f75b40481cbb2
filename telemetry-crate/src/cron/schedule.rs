//! When something is due.
//!
//! The parser is `croner`: it takes the five fields that people write (the `cron` crate wants a second before them and
//! counts Sunday as 1), has no date type of its own to impose, and is maintained. What it leaves out: years, because a
//! schedule with a last year ends without a word.

use std::time::{Duration, SystemTime};

use croner::{
    Cron as Expression,
    parser::{CronParser, Seconds, Year},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    Cron, CronError,
    utc::{Utc, system_time},
};

/// Longer ones are no expressions; the parser's work grows with the length.
const MAX_LENGTH: usize = 256;
/// Most of a refused expression that is shown.
const SHOWN: usize = 64;
/// Leap years included. Whoever needs more wants a calendar.
const LONGEST_INTERVAL: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// Most ticks that are looked at in a row: each costs microseconds.
const LOOK_AT_MOST: usize = 1_000;
/// How far ahead the longest time between two ticks is looked for: a month and what is between two of its weeks.
const LOOK_AHEAD: SignedDuration = SignedDuration::from_hours(35 * 24);
/// A year of a monthly schedule.
const LOOK_AT_LEAST: usize = 12;

/// When something is due, in UTC: a cron expression or an interval.
#[derive(Debug, Clone)]
pub struct Schedule(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Expression(Box<Expression>),
    /// Seconds.
    Every(i64),
}

impl Schedule {
    /// A cron expression: minute, hour, day of month, month, day of week, as in Vixie cron (`0` and `7` are Sunday; a day
    /// that either of the two day fields names is due when both are set). A sixth field before them is the second.
    /// `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly` work, too.
    ///
    /// # Errors
    ///
    /// [`CronError::InvalidExpression`] for what is no expression, [`CronError::NeverDue`] for one that no date fits.
    ///
    /// ```
    /// use firstlight::cron::Schedule;
    ///
    /// let workdays_at_six = Schedule::cron("0 6 * * MON-FRI")?;
    /// assert!(Schedule::cron("0 25 * * *").is_err());
    /// # let _ = workdays_at_six;
    /// # Ok::<(), firstlight::cron::CronError>(())
    /// ```
    pub fn cron(expression: &str) -> Result<Self, CronError> {
        let found = || expression.chars().take(SHOWN).collect::<String>();
        let invalid = |reason: String| CronError::InvalidExpression {
            found: found(),
            reason,
        };
        if expression.len() > MAX_LENGTH || !expression.is_ascii() {
            return Err(invalid(format!(
                "at most {MAX_LENGTH} characters of ASCII are an expression"
            )));
        }
        let parsed = CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Disallowed)
            .build()
            .parse(expression)
            .map_err(|error| invalid(error.to_string()))?;
        let schedule = Self(Kind::Expression(Box::new(parsed)));
        match schedule.after(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(schedule),
            None => Err(CronError::NeverDue { found: found() }),
        }
    }

    /// Each multiple of `interval` since the Unix epoch, so that all replicas mean the same instants and a restart does
    /// not begin the interval anew.
    ///
    /// # Errors
    ///
    /// [`CronError::InvalidInterval`] for fractions of a second, less than a second and more than 366 days.
    pub fn every(interval: Duration) -> Result<Self, CronError> {
        let invalid = CronError::InvalidInterval { found: interval };
        if interval.is_zero() || interval.subsec_nanos() != 0 || interval > LONGEST_INTERVAL {
            return Err(invalid);
        }
        let seconds = i64::try_from(interval.as_secs()).map_err(|_| invalid)?;
        Ok(Self(Kind::Every(seconds)))
    }

    /// Declares a job of this schedule. The name is the label `cron` of its metrics and its key in the [`Store`].
    ///
    /// [`Store`]: super::Store
    pub fn named(self, name: impl Into<String>) -> Cron {
        Cron::new(name.into(), self)
    }

    /// The first time after `time` when it is due, without jitter; `None` beyond the year 9999.
    pub fn next_after(&self, time: SystemTime) -> Option<SystemTime> {
        let time = Timestamp::try_from(time).ok()?;
        self.after(time).map(system_time)
    }

    pub(super) fn after(&self, time: Timestamp) -> Option<Timestamp> {
        match &self.0 {
            Kind::Expression(expression) => {
                let next = expression.find_next_occurrence(&Utc(time), false).ok()?;
                Some(next.0)
            }
            Kind::Every(seconds) => {
                let ticks = time.as_second().div_euclid(*seconds);
                let next = ticks.checked_add(1)?.checked_mul(*seconds)?;
                Timestamp::from_second(next).ok()
            }
        }
    }

    pub(super) fn at_or_before(&self, time: Timestamp) -> Option<Timestamp> {
        match &self.0 {
            Kind::Expression(expression) => {
                // The parser knows no fractions of a second; without them, the second that has begun is the latest.
                let time = Timestamp::from_second(time.as_second()).ok()?;
                let last = expression.find_previous_occurrence(&Utc(time), true).ok()?;
                Some(last.0)
            }
            Kind::Every(seconds) => {
                let ticks = time.as_second().div_euclid(*seconds);
                Timestamp::from_second(ticks.checked_mul(*seconds)?).ok()
            }
        }
    }

    /// How many ticks there are after `after` and until `until`, counted up to 1,000.
    pub(super) fn ticks_between(&self, after: Timestamp, until: Timestamp) -> u64 {
        let ticks = std::iter::successors(self.after(after), |tick| self.after(*tick));
        let count = ticks
            .take_while(|tick| *tick <= until)
            .take(LOOK_AT_MOST)
            .count();
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// From this tick to the next.
    pub(super) fn gap(&self, tick: Timestamp) -> Duration {
        let next = self.after(tick).unwrap_or(tick);
        positive(next.duration_since(tick))
    }

    /// The longest time between two ticks: a job that is due on workdays is not late on a Sunday.
    pub(super) fn longest_gap(&self, from: Timestamp) -> Duration {
        if let Kind::Every(seconds) = self.0 {
            return positive(SignedDuration::from_secs(seconds));
        }
        let horizon = from.checked_add(LOOK_AHEAD).unwrap_or(from);
        let (mut longest, mut last, mut seen) = (Duration::ZERO, None, 0);
        while let Some(tick) = self.after(last.unwrap_or(from)) {
            let gap = last.map_or(SignedDuration::ZERO, |last| tick.duration_since(last));
            longest = longest.max(positive(gap));
            last = Some(tick);
            seen += 1;
            if seen >= LOOK_AT_MOST || seen > LOOK_AT_LEAST && tick > horizon {
                break;
            }
        }
        longest
    }
}

/// What lies in the past is no time at all.
pub(super) fn positive(duration: SignedDuration) -> Duration {
    Duration::try_from(duration).unwrap_or_default()
}
