//! The delay between a tick and the start of its run.
//!
//! The delay is a hash of the instance, the job's name and the tick. So replicas, jobs and days
//! have unrelated delays, but each delay is reproducible, and a test can predict it. Random numbers
//! could be neither tested nor reproduced.

use std::time::Duration;

use jiff::Timestamp;

/// Share of the interval over which runs start by default.
///
/// The alert fires after two missed intervals, so the jitter uses only a small part of them.
const DEFAULT_SHARE: f64 = 0.1;
/// Longest default jitter.
///
/// A hundred jobs that are due in the same minute start three seconds apart, and still close to
/// their scheduled time.
const MAX_DEFAULT: Duration = Duration::from_secs(5 * 60);
/// Largest share of the interval that a setter can request.
///
/// With more, a run would start too close to the next tick.
const MAX_SHARE: f64 = 0.5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jitter {
    Default,
    Off,
    AtMost(Duration),
}

impl Jitter {
    /// Returns the time over which the starts of one tick are spread.
    fn spread(self, gap: Duration) -> Duration {
        match self {
            Self::Off => Duration::ZERO,
            Self::Default => MAX_DEFAULT.min(gap.mul_f64(DEFAULT_SHARE)),
            Self::AtMost(most) => most.min(gap.mul_f64(MAX_SHARE)),
        }
    }

    /// Returns the delay of the run of `tick`; `gap` is the time until the next tick.
    pub(super) fn offset(
        self,
        instance: u64,
        name: &str,
        tick: Timestamp,
        gap: Duration,
    ) -> Duration {
        // FNV-1a over everything that identifies a start.
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let instance = instance.to_le_bytes();
        let tick = tick.as_second().to_le_bytes();
        for byte in instance.iter().chain(name.as_bytes()).chain(&tick) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let share = mix(hash) as f64 / u64::MAX as f64;
        self.spread(gap).mul_f64(share)
    }
}

/// Mixes all bits of a hash; the finalizer of SplitMix64.
///
/// Without it, runs whose ticks differ in one bit would have almost the same delay.
fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
