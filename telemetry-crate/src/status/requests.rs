//! Whether the layers around what the service serves have seen a request, and whether they are where they should be.

use super::{Item, Section, State, Status};
use crate::{catalog, http::wiring};

impl Status {
    pub(super) fn requests(&self) -> Section {
        let wiring = wiring();
        let (state, words) = if let Some(fault) = wiring.fault {
            (State::Fails, fault)
        } else if self.has_served() {
            (State::Works, "")
        } else {
            let words = "no request has been measured yet; in a service that has answered some, `http::TelemetryLayer` or `grpc::ServerLayer` is not around the routes that answered";
            (State::Untried, words)
        };
        let section = Section::new("requests", state, words.to_owned());
        if wiring.cautions.is_empty() {
            return section;
        }
        let cautions = wiring.cautions.into_iter().map(str::to_owned);
        section.with("cautions", Item::List(cautions.collect()))
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
