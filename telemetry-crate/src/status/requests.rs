//! The section about server requests and the placement of their layers.

use super::{Item, Section, State, Status};
use crate::{catalog, http::wiring};

impl Status {
    pub(super) fn requests(&self) -> Section {
        let wiring = wiring();
        let (state, detail) = if let Some(fault) = wiring.fault {
            (State::Fails, fault)
        } else if self.has_served() {
            (State::Works, "")
        } else {
            let detail = "no request has been recorded yet; if the service has answered some, `http::TelemetryLayer` or `grpc::ServerLayer` is not around their routes";
            (State::Unknown, detail)
        };
        let section = Section::new("requests", state, detail.to_owned());
        if wiring.cautions.is_empty() {
            return section;
        }
        let cautions = wiring.cautions.into_iter().map(str::to_owned);
        section.with("cautions", Item::List(cautions.collect()))
    }

    /// Whether a layer of firstlight has recorded a request.
    ///
    /// Requests to excluded paths are not recorded.
    pub(crate) fn has_served(&self) -> bool {
        [
            catalog::HTTP_SERVER_ACTIVE_REQUESTS,
            catalog::RPC_SERVER_CALL_DURATION,
        ]
        .iter()
        .any(|metric| self.metrics.has_metric(metric.name))
    }
}
