//! The settings that the services of a server layer share.

use std::sync::Arc;

use http::{Request, uri::PathAndQuery};

use super::{
    ClientAddress, RemoteParent,
    identity::IdentityHeaders,
    metrics::RequestMetrics,
    probe::is_probe,
    route::{RouteTemplate, whole_path},
};

#[derive(Debug, Clone, Default)]
pub(super) struct ServerSettings {
    pub(super) excluded: Vec<String>,
    pub(super) included: Vec<String>,
    pub(super) client_address: ClientAddress,
    pub(super) records_query: bool,
    pub(super) remote_parent: RemoteParent,
    pub(super) identity: IdentityHeaders,
    pub(super) metrics: Arc<RequestMetrics>,
}

impl ServerSettings {
    pub(super) fn excludes<B>(&self, request: &Request<B>, route: Option<&RouteTemplate>) -> bool {
        let whole = whole_path(request).map_or("", PathAndQuery::path);
        // A nested router sees only the rest of the path, so both paths are compared.
        let is_in = |list: &[String]| {
            list.iter()
                .any(|path| path == whole || path == request.uri().path())
        };
        is_in(&self.excluded) || is_probe(request.method(), whole, route) && !is_in(&self.included)
    }
}
