//! The table of the groups, within a number and a number of bytes.
//!
//! No place takes the groups of others: a place has at most 16 types and templates, and all further ones share one group.
//! Errors without a type have as many for each local root, and at most 128. The names of roots and code without a file are limited as if they were places, because programs may choose them at run
//! time. In a full table, the place with most groups loses its group with the smallest count, or of these the one that
//! occurred least recently. All local roots together are one place here.

use std::{cmp::Reverse, fmt};

use opentelemetry::trace::TraceId;

use super::{
    Counted,
    occurrence::{FURTHER_TYPES, Key, Occurrence, Place, within_crate},
};
use crate::{
    recorder::budget::Budget,
    values::{TRUNCATION_MARK, prefix},
};

/// The largest number of groups.
pub(super) const MAX_GROUPS: usize = 256;

/// The largest number of groups of a place, without that of its further types.
pub(super) const MAX_TYPES: usize = 16;

/// The largest number of groups of all local roots, without that of further names.
///
/// A place where untyped errors of many local roots are logged has as many groups.
pub(super) const MAX_ROOTS: usize = 128;

/// The place of further names of local roots.
const FURTHER_NAMES: &str = "(further names)";

/// The longest example in bytes.
pub(super) const MAX_EXAMPLE: usize = 2 * 1024;

/// The smallest part of all bytes for an example.
///
/// With this part, the types of one place take at most a quarter of the bytes for their examples.
const EXAMPLE_PART: usize = 4 * (MAX_TYPES + 1);

/// The longest name of a file, a target or a root in bytes.
const MAX_NAME: usize = 128;

/// Size of a group in bytes, with the free places of the vectors.
const GROUP_BYTES: usize = 2 * (size_of::<ErrorGroup>() + size_of::<u64>());

/// A group of errors.
#[derive(Debug, Clone)]
pub(crate) struct ErrorGroup {
    /// The same in each process and build, although lines may differ.
    pub(crate) fingerprint: u64,
    pub(crate) place: ErrorPlace,
    /// Empty if the errors have no type.
    pub(crate) error_type: Box<str>,
    pub(crate) count: u64,
    /// Nanoseconds since the epoch, like all times.
    pub(crate) first_seen: u64,
    pub(crate) last_seen: u64,
    /// The trace of the last error that had one.
    pub(crate) trace_id: Option<TraceId>,
    /// The message and the causes of the last error.
    pub(crate) example: String,
    place_key: u64,
    /// The bytes of the budget that the group has.
    bytes: usize,
}

/// The place of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ErrorPlace {
    Code {
        target: Box<str>,
        /// Empty if it is not known.
        file: Box<str>,
        line: u32,
        /// The name of the local root; empty unless the group has only errors of one root.
        root: Box<str>,
    },
    /// A local root, by its name.
    Root(Box<str>),
}

impl ErrorPlace {
    /// The place of an error, with its local root if that makes a group.
    fn of(place: Place<'_>, root: &str) -> Self {
        match place {
            Place::Code {
                target, file, line, ..
            } => Self::Code {
                target: prefix(target, MAX_NAME).into(),
                file: last(within_crate(file), MAX_NAME).into(),
                line,
                root: prefix(root, MAX_NAME).into(),
            },
            Place::Root(name) => Self::Root(prefix(name, MAX_NAME).into()),
        }
    }

    /// The name of the local root in which all errors of the group occurred.
    pub(crate) fn root(&self) -> Option<&str> {
        match self {
            Self::Root(name) | Self::Code { root: name, .. } => (!name.is_empty()).then_some(name),
        }
    }

    /// The file and the line, or the name of the local root if the code is not known.
    pub(crate) fn without_root(&self) -> String {
        match self {
            Self::Root(name) => name.to_string(),
            Self::Code { file, target, .. } if file.is_empty() => target.to_string(),
            Self::Code { file, line: 0, .. } => file.to_string(),
            Self::Code { file, line, .. } => format!("{file}:{line}"),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Code {
                target, file, root, ..
            } => target.len() + file.len() + root.len(),
            Self::Root(name) => name.len(),
        }
    }
}

/// The place as a developer would write it.
impl fmt::Display for ErrorPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.without_root())?;
        match self {
            Self::Code { root, .. } if !root.is_empty() => write!(f, " in {root}"),
            Self::Code { .. } | Self::Root(_) => Ok(()),
        }
    }
}

