//! The formats of log lines.

/// The format of log lines.
///
/// Overridden by `FIRSTLIGHT_LOG_FORMAT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// One JSON object per line.
    ///
    /// The default when standard output is not a terminal, because a program then reads the lines.
    Json,
    /// Human-readable lines with colors.
    ///
    /// The default on a terminal.
    Pretty,
    /// JSON with the keys of the Elastic Common Schema.
    ///
    /// Fields of the schema have the types that it defines. All other fields go to `labels` and `numeric_labels`, so
    /// that Elasticsearch does not reject a line because of a type conflict.
    Ecs,
    /// JSON with the keys of Google Cloud's structured logging.
    ///
    /// Google Cloud joins log lines with traces if the resource has `cloud.account.id`, the id of the project.
    Gcp,
    /// JSON with the keys of Datadog.
    ///
    /// Trace ids are in the 64-bit decimal form by which Datadog joins logs and traces.
    Datadog,
}

impl LogFormat {
    const ALL: [Self; 5] = [
        Self::Json,
        Self::Pretty,
        Self::Ecs,
        Self::Gcp,
        Self::Datadog,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Pretty => "pretty",
            Self::Ecs => "ecs",
            Self::Gcp => "gcp",
            Self::Datadog => "datadog",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}
