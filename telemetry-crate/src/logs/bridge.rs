//! Records of the `log` crate as events of `tracing`, with their key-values.
//!
//! `tracing-log` makes the events, and leaves the key-values out: an event has the fields of its callsite and no others. They
//! go beside it, see [`Pairs`].

use log::{Log, Metadata, Record, SetLoggerError};
use tracing::level_filters::LevelFilter;
use tracing_log::{AsLog, LogTracer};

use crate::values::Pairs;

struct Bridge(LogTracer);

/// Takes the place of the process's logger, for records up to a level.
pub(crate) fn install(level: LevelFilter) -> Result<(), SetLoggerError> {
    log::set_boxed_logger(Box::new(Bridge(LogTracer::new())))?;
    // Compared once a record, before anything else is done.
    log::set_max_level(level.as_log());
    Ok(())
}

impl Log for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        // Before anything is printed for a line that is not wanted.
        if self.enabled(record.metadata()) {
            Pairs::of(&record.key_values()).with(|| self.0.log(record));
        }
    }

    fn flush(&self) {}
}
