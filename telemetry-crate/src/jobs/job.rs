//! Description of one attempt at a job.

use std::time::SystemTime;

use super::envelope::Envelope;
use crate::context::TraceContext;

/// One attempt at a job: its kind, its attempt number, and what is stored with it.
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
    /// Traces other than the envelope's.
    pub(super) links: Vec<TraceContext>,
    /// Whether the job begins a trace that is linked to the envelope's.
    pub(super) is_linked: bool,
}

impl Job {
    /// Describes the first attempt at a job of this kind.
    ///
    /// The kind is a metric label, so the program should have few kinds. A kind names what the job
    /// does, such as `welcome`, and not for whom, such as a customer.
    pub fn new(kind: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            id: None,
            attempt: 1,
            attempts: None,
            due: None,
            envelope: Envelope::default(),
            links: Vec::new(),
            is_linked: false,
        }
    }

    /// Sets the job's id: `messaging.message.id` of its span and log lines.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the attempt number, 1-based, and how many attempts there may be.
    ///
    /// A failure of the last attempt has the outcome `dead_lettered`. By default, the attempt
    /// number is 1 and the number of attempts is unknown, so no attempt is the last.
    pub fn attempt(mut self, number: u32, max_attempts: u32) -> Self {
        self.attempt = number.max(1);
        self.attempts = Some(max_attempts);
        self
    }

    /// Sets the time at which the job is due.
    ///
    /// The job's wait is measured from this time, or from [`Envelope::accepted_at`] if that is
    /// later. A job that is not due keeps no client waiting.
    pub fn due_at(mut self, due: SystemTime) -> Self {
        self.due = Some(due);
        self
    }

    /// Sets the envelope that was stored with the job.
    ///
    /// Without an envelope, the job continues no trace, and its wait is measured from
    /// [`due_at`](Self::due_at). Without both, no wait is measured.
    pub fn envelope(mut self, envelope: Envelope) -> Self {
        self.envelope = envelope;
        self
    }

    /// Begins a new trace with a link to the trace in the envelope.
    ///
    /// By default the job continues the envelope's trace, that of the request that enqueued the job.
    pub fn new_linked_trace(mut self) -> Self {
        self.is_linked = true;
        self
    }

    /// Adds a link to another trace, such as that of another message in a batch.
    pub fn link(mut self, context: TraceContext) -> Self {
        self.links.push(context);
        self
    }

    /// Returns the time since which the job has been waiting.
    pub(super) fn waits_since(&self) -> Option<SystemTime> {
        let accepted = self.envelope.accepted_at();
        // `None` is less than any known time.
        accepted.max(self.due)
    }
}
