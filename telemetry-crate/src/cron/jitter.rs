//! How long after its tick a run starts.
//!
//! The same for one instance, name and tick, and unrelated for any other: replicas, jobs and days spread alike, and a test
//! can tell what will happen. What it leaves out: randomness, which could be neither tested nor repeated.

use std::time::Duration;

use jiff::Timestamp;

/// The share of the interval over which runs start. The same alert that watches for two missed intervals still has most of
/// one to spare.
const SHARE: f64 = 0.1;
/// The most by default. A hundred jobs of the same minute start three seconds apart, and "at three" is still true enough for
/// a reader of a clock.
const AT_MOST: Duration = Duration::from_secs(5 * 60);
/// The most of an interval that a setter can ask for: beyond it, a tick comes too close to the one after it.
const LARGEST_SHARE: f64 = 0.5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jitter {
    Default,
    Off,
    AtMost(Duration),
}

impl Jitter {
    /// The time over which the starts of one tick are spread.
    fn spread(self, gap: Duration) -> Duration {
        match self {
            Self::Off => Duration::ZERO,
            Self::Default => AT_MOST.min(gap.mul_f64(SHARE)),
            Self::AtMost(most) => most.min(gap.mul_f64(LARGEST_SHARE)),
        }
    }

    pub(super) fn offset(
        self,
        instance: u64,
        name: &str,
        tick: Timestamp,
        gap: Duration,
    ) -> Duration {
        // FNV-1a over what tells one start from another.
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

/// The finalizer of SplitMix64: without it, ticks that differ in one bit would start near each other.
fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