/// The longest end of at most `bytes` bytes that begins at a character.
fn last(text: &str, bytes: usize) -> &str {
    let start = text.len().saturating_sub(bytes);
    let start = (start..=text.len()).find(|start| text.is_char_boundary(*start));
    &text[start.unwrap_or(text.len())..]
}

impl ErrorGroup {
    /// Creates a group without an error.
    ///
    /// It has memory for an example of `example` bytes.
    fn new(error: &Occurrence<'_>, key: Key, is_further: bool, example: usize) -> Self {
        let (error_type, root) = if is_further {
            (FURTHER_TYPES, "")
        } else {
            (error.error_type, error.root)
        };
        let place = ErrorPlace::of(error.place, root);
        Self {
            fingerprint: key.fingerprint,
            bytes: GROUP_BYTES + place.bytes() + error_type.len() + example,
            place,
            error_type: error_type.into(),
            count: 0,
            first_seen: error.time,
            last_seen: error.time,
            trace_id: None,
            example: String::with_capacity(example),
            place_key: key.place,
        }
    }

    /// Whether the group has only errors of this local root.
    ///
    /// The name is empty if local roots make no groups.
    fn is_of(&self, name: &str) -> bool {
        match &self.place {
            ErrorPlace::Code { root, .. } => **root == *prefix(name, MAX_NAME),
            ErrorPlace::Root(_) => name.is_empty(),
        }
    }

    /// The key of the groups that are removed before those of other places.
    fn rivals(&self) -> u64 {
        match self.place {
            ErrorPlace::Code { .. } => self.place_key,
            ErrorPlace::Root(_) => 0,
        }
    }

    fn count(&mut self, error: &Occurrence<'_>) {
        self.count += 1;
        self.first_seen = self.first_seen.min(error.time);
        self.last_seen = self.last_seen.max(error.time);
        self.trace_id = error.trace_id.or(self.trace_id);
    }
}

/// The parts of an example: the message and the causes, with `: ` between them.
///
/// The causes are left out if the message has them.
fn parts<'a>(error: &Occurrence<'a>) -> [&'a str; 3] {
    match (error.message, error.cause) {
        (message, cause) if message.ends_with(cause) => [message, "", ""],
        ("", cause) => [cause, "", ""],
        (message, cause) => [message, ": ", cause],
    }
}

/// All groups.
#[derive(Debug)]
pub(super) struct Table {
    max_bytes: usize,
    bytes: usize,
    removed: u64,
    /// The keys of the groups, in the same order, to be searched quickly.
    keys: Vec<u64>,
    groups: Vec<ErrorGroup>,
}

impl Table {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            bytes: 0,
            removed: 0,
            keys: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// Counts an error in its group, which may be new.
    pub(super) fn count(&mut self, error: &Occurrence<'_>, key: Key, budget: &Budget) -> Counted {
        let position = match self.position(key.group) {
            Some(position) => position,
            None => match self.insert(error, key, budget) {
                Some(position) => position,
                None => return Counted::NoMemory,
            },
        };
        self.set_example(position, error, budget);
        if let Some(group) = self.groups.get_mut(position) {
            group.count(error);
        }
        Counted::Yes
    }

    fn position(&self, key: u64) -> Option<usize> {
        self.keys.iter().position(|other| *other == key)
    }

    /// Finds the group in which a new kind of error counts, or adds it.
    fn insert(&mut self, error: &Occurrence<'_>, key: Key, budget: &Budget) -> Option<usize> {
        let is_here = |group: &ErrorGroup| group.place_key == key.place;
        let of_root = |group: &ErrorGroup| is_here(group) && group.is_of(error.root);
        if self.number_at(of_root) >= MAX_TYPES {
            return self.further(error, budget);
        }
        let of_roots = |group: &ErrorGroup| is_here(group) && !group.is_of("");
        if !error.root.is_empty() && self.number_at(of_roots) >= MAX_ROOTS {
            return self.further(error, budget);
        }
        let is_root = matches!(error.place, Place::Root(_));
        let roots = |group: &ErrorGroup| matches!(group.place, ErrorPlace::Root(_));
        if is_root && self.number_at(roots) >= MAX_ROOTS {
            let error = &Occurrence {
                place: Place::Root(FURTHER_NAMES),
                ..error.clone()
            };
            return self.further(error, budget);
        }
        let example = self.example_bytes(error);
        let group = ErrorGroup::new(error, key, false, example);
        self.add(group, key.group, budget)
    }

