//! Lists of local roots, which readers narrow before a root is copied.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{Arc, Weak},
};

use opentelemetry::trace::TraceId;

use super::{root::Root, view::RootView};

/// Local roots in an order, without copies of their detail.
#[derive(Debug, Default)]
pub(crate) struct RootList(Vec<Arc<Root>>);

/// The first roots of a list.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) roots: Vec<RootView>,
    /// The number of roots in the whole list.
    pub(crate) all: usize,
    /// The number of roots of each name in the whole list, the most frequent first.
    ///
    /// Empty if `roots` are all of them.
    pub(crate) names: Vec<(usize, String)>,
}

/// A root that the recorder may remove before it is read.
///
/// A slow reader of many roots therefore takes no memory of the recorder.
#[derive(Debug)]
pub(crate) struct RootHandle(Weak<Root>);

impl RootHandle {
    /// The root with its detail; `None` if it is not kept any more.
    pub(crate) fn read(&self) -> Option<RootView> {
        Some(RootView::of(&*self.0.upgrade()?))
    }
}

impl RootList {
    pub(super) fn new(roots: Vec<Arc<Root>>) -> Self {
        Self(roots)
    }

    /// The roots whose name contains `part`.
    pub(crate) fn named(&self, part: &str) -> Self {
        self.only(|root| RootView::name_of(root).contains(part))
    }

    /// The roots of this name.
    pub(crate) fn of_name(&self, name: &str) -> Self {
        self.only(|root| RootView::name_of(root) == name)
    }

    /// The open roots that started at `time` or before.
    pub(crate) fn open_since(&self, time: u64) -> Self {
        self.only(|root| root.started <= time && root.read(|state| state.end.is_none()))
    }

    /// The roots that ended at `time` or later.
    pub(crate) fn ended_since(&self, time: u64) -> Self {
        self.only(|root| root.ended() >= time)
    }

    /// Whether a root is of this trace.
    pub(crate) fn has_trace(&self, trace: TraceId) -> bool {
        self.0.iter().any(|root| root.trace_id == trace)
    }

    /// The roots that pass a test, which needs their detail.
    pub(crate) fn that(&self, test: impl Fn(&RootView) -> bool) -> Self {
        self.only(|root| test(&RootView::of(root)))
    }

    fn only(&self, keep: impl Fn(&Root) -> bool) -> Self {
        let roots = self.0.iter().filter(|root| keep(root));
        Self(roots.cloned().collect())
    }

    /// The number of roots.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The first `most` roots with their detail.
    pub(crate) fn first(&self, most: usize) -> Found {
        let views = self.0.iter().take(most).map(|root| RootView::of(root));
        let mut names = match self.0.len() > most {
            true => self.names(),
            false => Vec::new(),
        };
        names.sort_by_key(|(count, _)| Reverse(*count));
        let names = names.into_iter();
        Found {
            roots: views.collect(),
            all: self.0.len(),
            names: names
                .map(|(count, root)| (count, RootView::name_of(root)))
                .collect(),
        }
    }

    /// Handles of the first `most` roots.
    pub(crate) fn handles(&self, most: usize) -> Vec<RootHandle> {
        let roots = self.0.iter().take(most);
        roots.map(|root| RootHandle(Arc::downgrade(root))).collect()
    }

    /// The number of roots of a name, with the first of them.
    ///
    /// Only of the `most` frequent names. Also returns the number of the other names.
    pub(crate) fn by_name(&self, most: usize) -> (Vec<(usize, RootView)>, usize) {
        let mut names = self.names();
        names.sort_by_key(|(count, _)| Reverse(*count));
        views(&names, most)
    }

    /// Like [`by_name`](Self::by_name), with the name of the first root in front.
    pub(crate) fn by_name_of_first(&self, most: usize) -> (Vec<(usize, RootView)>, usize) {
        let mut names = self.names();
        if let Some((_, others)) = names.split_first_mut() {
            others.sort_by_key(|(count, _)| Reverse(*count));
        }
        views(&names, most)
    }

    /// The number of roots of each name, with the first of them.
    fn names(&self) -> Vec<(usize, &Root)> {
        let mut places = HashMap::new();
        let mut names: Vec<(usize, &Root)> = Vec::new();
        for root in &self.0 {
            let place = *places.entry(RootView::name_of(root)).or_insert(names.len());
            match names.get_mut(place) {
                Some((count, _)) => *count += 1,
                None => names.push((1, root)),
            }
        }
        names
    }

    /// The roots that acquired a connection outside of instrumented calls.
    ///
    /// Without their detail.
    #[cfg(feature = "db")]
    pub(crate) fn acquired(&self) -> Vec<RootView> {
        let roots = self.0.iter();
        roots
            .filter_map(|root| RootView::if_acquired(root))
            .collect()
    }
}

/// The first `most` of these names, and the number of the others.
fn views(names: &[(usize, &Root)], most: usize) -> (Vec<(usize, RootView)>, usize) {
    let first = names.iter().take(most);
    let first = first.map(|(count, root)| (*count, RootView::of(root)));
    (first.collect(), names.len().saturating_sub(most))
}
