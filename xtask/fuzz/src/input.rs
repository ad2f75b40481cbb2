//! What the fuzzer chooses.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arbitrary::{Arbitrary, Unstructured};

use crate::{Ended, LastWords, Memory, OpenRoot, Panic, Process, damage::Damage, format::Beat};

/// One run of a check.
#[derive(Debug, Arbitrary)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Input<'a> {
    /// The payload of an area.
    Payload(&'a [u8]),
    /// The payload of these words, cut to as many bytes and then damaged.
    Words(Words, u16, Vec<Damage>),
    /// A file with these writes, which is then damaged.
    File(Vec<Write>, Vec<Damage>),
    /// A file of another program.
    Foreign(&'a [u8]),
}

/// A write of a process.
#[derive(Debug, Arbitrary)]
pub enum Write {
    Area {
        generation: u64,
        words: Box<Words>,
    },
    Beat {
        sequence: u64,
        generation: u64,
        time: u64,
        memory: Option<(u64, Option<u64>)>,
    },
}

impl Write {
    pub(crate) fn beat(&self) -> Beat {
        match self {
            Self::Area { words, .. } => Beat {
                time: words.0.heartbeat,
                memory: words.0.memory,
            },
            Self::Beat { time, memory, .. } => Beat {
                time: time_of(*time),
                memory: memory.map(|(used, limit)| Memory { used, limit }),
            },
        }
    }
}

/// Any last words.
#[derive(Debug)]
pub struct Words(pub(crate) LastWords);

impl<'a> Arbitrary<'a> for Words {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Self(LastWords {
            process: Process {
                pid: input.arbitrary()?,
                started: time(input)?,
                boot: input.arbitrary()?,
                service: text(input)?,
                version: text(input)?,
                revision: text(input)?,
                instance: text(input)?,
            },
            heartbeat: time(input)?,
            memory: (input.arbitrary::<Option<_>>()?).map(|(used, limit)| Memory { used, limit }),
            ended: match input.int_in_range(0..=2)? {
                0 => Ended::Running,
                1 => Ended::Clean { at: time(input)? },
                _ => Ended::Panic(panic(input)?),
            },
            survived_panic: option(input, panic)?,
            stopping_since: option(input, time)?,
            stalled_since: option(input, time)?,
            open: list(input, |input| {
                Ok(OpenRoot {
                    trace_id: input.arbitrary()?,
                    name: text(input)?,
                    started: time(input)?,
                    deepest: text(input)?,
                    since: time(input)?,
                })
            })?,
            open_left_out: input.arbitrary()?,
            lines: list(input, |input| text(input).map(String::into_bytes))?,
            fingerprints: list(input, |input| input.arbitrary())?,
        }))
    }
}

fn time_of(nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos)
}

fn time(input: &mut Unstructured<'_>) -> arbitrary::Result<SystemTime> {
    input.arbitrary().map(time_of)
}

/// A text, which may be much longer than what the fuzzer has.
fn text(input: &mut Unstructured<'_>) -> arbitrary::Result<String> {
    let part: &str = input.arbitrary()?;
    let times = *input.choose(&[1, 1, 1, 2, 100, 5_000])?;
    Ok(part.get(..40).unwrap_or(part).repeat(times))
}

fn panic(input: &mut Unstructured<'_>) -> arbitrary::Result<Panic> {
    Ok(Panic {
        at: time(input)?,
        message: text(input)?,
    })
}

fn option<T>(
    input: &mut Unstructured<'_>,
    value: impl FnOnce(&mut Unstructured<'_>) -> arbitrary::Result<T>,
) -> arbitrary::Result<Option<T>> {
    let is_some: bool = input.arbitrary()?;
    is_some.then(|| value(input)).transpose()
}

/// A list, which may be longer than what the file keeps.
fn list<T: Clone>(
    input: &mut Unstructured<'_>,
    item: impl Fn(&mut Unstructured<'_>) -> arbitrary::Result<T>,
) -> arbitrary::Result<Vec<T>> {
    let length = input.int_in_range(0..=8)?;
    let items: arbitrary::Result<Vec<T>> = (0..length).map(|_| item(input)).collect();
    let (items, times) = (items?, *input.choose(&[1, 1, 1, 2, 300])?);
    let all = items.len() * times;
    Ok(items.into_iter().cycle().take(all).collect())
}
