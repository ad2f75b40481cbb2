//! The bridge from records of the `log` crate to events of `tracing`.
//!
//! `tracing-log` creates the events, but without the key-values: an event has only the fields of its callsite. The
//! key-values therefore reach the log layer through a thread-local variable, see [`Pairs`].

use log::{Log, Metadata, Record, SetLoggerError};
use tracing::level_filters::LevelFilter;
use tracing_log::{AsLog, LogTracer};

use crate::values::Pairs;

struct Bridge(LogTracer);

/// Registers the bridge as the process's logger, for records up to `level`.
///
/// # Errors
///
/// Fails if the process already has a logger.
pub(crate) fn install(level: LevelFilter) -> Result<(), SetLoggerError> {
    log::set_boxed_logger(Box::new(Bridge(LogTracer::new())))?;
    // The macros of the `log` crate skip records above this level.
    log::set_max_level(level.as_log());
    Ok(())
}

impl Log for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        // Formats the key-values only for a record that is enabled.
        if self.enabled(record.metadata()) {
            Pairs::format(&record.key_values()).scope(|| self.0.log(record));
        }
    }

    fn flush(&self) {}
}