    /// Finds the group of the further types of a place, or adds it.
    fn further(&mut self, error: &Occurrence<'_>, budget: &Budget) -> Option<usize> {
        let key = Key::further(error);
        match self.position(key.group) {
            Some(position) => Some(position),
            None => {
                let example = self.example_bytes(error);
                let group = ErrorGroup::new(error, key, true, example);
                self.add(group, key.group, budget)
            }
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The bytes of the example of an error.
    fn example_bytes(&self, error: &Occurrence<'_>) -> usize {
        let length: usize = parts(error).iter().map(|part| part.len()).sum();
        length.min(MAX_EXAMPLE).min(self.max_bytes / EXAMPLE_PART)
    }

    fn number_at(&self, is_there: impl Fn(&ErrorGroup) -> bool) -> usize {
        self.groups.iter().filter(|group| is_there(group)).count()
    }

    /// Adds a group, and removes others if it does not fit.
    fn add(&mut self, group: ErrorGroup, key: u64, budget: &Budget) -> Option<usize> {
        let bytes = group.bytes;
        while self.groups.len() >= MAX_GROUPS || self.bytes + bytes > self.max_bytes {
            self.remove(self.least()?, budget);
        }
        if !budget.reserve(bytes) {
            return None;
        }
        self.bytes += bytes;
        self.keys.push(key);
        self.groups.push(group);
        Some(self.groups.len() - 1)
    }

    /// The group that is removed next.
    fn least(&self) -> Option<usize> {
        let mut places: Vec<u64> = self.groups.iter().map(ErrorGroup::rivals).collect();
        places.sort_unstable();
        let of_same = |place: u64| {
            let start = places.partition_point(|other| *other < place);
            places.partition_point(|other| *other <= place) - start
        };
        let groups = self.groups.iter().enumerate();
        let least = groups.min_by_key(|(_, group)| {
            let others = Reverse(of_same(group.rivals()));
            (others, group.count, group.last_seen)
        });
        least.map(|(position, _)| position)
    }

    fn remove(&mut self, position: usize, budget: &Budget) {
        self.keys.swap_remove(position);
        let bytes = self.groups.swap_remove(position).bytes;
        self.bytes -= bytes;
        budget.release(bytes);
        self.removed += 1;
    }

    /// Writes as much of the newest example as fits.
    fn set_example(&mut self, position: usize, error: &Occurrence<'_>, budget: &Budget) {
        let room = self.example_bytes(error);
        let Some(group) = self.groups.get_mut(position) else {
            return;
        };
        let parts = parts(error);
        let example = &mut group.example;
        example.clear();
        let more = room.saturating_sub(example.capacity());
        if more > 0 && self.bytes + more <= self.max_bytes && budget.reserve(more) {
            example.reserve_exact(room);
            group.bytes += more;
            self.bytes += more;
        }
        let room = room.min(example.capacity());
        let is_cut = parts.iter().map(|part| part.len()).sum::<usize>() > room;
        let mark = if is_cut { TRUNCATION_MARK.len() } else { 0 };
        let end = room.saturating_sub(mark);
        for part in parts {
            example.push_str(prefix(part, end.saturating_sub(example.len())));
        }
        if is_cut && end > 0 {
            example.push_str(TRUNCATION_MARK);
        }
    }

    pub(super) fn keys(&self) -> Vec<u64> {
        self.keys.clone()
    }

    /// The group with this key, if it is still there.
    pub(super) fn group(&self, key: u64) -> Option<ErrorGroup> {
        self.groups.get(self.position(key)?).cloned()
    }

    /// The fingerprints with the times of their last errors.
    pub(super) fn last_seen(&self) -> Vec<(u64, u64)> {
        let groups = self.groups.iter();
        groups
            .map(|group| (group.last_seen, group.fingerprint))
            .collect()
    }

    pub(super) fn removed(&self) -> u64 {
        self.removed
    }
}
