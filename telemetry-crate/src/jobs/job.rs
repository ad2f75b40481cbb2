//! One attempt at a job, as the queue knows it before it begins.

use std::time::SystemTime;

use super::envelope::Envelope;
use crate::context::TraceContext;

/// One attempt at a job: its kind, its attempt number (1-based), and what was stored with it.
///
/// ```
/// use firstlight::jobs::{Envelope, Job};
///
/// # let row: Vec<(String, String)> = Vec::new();
/// let job = Job::new("welcome").id("4711").attempt(2, 5).envelope(Envelope::from_pairs(row));
/// # drop(job);
/// ```
#[derive(Debug, Clone)]
#[must_use = "it does nothing until a queue runs it"]
pub struct Job {
    pub(super) kind: String,
    pub(super) id: Option<String>,
    pub(super) attempt: u32,
    pub(super) attempts: Option<u32>,
    pub(super) due: Option<SystemTime>,
    pub(super) envelope: Envelope,
    pub(super) links: Vec<TraceContext>,
    pub(super) has_own_trace: bool,
}

impl Job {
    /// A first attempt. The kind is a label, so it is one of few, known when the program is written: what the job does, and
    /// not what it does it to.
    pub fn new(kind: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            id: None,
            attempt: 1,
            attempts: None,
            due: None,
            envelope: Envelope::default(),
            links: Vec::new(),
            has_own_trace: false,
        }
    }

    /// The job's own name in its queue: `messaging.message.id` of the span and of every log line inside.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Which attempt this is, from 1, and how many there may be. A failure of the last one is `dead`. Without this it is the
    /// first of an unknown number, and no failure is the last.
    pub fn attempt(mut self, number: u32, most: u32) -> Self {
        self.attempt = number.max(1);
        self.attempts = Some(most);
        self
    }

    /// When it was to begin, if that is later than when it was accepted: a job that is not due keeps no client waiting.
    pub fn due_at(mut self, due: SystemTime) -> Self {
        self.due = Some(due);
        self
    }

    /// What was stored with it. Without one, nothing is known of its request, and no wait is measured.
    pub fn envelope(mut self, envelope: Envelope) -> Self {
        self.envelope = envelope;
        self
    }

    /// Begins a trace with a link to the request's, instead of going on in that.
    pub fn new_linked_trace(mut self) -> Self {
        self.has_own_trace = true;
        self
    }

    /// Links to one more trace: that of another message in the same batch.
    pub fn link(mut self, context: TraceContext) -> Self {
        self.links.push(context);
        self
    }

    /// Since when it has been waiting.
    pub(super) fn waits_since(&self) -> Option<SystemTime> {
        let accepted = self.envelope.accepted_at();
        // A time that is known is later than one that is not.
        accepted.max(self.due)
    }
}
