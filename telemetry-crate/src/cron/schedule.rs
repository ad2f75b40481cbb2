//! Schedules: when a job is due.
//!
//! The parser is `croner`. It takes the usual five fields (the `cron` crate requires a second
//! before them and counts Sunday as 1), has no date type of its own, and is maintained. Years are
//! not supported, because a schedule with a last year ends unnoticed.

use std::time::{Duration, SystemTime};

use croner::{
    Cron as Expression,
    errors::CronError as ParseError,
    parser::{CronParser, Seconds, Year},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    Cron, CronError,
    utc::{Utc, system_time},
};
use crate::values::counted;

/// Longest expression; the parser's work grows with the length.
const MAX_LENGTH: usize = 256;
/// Names of the fields, and the values they take.
const FIELDS: [(&str, &str); 6] = [
    ("second", "0 to 59"),
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of month", "1 to 31 or L"),
    ("month", "1 to 12 or JAN to DEC"),
    ("day of week", "0 to 7 or SUN to SAT"),
];
/// Maximum number of characters shown of an invalid expression.
const MAX_SHOWN: usize = 64;
/// Longest interval: a leap year.
const LONGEST_INTERVAL: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// Maximum number of consecutive ticks to count; each costs microseconds.
const MAX_COUNTED_TICKS: usize = 1_000;
/// Start of the search for the longest gap; fixed, so the result never changes.
const SEARCH_START: Timestamp = Timestamp::constant(946_684_799, 0); // the second before 2000-01-01
/// End of the search, after the years around 2100, when 29 February is rarest.
const SEARCH_END: Timestamp = Timestamp::constant(4_418_064_000, 0); // 2110-01-01
/// Number of due days that are searched for gaps.
///
/// It is more than a leap year of daily ticks, and more than a sparse schedule has until
/// [`SEARCH_END`].
const SEARCHED_DAYS: usize = 400;

/// A schedule in UTC: a cron expression or an interval.
#[derive(Debug, Clone)]
pub struct Schedule(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Expression(Box<Expression>),
    /// Interval in seconds.
    Every(i64),
}

impl Schedule {
    /// Creates a schedule from a cron expression.
    ///
    /// The fields are minute, hour, day of month, month and day of week, as in Vixie cron. `0` and
    /// `7` are Sunday. If both day fields are set, the job is due on each day that matches either
    /// field. If one of them begins with `*`, such as `*/2`, the job is due on the days that match
    /// both. A sixth field at the front is the second. `@hourly`, `@daily`, `@weekly`, `@monthly`
    /// and `@yearly` work as well, and so do Quartz's `L`, `W` and `#`.
    ///
    /// Quartz counts weekdays from 1 for Sunday. So Quartz's `?` is accepted as `*` if the weekdays
    /// are names, and is an error if they are numbers.
    ///
    /// # Errors
    ///
    /// Returns [`CronError::InvalidExpression`] if it is not a cron expression, and
    /// [`CronError::NeverDue`] if no date matches it.
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
        let found = || expression.chars().take(MAX_SHOWN).collect::<String>();
        let parsed = parse(expression).map_err(|reason| CronError::InvalidExpression {
            name: None,
            found: found(),
            reason,
        })?;
        let schedule = Self(Kind::Expression(Box::new(parsed)));
        match schedule.after(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(schedule),
            None => Err(CronError::NeverDue {
                name: None,
                found: found(),
            }),
        }
    }

    /// Creates a schedule that is due at each multiple of `interval` since 1970.
    ///
    /// The multiples count from the Unix epoch. So all replicas have the same ticks, and a restart
    /// does not begin a new interval.
    ///
    /// # Errors
    ///
    /// Returns [`CronError::InvalidInterval`] if the interval is less than a second, more than 366
    /// days, or not a whole number of seconds.
    pub fn every(interval: Duration) -> Result<Self, CronError> {
        let invalid = CronError::InvalidInterval {
            name: None,
            found: interval,
        };
        if interval.is_zero() || interval.subsec_nanos() != 0 || interval > LONGEST_INTERVAL {
            return Err(invalid);
        }
        let seconds = i64::try_from(interval.as_secs()).map_err(|_| invalid)?;
        Ok(Self(Kind::Every(seconds)))
    }

    /// Declares a job with this schedule.
    ///
    /// Prefer [`Cron::parse`] and [`Cron::every`], whose errors have the job's name.
    pub fn named(self, name: impl Into<String>) -> Cron {
        Cron::new(name.into(), self)
    }

    /// Returns the first due time after `time`, without jitter.
    ///
    /// Returns `None` after the year 9999.
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
                // The parser has no fractions of a second. The second that has begun counts.
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

    /// Returns the number of ticks after `after` and up to `until`, at most 1,000.
    pub(super) fn ticks_between(&self, after: Timestamp, until: Timestamp) -> u64 {
        let ticks = std::iter::successors(self.after(after), |tick| self.after(*tick));
        let count = ticks
            .take_while(|tick| *tick <= until)
            .take(MAX_COUNTED_TICKS)
            .count();
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// Returns the time from this tick to the next.
    pub(super) fn gap(&self, tick: Timestamp) -> Duration {
        let next = self.after(tick).unwrap_or(tick);
        positive(next.duration_since(tick))
    }

    /// Returns the longest time between two ticks, whatever today's date is.
    ///
    /// Each due day has the same times of day, each due hour the same minutes, and each due minute
    /// the same seconds. So the longest gap is between ticks of one minute, minutes of one hour,
    /// hours of one day, or days.
    pub(super) fn longest_gap(&self) -> Duration {
        if let Kind::Every(seconds) = self.0 {
            return positive(SignedDuration::from_secs(seconds));
        }
        let blocks = [
            (1, 60),
            (60, 60),
            (60 * 60, 24),
            (24 * 60 * 60, SEARCHED_DAYS),
        ];
        let gaps = blocks
            .into_iter()
            .flat_map(|(length, count)| self.gaps_between(length, count));
        gaps.max().unwrap_or_default()
    }

    /// Returns the gaps between the last tick of a block and the first of the next.
    ///
    /// A block has `length` seconds. Blocks without ticks are skipped, and `count` gaps are
    /// returned.
    fn gaps_between(&self, length: i64, count: usize) -> impl Iterator<Item = Duration> {
        let mut tick = self.after(SEARCH_START);
        let gaps = std::iter::from_fn(move || {
            let block = tick?.as_second().div_euclid(length);
            let end = Timestamp::from_second((block + 1) * length - 1).ok()?;
            let last = self.at_or_before(end)?;
            let next = self.after(last).filter(|next| *next < SEARCH_END)?;
            tick = Some(next);
            Some(positive(next.duration_since(last)))
        });
        gaps.take(count)
    }
}

