//! The levels at which directives decide alike for all targets.

use std::sync::atomic::{AtomicU16, Ordering};

use tracing::{Level, level_filters::LevelFilter};

use crate::directives::Kind;

/// The levels that every target passes, and those that no target passes.
///
/// With `info,orders=debug`, every target passes `info`, and none passes `trace`. Only `debug` depends on the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Levels {
    /// A bit for each level.
    passing: u8,
    blocked: u8,
}

impl Levels {
    pub(super) fn of(directives: &Kind) -> Self {
        let (every_target, some_target) = match directives {
            Kind::Static(targets) => {
                let default = targets.default_level().unwrap_or(LevelFilter::OFF);
                targets
                    .iter()
                    .fold((default, default), |(every, some), (_, level)| {
                        (every.min(level), some.max(level))
                    })
            }
            // Whether an event passes depends on its spans, too.
            Kind::Dynamic(_) => (LevelFilter::OFF, LevelFilter::TRACE),
        };
        let bits =
            |is_set: &dyn Fn(&Level) -> bool| LEVELS.into_iter().filter(is_set).map(bit).sum();
        Self {
            passing: bits(&|level| *level <= every_target),
            blocked: bits(&|level| *level > some_target),
        }
    }

    /// Whether an event passes; `None` if that depends on its target.
    pub(super) fn decide(self, level: Level) -> Option<bool> {
        let bit = bit(level);
        if self.passing & bit != 0 {
            Some(true)
        } else if self.blocked & bit != 0 {
            Some(false)
        } else {
            None
        }
    }
}

const LEVELS: [Level; 5] = [
    Level::ERROR,
    Level::WARN,
    Level::INFO,
    Level::DEBUG,
    Level::TRACE,
];

fn bit(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 4,
        Level::DEBUG => 8,
        Level::TRACE => 16,
    }
}

/// [`Levels`] that are read without the directives.
#[derive(Debug)]
pub(super) struct SharedLevels(AtomicU16);

impl SharedLevels {
    pub(super) fn new(levels: Levels) -> Self {
        Self(AtomicU16::new(packed(levels)))
    }

    pub(super) fn load(&self) -> Levels {
        let [passing, blocked] = self.0.load(Ordering::Relaxed).to_le_bytes();
        Levels { passing, blocked }
    }

    pub(super) fn store(&self, levels: Levels) {
        self.0.store(packed(levels), Ordering::Relaxed);
    }
}

fn packed(levels: Levels) -> u16 {
    u16::from_le_bytes([levels.passing, levels.blocked])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::{LEVELS, Levels, SharedLevels};
    use crate::directives::{Directives, Kind};

    const TARGETS: [&str; 5] = ["orders", "orders::db", "sqlx", "sqlx::query", "hyper"];

    fn directive() -> impl Strategy<Value = String> {
        let level = select(vec!["off", "error", "warn", "info", "debug", "trace"]);
        let target = proptest::option::of(select(TARGETS.to_vec()));
        (target, level).prop_map(|(target, level)| match target {
            Some(target) => format!("{target}={level}"),
            None => level.to_owned(),
        })
    }

    proptest! {
        #[test]
        fn levels_decide_as_the_directives(directives in vec(directive(), 1..5)) {
            let directives = Directives::parse(&directives.join(",")).unwrap();
            let Kind::Static(targets) = directives.kind() else { unreachable!("no spans") };
            let levels = SharedLevels::new(Levels::of(directives.kind())).load();
            for level in LEVELS {
                let passed: Vec<_> = TARGETS
                    .into_iter()
                    .chain(["other"])
                    .map(|target| targets.would_enable(target, &level))
                    .collect();
                if let Some(passes) = levels.decide(level) {
                    prop_assert!(passed.iter().all(|passed| *passed == passes));
                }
            }
        }
    }

    #[test]
    fn only_levels_between_depend_on_the_target() {
        let decisions = |text: &str| {
            let directives = Directives::parse(text).unwrap();
            LEVELS.map(|level| Levels::of(directives.kind()).decide(level))
        };
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(decisions("info"), [yes, yes, yes, no, no]);
        assert_eq!(decisions("info,orders=debug"), [yes, yes, yes, None, no]);
        assert_eq!(decisions("orders=info"), [None, None, None, no, no]);
        assert_eq!(decisions("info,[request]=trace"), [None; 5]);
    }
}
