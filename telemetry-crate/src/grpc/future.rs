//! The futures of a response's head, for servers and clients.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::{body::GrpcBody, call::Call, classification::Outcome};
use crate::{error_type::error_type, unwind::end_on_panic};

pin_project! {
    /// Response future of [`ServerService`](super::ServerService).
    ///
    /// If it is dropped before the response is ready, the call is recorded as canceled by the
    /// client, as cut by the drain, or as past its deadline.
    #[derive(Debug)]
    pub struct ServerFuture<F> {
        #[pin]
        inner: F,
        call: Option<Call>,
    }
}

impl<F> ServerFuture<F> {
    pub(super) fn new(inner: F, call: Option<Call>) -> Self {
        Self { inner, call }
    }
}

impl<F, R, E> Future for ServerFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
{
    type Output = Result<Response<GrpcBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = end_on_panic(this.call, |call| {
            let _entered = call.map(|call| call.span().enter());
            this.inner.poll(context)
        });
        let result = ready!(polled);
        let call = this.call.take();
        Poll::Ready(match result {
            Ok(response) => Ok(GrpcBody::wrap(response, call)),
            Err(error) => {
                if let Some(call) = call {
                    call.finish(Outcome::Failed("service_error"));
                }
                Err(error)
            }
        })
    }
}

pin_project! {
    /// Response future of [`ClientService`](super::ClientService).
    ///
    /// If it is dropped before the response is ready, a canceled call is recorded.
    #[derive(Debug)]
    pub struct ClientFuture<F> {
        #[pin]
        inner: F,
        call: Option<Call>,
    }
}

impl<F> ClientFuture<F> {
    pub(super) fn new(inner: F, call: Option<Call>) -> Self {
        Self { inner, call }
    }
}

impl<F, R, E> Future for ClientFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = Result<Response<GrpcBody<R>>, Box<dyn Error + Send + Sync>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = end_on_panic(this.call, |call| {
            let _entered = call.map(|call| call.span().enter());
            this.inner.poll(context)
        });
        let result = ready!(polled);
        let call = this.call.take();
        Poll::Ready(match result {
            Ok(response) => Ok(GrpcBody::wrap(response, call)),
            Err(error) => {
                let error = error.into();
                if let Some(call) = call {
                    call.finish(Outcome::Failed(error_type(&error)));
                }
                Err(error)
            }
        })
    }
}
