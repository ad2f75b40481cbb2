//! Temporary changes of the log filter, with their author, reason and end.
//!
//! Every change ends by itself, because a forgotten one would be noticed only on the bill of the log store. The admin
//! listener runs the timer, and decides which clients may change the filter.

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
    /// The directives from the start of the process.
    original: String,
    started: SystemTime,
    /// The level that traces need from the `log` crate; `None` without the bridge.
    ///
    /// The maximum level of the `log` crate follows the filter, but never falls below this level.
    bridge_floor: Option<LevelFilter>,
    changes: Mutex<Changes>,
}

#[derive(Debug, Default)]
struct Changes {
    /// The number of the latest change; 0 before the first.
    ///
    /// The timer of a change ends only the change with its number, and never a newer one.
    number: u64,
    current: Option<Change>,
    /// The timer that ends the current change.
    timer: Option<AbortHandle>,
}

/// A temporary change of the filter.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// The address of the client that asked for the change.
    pub(crate) client: String,
    /// The author, as the client states it.
    pub(crate) who: Option<String>,
    /// The reason, as the client states it.
    pub(crate) why: Option<String>,
    since: SystemTime,
    pub(crate) until: SystemTime,
}

/// The filter at one moment.
#[derive(Debug)]
pub(crate) struct FilterState {
    /// The current directives.
    pub(crate) filter: String,
    /// The directives from the start of the process.
    pub(crate) original: String,
    pub(crate) change: Option<Change>,
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

    /// The author and the address, for the description.
    fn author(&self) -> String {
        let client = &self.client;
        match &self.who {
            Some(who) => format!("{who}, from {client}"),
            None => format!("a client at {client}"),
        }
    }
}

impl LogFilterControl {
    pub(crate) fn new(filter: LogFilter, bridge_floor: Option<LevelFilter>) -> Self {
        let original = filter.directives().text().to_owned();
        Self {
            filter,
            original,
            started: SystemTime::now(),
            bridge_floor,
            changes: Mutex::default(),
        }
    }

    /// The current directives.
    pub(crate) fn text(&self) -> String {
        self.filter.directives().text().to_owned()
    }

    /// The current filter and its change.
    pub(crate) fn state(&self) -> FilterState {
        let changes = self.changes();
        FilterState {
            filter: self.text(),
            original: self.original.clone(),
            change: changes.current.clone(),
        }
    }

    /// A warning about directives that select less than they seem to.
    pub(crate) fn caution(&self) -> Option<String> {
        let directives = self.filter.directives();
        let missing = directives.only_named().then(|| {
            "only the targets and spans in the filter are logged; a level for all others is missing, as in `info,orders=debug`".to_owned()
        });
        let dashed = directives.dashed_target().map(|target| {
            let module = target.replace('-', "_");
            format!(
                "the target `{target}` has a dash, which no module has; `{module}` may be meant"
            )
        });
        let cautions: Vec<String> = [missing, dashed].into_iter().flatten().collect();
        (!cautions.is_empty()).then(|| cautions.join("; "))
    }

    /// Applies the directives, and returns the number of the change.
    pub(crate) fn change(&self, directives: Directives, change: Change) -> u64 {
        let new = directives.text().to_owned();
        let mut changes = self.changes();
        let old = self.text();
        self.replace(directives);
        changes.number += 1;
        let number = changes.number;
        changes.current = Some(change.clone());
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

    /// Stores the timer that ends the change, and aborts the previous timer.
    ///
    /// If a newer change exists, the given timer is aborted instead.
    pub(crate) fn set_timer(&self, number: u64, timer: AbortHandle) {
        let mut changes = self.changes();
        if changes.number != number {
            return timer.abort();
        }
        if let Some(old) = changes.timer.replace(timer) {
            old.abort();
        }
    }

    /// Restores the original directives if this change is the current one.
    pub(crate) fn end(&self, number: u64) {
        let changes = self.changes();
        if changes.number == number {
            self.restore(changes, None);
        }
    }

    /// Restores the original directives on request.
    ///
    /// Returns `false` if no change is active.
    pub(crate) fn revert(&self, client: &str, who: Option<String>, why: Option<String>) -> bool {
        self.restore(self.changes(), Some((client, who, why)))
    }

    fn restore(
        &self,
        mut changes: MutexGuard<'_, Changes>,
        request: Option<(&str, Option<String>, Option<String>)>,
    ) -> bool {
        let Some(change) = changes.current.take() else {
            return false;
        };
        let old = self.text();
        // Cannot fail, because the text was parsed at the start. `replace` needs newly parsed directives.
        if let Ok(directives) = Directives::parse(&self.original) {
            self.replace(directives);
        }
        drop(changes);
        let new = &self.original;
        match request {
            Some((client, who, why)) => tracing::info!(
                target: "firstlight::admin",
                { client.address = client, who, why, old, new },
                "log filter reverted to {new} on request"
            ),
            None => tracing::info!(
                target: "firstlight::admin",
                { client.address = change.client, who = change.who, old, new },
                "log filter reverted to {new}: the change has expired"
            ),
        }
        true
    }

    fn replace(&self, directives: Directives) {
        self.filter.replace(directives);
        if let Some(level) = self.bridge_floor {
            // The macros of the `log` crate skip records above this level.
            log::set_max_level(self.filter.level().max(level).as_log());
        }
    }

    /// The current filter and its change, one `key: value` per line.
    pub(crate) fn describe(&self) -> String {
        let changes = self.changes();
        let mut text = format!("filter: {}\n", self.text());
        match &changes.current {
            None => {
                text += &format!("since: {}, the start\n", rfc3339(self.started));
                text += "reverts: never; this is the filter from the start\n";
            }
            Some(change) => {
                text += &format!(
                    "since: {}\nby: {}\n",
                    rfc3339(change.since),
                    change.author()
                );
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

/// A time as RFC 3339 in UTC, without fractions of a second.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    match Timestamp::try_from(time) {
        Ok(time) => format!("{time:.0}"),
        Err(_) => "a time out of range".to_owned(),
    }
}
