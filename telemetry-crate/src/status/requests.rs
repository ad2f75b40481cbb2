//! Whether the layers around what the service serves have seen a request.

use super::{Section, State, Status};
use crate::metrics::catalog;

impl Status {
    pub(super) fn requests(&self) -> Section {
        if self.has_served() {
            return Section::new("requests", State::Works, String::new());
        }
        let words = "no request has been measured yet; in a service that has answered some, `http::TelemetryLayer` or `grpc::ServerLayer` is not around the routes that answered";
        Section::new("requests", State::Untried, words.to_owned())
    }

    /// Whether a request has come through a layer of ours, other than those that the layer leaves out.
    pub(crate) fn has_served(&self) -> bool {
        [
            catalog::HTTP_SERVER_ACTIVE_REQUESTS,
            catalog::RPC_SERVER_CALL_DURATION,
        ]
        .iter()
        .any(|metric| self.metrics.has(metric.name))
    }
}
