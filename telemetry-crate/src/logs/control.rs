//! Who has changed the log filter, why, and when it goes back by itself.
//!
//! A change without an end is a mistake that is found on the bill for the log store, so there is none. What it leaves
//! out: the clock, which the admin listener's runtime keeps, and who may change the filter, which it decides.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use tokio::task::AbortHandle;
use tracing::level_filters::LevelFilter;
use tracing_log::AsLog;

use super::filter::LogFilter;
use crate::directives::Directives;

/// The log filter of a running process.
#[derive(Debug)]
pub(crate) struct LogFilterControl {
    filter: LogFilter,
    /// What is in force without a change.
    original: String,
    started: SystemTime,
    /// If records of the `log` crate come through our bridge, whose level must follow: the level that traces have of
    /// them, whatever the filter says.
    bridged: Option<LevelFilter>,
    changes: Mutex<Changes>,
}

#[derive(Debug, Default)]
struct Changes {
    /// Grows with each change, so that the end of an old one does not end a new one.
    number: u64,
    in_force: Option<Change>,
    /// Ends the change in force.
    timer: Option<AbortHandle>,
}

/// A change that is in force.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) client: String,
    pub(crate) who: Option<String>,
    pub(crate) why: Option<String>,
    since: SystemTime,
    until: SystemTime,
}

impl Change {
    pub(crate) fn new(
        client: String,
        who: Option<String>,
        why: Option<String>,
        lasts: Duration,
    ) -> Self {
        let since = SystemTime::now();
        Self {
            client,
            who,
            why,
            since,
            until: since + lasts,
        }
    }

    fn by(&self) -> String {
        let client = &self.client;
        match &self.who {
            Some(who) => format!("{who}, from {client}"),
            None => format!("a client at {client}"),
        }
    }
}

impl LogFilterControl {
    pub(crate) fn new(filter: LogFilter, bridged: Option<LevelFilter>) -> Self {
        let original = filter.directives().text().to_owned();
        Self {
            filter,
            original,
            started: SystemTime::now(),
            bridged,
            changes: Mutex::default(),
        }
    }

    /// The directives in force.
    pub(crate) fn text(&self) -> String {
        self.filter.directives().text().to_owned()
    }

    /// A sentence about directives that say less than they seem to.
    pub(crate) fn caution(&self) -> Option<&'static str> {
        self.filter.directives().only_named().then_some(
            "only the targets and spans that are named log; a level for all others is missing, as in `info,orders=debug`",
        )
    }

    /// Puts the directives in force; the number is for [`end`](Self::end).
    pub(crate) fn change(&self, directives: Directives, change: Change) -> u64 {
        let new = directives.text().to_owned();
        let mut changes = self.changes();
        let old = self.text();
        self.replace(directives);
        changes.number += 1;
        let number = changes.number;
        changes.in_force = Some(change.clone());
        drop(changes);
        tracing::info!(
            target: "firstlight::admin",
            {
                client.address = change.client,
                who = change.who,
                why = change.why,
                old,
                new,
                until = rfc3339(change.until)
            },
            "log filter changed to {new}"
        );
        number
    }

    /// Says which timer ends the change; the one of the change before is not needed any more.
    pub(crate) fn ends_by(&self, number: u64, timer: AbortHandle) {
        let mut changes = self.changes();
        if changes.number != number {
            return timer.abort();
        }
        if let Some(old) = changes.timer.replace(timer) {
            old.abort();
        }
    }

    /// Puts the original directives back in force if this change is the one in force; otherwise there is nothing to do.
    pub(crate) fn end(&self, number: u64) {
        let changes = self.changes();
        if changes.number == number {
            self.restore(changes, None);
        }
    }

    /// Puts the original directives back in force; `false` if they are.
    pub(crate) fn revert(&self, client: &str, who: Option<String>, why: Option<String>) -> bool {
        self.restore(self.changes(), Some((client, who, why)))
    }

    fn restore(
        &self,
        mut changes: MutexGuard<'_, Changes>,
        by: Option<(&str, Option<String>, Option<String>)>,
    ) -> bool {
        let Some(change) = changes.in_force.take() else {
            return false;
        };
        let old = self.text();
        // It was parsed at the start, and now it must be anew.
        if let Ok(directives) = Directives::parse(&self.original) {
            self.replace(directives);
        }
        drop(changes);
        let new = &self.original;
        match by {
            Some((client, who, why)) => tracing::info!(
                target: "firstlight::admin",
                { client.address = client, who, why, old, new },
                "log filter is back to {new}, before its time"
            ),
            None => tracing::info!(
                target: "firstlight::admin",
                { client.address = change.client, who = change.who, old, new },
                "log filter is back to {new}: the time of the change is over"
            ),
        }
        true
    }

    fn replace(&self, directives: Directives) {
        self.filter.replace(directives);
        if let Some(level) = self.bridged {
            // Records above it are not even made.
            log::set_max_level(self.filter.level().max(level).as_log());
        }
    }

    /// What is in force, since when, by whom, and until when: one `key: value` a line.
    pub(crate) fn describe(&self) -> String {
        let changes = self.changes();
        let mut text = format!("filter: {}\n", self.text());
        match &changes.in_force {
            None => {
                text += &format!("since: {}, the start\n", rfc3339(self.started));
                text += "reverts: never; it is the one that the service was started with\n";
            }
            Some(change) => {
                text += &format!("since: {}\nby: {}\n", rfc3339(change.since), change.by());
                if let Some(why) = &change.why {
                    text += &format!("why: {why}\n");
                }
                let until = rfc3339(change.until);
                text += &format!("reverts: at {until}, to {}\n", self.original);
            }
        }
        drop(changes);
        if let Some(caution) = self.caution() {
            text += &format!("caution: {caution}\n");
        }
        text
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// RFC 3339 in UTC, to the second: what a person compares with a clock.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    match Timestamp::try_from(time) {
        Ok(time) => format!("{time:.0}"),
        Err(_) => "a time out of range".to_owned(),
    }
}
