//! The adapter between croner's calendar and jiff's.
//!
//! `croner` searches over any type that implements its calendar trait. This adapter for jiff makes
//! another date library unnecessary. UTC has no gaps and no repetitions, so each date is one
//! instant.

use std::{cmp::Ordering, time::SystemTime};

use croner::{
    errors::CronError,
    time::{CivilDate, CivilDateTime, CivilTime, CronDateTime, Resolution, Weekday},
};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::Offset};

/// An instant, seen as a date in UTC.
#[derive(Debug, Clone)]
pub(super) struct Utc(pub(super) Timestamp);

impl Utc {
    fn datetime(&self) -> DateTime {
        Offset::UTC.to_datetime(self.0)
    }
}

/// Converts to `SystemTime`, which the public API has instead of jiff's types.
pub(super) fn system_time(at: Timestamp) -> SystemTime {
    let since = at.duration_since(Timestamp::UNIX_EPOCH);
    let (epoch, distance) = (SystemTime::UNIX_EPOCH, since.unsigned_abs());
    let time = if since.is_negative() {
        epoch.checked_sub(distance)
    } else {
        epoch.checked_add(distance)
    };
    // Every platform's range of times exceeds that of a schedule.
    time.unwrap_or(epoch)
}

/// Converts a date field, which `jiff` guarantees not to be negative.
fn field(value: i8) -> u32 {
    u32::from(value.unsigned_abs())
}

impl CronDateTime for Utc {
    fn to_civil(&self) -> CivilDateTime {
        let at = self.datetime();
        CivilDateTime::new(
            CivilDate::from_parts_unchecked(
                i32::from(at.year()),
                field(at.month()),
                field(at.day()),
            ),
            CivilTime::from_parts_unchecked(
                field(at.hour()),
                field(at.minute()),
                field(at.second()),
            ),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(field(self.datetime().weekday().to_sunday_zero_offset()))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let small = |value: u32| i8::try_from(value).map_err(|_| CronError::InvalidDate);
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let datetime = DateTime::new(
            year,
            small(civil.month())?,
            small(civil.day())?,
            small(civil.hour())?,
            small(civil.minute())?,
            small(civil.second())?,
            0,
        )
        .map_err(|_| CronError::InvalidDate)?;
        let at = Offset::UTC
            .to_timestamp(datetime)
            .map_err(|_| CronError::InvalidDate)?;
        Ok(Resolution::Single(Self(at)))
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        let at = self.0.checked_add(SignedDuration::from_secs(seconds));
        at.ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
