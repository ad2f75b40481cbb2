//! When something is due.
//!
//! The parser is `croner`: it takes the five fields that people write (the `cron` crate wants a second before them and
//! counts Sunday as 1), has no date type of its own to impose, and is maintained. What it leaves out: years, because a
//! schedule with a last year ends without a word.

use std::time::{Duration, SystemTime};

use croner::{
    Cron as Expression,
    errors::CronError as Refused,
    parser::{CronParser, Seconds, Year},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    Cron, CronError,
    utc::{Utc, system_time},
};
use crate::values::counted;

/// Longer ones are no expressions; the parser's work grows with the length.
const MAX_LENGTH: usize = 256;
/// What each field may be.
const FIELDS: [(&str, &str); 6] = [
    ("second", "0 to 59"),
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of month", "1 to 31 or L"),
    ("month", "1 to 12 or JAN to DEC"),
    ("day of week", "0 to 7 or SUN to SAT"),
];
/// Most of a refused expression that is shown.
const SHOWN: usize = 64;
/// Leap years included.
const LONGEST_INTERVAL: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// Most ticks that are looked at in a row: each costs microseconds.
const LOOK_AT_MOST: usize = 1_000;
/// The longest time between two ticks is looked for from here on, whatever day it is today.
const LOOK_FROM: Timestamp = Timestamp::constant(946_684_799, 0); // the second before 2000-01-01
/// And until there: 29 February is due once in eight years around 2100.
const LOOK_UNTIL: Timestamp = Timestamp::constant(4_418_064_000, 0); // 2110-01-01
/// Days that a schedule is due on, of which so many show each gap that there is: more than a leap year of daily ones, and all of those
/// that a sparse schedule has until [`LOOK_UNTIL`].
const LOOK_AT_DAYS: usize = 400;

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
    /// A cron expression: minute, hour, day of month, month, day of week, as in Vixie cron. `0` and `7` are Sunday. A day that
    /// either of the two day fields names is due when both are set, and a day that both name when one of them begins with
    /// `*`, such as `*/2`. A sixth field before them is the second. `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly`
    /// work, too, and so do Quartz's `L`, `W` and `#`.
    ///
    /// Quartz counts weekdays from 1 for Sunday. Its `?` is taken for `*` beside weekdays by name, and refused beside numbers.
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
                "expected at most {MAX_LENGTH} characters of ASCII"
            )));
        }
        let fields: Vec<_> = expression.split_whitespace().collect();
        let is_star = |field: &str| field.starts_with(['*', '?']);
        let (days, weekdays) = match fields[..] {
            [.., days, _, weekdays] => (days, weekdays),
            _ => ("", ""),
        };
        // Behind `#` and `/` are counts, which mean the same everywhere.
        let is_numbered = |item: &str| {
            let day = item.split(['#', '/']).next().unwrap_or_default();
            day.contains(|char: char| char.is_ascii_digit())
        };
        if expression.contains('?') && weekdays.split(',').any(is_numbered) {
            return Err(invalid(
                "`?` is Quartz's, where 1 is Sunday, and here 0 and 7 are: name the weekdays, such as MON-FRI".to_owned(),
            ));
        }
        if fields
            .iter()
            .any(|field| field.split(',').any(str::is_empty))
        {
            return Err(invalid("a list has an empty item".to_owned()));
        }
        // What Vixie cron does, for which `*/2` is a star; the parser knows only the bare one.
        let parsed = parse(expression, is_star(days) || is_star(weekdays))
            .map_err(|error| invalid(why(&fields, &error)))?;
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

    /// The longest time between two ticks, the same on each day that it is asked.
    ///
    /// Times of day are those of each day that is due, minutes those of each hour and seconds those of each minute. So all gaps
    /// are seen between the ticks of one minute, the minutes of one hour, the hours of one day, and the days.
    pub(super) fn longest_gap(&self) -> Duration {
        if let Kind::Every(seconds) = self.0 {
            return positive(SignedDuration::from_secs(seconds));
        }
        let blocks = [
            (1, 60),
            (60, 60),
            (60 * 60, 24),
            (24 * 60 * 60, LOOK_AT_DAYS),
        ];
        let gaps = blocks
            .into_iter()
            .flat_map(|(length, count)| self.gaps_between(length, count));
        gaps.max().unwrap_or_default()
    }

    /// From the last tick in a block of `length` seconds to the first in the next that has any, for `count` such blocks.
    fn gaps_between(&self, length: i64, count: usize) -> impl Iterator<Item = Duration> {
        let mut tick = self.after(LOOK_FROM);
        let gaps = std::iter::from_fn(move || {
            let block = tick?.as_second().div_euclid(length);
            let end = Timestamp::from_second((block + 1) * length - 1).ok()?;
            let last = self.at_or_before(end)?;
            let next = self.after(last).filter(|next| *next < LOOK_UNTIL)?;
            tick = Some(next);
            Some(positive(next.duration_since(last)))
        });
        gaps.take(count)
    }
}

fn parse(expression: &str, dom_and_dow: bool) -> Result<Expression, Refused> {
    CronParser::builder()
        .seconds(Seconds::Optional)
        .year(Year::Disallowed)
        .dom_and_dow(dom_and_dow)
        .build()
        .parse(expression)
}

/// Why the parser refused the expression: a wrong number of fields, or the field that is refused alone, too.
fn why(fields: &[&str], error: &Refused) -> String {
    if fields.first().is_some_and(|field| field.starts_with('@')) {
        return "expected @hourly, @daily, @weekly, @monthly or @yearly, or five fields such as \"0 3 * * *\"".to_owned();
    }
    let Some(missing) = FIELDS.len().checked_sub(fields.len()).filter(|it| *it < 2) else {
        return format!(
            "it has {}, expected five, minute, hour, day of month, month and day of week, such as \"0 3 * * *\", or six with the second before them",
            counted(fields.len() as u64, "field", "fields")
        );
    };
    let is_refused = |place: usize| {
        let mut alone = ["*"; FIELDS.len()];
        alone[place] = fields[place - missing];
        parse(&alone.join(" "), false).is_err()
    };
    match (missing..FIELDS.len()).find(|place| is_refused(*place)) {
        Some(place) => {
            let (name, expected) = FIELDS[place];
            let field = fields[place - missing];
            format!(
                "its {name} is {field:?}, expected {expected}, `*`, or a list, range or step of them such as `*/2`"
            )
        }
        None => error.to_string(),
    }
}

/// What lies in the past is no time at all.
pub(super) fn positive(duration: SignedDuration) -> Duration {
    Duration::try_from(duration).unwrap_or_default()
}