/// Checks and parses an expression.
///
/// The error is the reason for which the expression is invalid. The checks reject what the parser
/// would accept, but understand differently than the author means it.
fn parse(expression: &str) -> Result<Expression, String> {
    if expression.len() > MAX_LENGTH || !expression.is_ascii() {
        return Err(format!("expected at most {MAX_LENGTH} ASCII characters"));
    }
    let fields: Vec<_> = expression.split_whitespace().collect();
    let is_star = |field: &str| field.starts_with(['*', '?']);
    let (days, weekdays) = match fields[..] {
        [.., days, _, weekdays] => (days, weekdays),
        _ => ("", ""),
    };
    // Numbers after `#` and `/` are counts, which have the same meaning everywhere.
    let is_numbered = |item: &str| {
        let day = item.split(['#', '/']).next().unwrap_or_default();
        day.contains(|char: char| char.is_ascii_digit())
    };
    if expression.contains('?') && weekdays.split(',').any(is_numbered) {
        return Err(
            "`?` is Quartz's, where 1 is Sunday, and here 0 and 7 are: name the weekdays, such as MON-FRI".to_owned(),
        );
    }
    if fields
        .iter()
        .any(|field| field.split(',').any(str::is_empty))
    {
        return Err(
            "a list has an empty item, expected items such as `1,15`; remove the comma".to_owned(),
        );
    }
    if let Some(zone) = fields.iter().find(|field| is_time_zone(field)) {
        return Err(format!(
            "it has the time zone {zone:?}, expected none, because schedules are in UTC; remove it, and write the time in UTC"
        ));
    }
    // In Vixie cron, `*/2` counts as a star. The parser recognizes only a bare star.
    parse_fields(expression, is_star(days) || is_star(weekdays))
        .map_err(|error| parse_failure(&fields, &error))
}

/// Returns whether a field is a time zone.
///
/// It may be `TZ=…`, `CRON_TZ=…`, `Area/City`, or UTC.
fn is_time_zone(field: &str) -> bool {
    let is_word =
        |text: &str| text.len() > 1 && text.starts_with(|char: char| char.is_ascii_alphabetic());
    let is_place = |(area, city): (&str, &str)| is_word(area) && is_word(city);
    field.contains("TZ=")
        || field.split_once('/').is_some_and(is_place)
        || ["UTC", "GMT"]
            .iter()
            .any(|zone| field.eq_ignore_ascii_case(zone))
}

fn parse_fields(expression: &str, dom_and_dow: bool) -> Result<Expression, ParseError> {
    CronParser::builder()
        .seconds(Seconds::Optional)
        .year(Year::Disallowed)
        .dom_and_dow(dom_and_dow)
        .build()
        .parse(expression)
}

/// Returns the reason for a parse error.
///
/// It is a wrong number of fields, or the first field that is invalid on its own.
fn parse_failure(fields: &[&str], error: &ParseError) -> String {
    if fields.first().is_some_and(|field| field.starts_with('@')) {
        return "expected @hourly, @daily, @weekly, @monthly or @yearly, or five fields such as \"0 3 * * *\"".to_owned();
    }
    let Some(missing) = FIELDS.len().checked_sub(fields.len()).filter(|it| *it < 2) else {
        return format!(
            "it has {}, expected five, minute, hour, day of month, month and day of week, such as \"0 3 * * *\", or six with the second before them",
            counted(fields.len() as u64, "field", "fields")
        );
    };
    let is_invalid = |index: usize| {
        let mut alone = ["*"; FIELDS.len()];
        alone[index] = fields[index - missing];
        parse_fields(&alone.join(" "), false).is_err()
    };
    match (missing..FIELDS.len()).find(|index| is_invalid(*index)) {
        Some(index) => {
            let (name, expected) = FIELDS[index];
            let field = fields[index - missing];
            format!(
                "its {name} is {field:?}, expected {expected}, `*`, or a list, range or step of them such as `*/2`"
            )
        }
        None => format!("{error}; expected five fields such as \"0 3 * * *\""),
    }
}

/// Converts a duration; a negative one becomes zero.
pub(super) fn positive(duration: SignedDuration) -> Duration {
    Duration::try_from(duration).unwrap_or_default()
}
