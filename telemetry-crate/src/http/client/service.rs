//! The client's service: starts a call for every request.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use tower_service::Service;

use super::{
    ClientRequest, ClientResponse,
    call::Call,
    future::ClientFuture,
    request::{CallOptions, sealed},
    settings::ClientSettings,
};

/// A client with telemetry, returned by [`ClientLayer`](super::ClientLayer).
#[derive(Debug, Clone)]
pub struct ClientService<S> {
    inner: S,
    shared: Arc<ClientSettings>,
}

impl<S> ClientService<S> {
    pub(super) fn new(inner: S, shared: Arc<ClientSettings>) -> Self {
        Self { inner, shared }
    }
}

impl<S, Q, R> Service<Q> for ClientService<S>
where
    S: Service<Q, Response = R>,
    S::Error: 'static,
    Q: ClientRequest,
    R: ClientResponse,
{
    type Response = R;
    type Error = S::Error;
    type Future = ClientFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let options = request.options();
        call(&self.shared, &mut self.inner, request, options)
    }
}

/// Sends the request with the details that the caller attached to it.
pub(super) fn call<S, Q>(
    shared: &Arc<ClientSettings>,
    client: &mut S,
    mut request: Q,
    options: CallOptions,
) -> ClientFuture<S::Future>
where
    S: Service<Q>,
    Q: sealed::Request,
{
    let url = request.url();
    let mut call = Call::start(shared, request.method(), &url);
    let span = call.span().clone();
    // Work before the first await belongs to the call, too.
    let _entered = span.enter();
    call.describe(&url, options);
    let context = call.context_for(&url);
    drop(url);
    // Inserted, not appended: headers of a previous attempt are replaced.
    for (name, value) in &context {
        request.headers_mut().insert(name, value.clone());
    }
    let future = client.call(request);
    ClientFuture::new(future, call)
}
