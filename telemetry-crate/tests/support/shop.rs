//! A gRPC service and its client, in place of generated code.
//!
//! Messages are strings, for which `prost` implements `Message`, so neither a schema nor a compiler
//! is needed. The text `hunter2` in a status stands for a secret, which telemetry must not contain.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use firstlight::grpc::ClientService;
use http::uri::PathAndQuery;
use tokio::sync::mpsc;
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    client::GrpcService,
    codegen::{StdError, tokio_stream},
    server::{NamedService, ServerStreamingService, StreamingService, UnaryService},
    transport::Channel,
};
use tonic_prost::ProstCodec;
use tower::Service;

type Codec = ProstCodec<String, String>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Answer<T> = BoxFuture<Result<Response<T>, Status>>;
type Messages = Pin<Box<dyn tokio_stream::Stream<Item = Result<String, Status>> + Send>>;

/// A service that responds to calls itself, or forwards `Get` to another service.
#[derive(Clone, Default)]
pub(crate) struct Orders(Option<Client<ClientService<Channel>>>);

impl Orders {
    pub(crate) fn forwarding_to(other: Client<ClientService<Channel>>) -> Self {
        Self(Some(other))
    }
}

impl NamedService for Orders {
    const NAME: &'static str = "shop.Orders";
}

impl Service<http::Request<Body>> for Orders {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let orders = self.clone();
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(Codec::default());
            Ok(match request.uri().path() {
                "/shop.Orders/Get" => grpc.unary(orders, request).await,
                "/shop.Orders/Watch" => grpc.server_streaming(orders, request).await,
                "/shop.Orders/Chat" => grpc.streaming(orders, request).await,
                _ => Status::unimplemented("").into_http(),
            })
        })
    }
}

impl UnaryService<String> for Orders {
    type Response = String;
    type Future = Answer<String>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let other = self.0.clone();
        Box::pin(async move {
            if let Some(mut other) = other {
                return other.get(Request::new(request.into_inner())).await;
            }
            match &**request.get_ref() {
                "missing" => Err(Status::not_found("hunter2")),
                "broken" => Err(Status::internal("hunter2")),
                "hang" => std::future::pending().await,
                order => {
                    let baggage = request.metadata().get("baggage");
                    let baggage = baggage.map_or("none", |baggage| baggage.to_str().unwrap());
                    Ok(Response::new(format!("order {order}, baggage {baggage}")))
                }
            }
        })
    }
}

impl ServerStreamingService<String> for Orders {
    type Response = String;
    type ResponseStream = Messages;
    type Future = Answer<Messages>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let first = Ok("1".to_owned());
            sender.send(first).await.ok();
            match &**request.get_ref() {
                "break" => drop(sender.send(Err(Status::data_loss("hunter2"))).await),
                "hang" => sender.closed().await,
                count => {
                    for number in 2..=count.parse().unwrap() {
                        let number: u32 = number;
                        sender.send(Ok(number.to_string())).await.ok();
                    }
                }
            }
        });
        Box::pin(async move { Ok(Response::new(Box::pin(Receiver(receiver)) as Messages)) })
    }
}

impl StreamingService<String> for Orders {
    type Response = String;
    type ResponseStream = Messages;
    type Future = Answer<Messages>;

    fn call(&mut self, request: Request<Streaming<String>>) -> Self::Future {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut stream = request.into_inner();
            while let Ok(Some(message)) = stream.message().await {
                sender.send(Ok(format!("{message} again"))).await.ok();
            }
        });
        Box::pin(async move { Ok(Response::new(Box::pin(Receiver(receiver)) as Messages)) })
    }
}

/// The client of [`Orders`].
#[derive(Clone)]
pub(crate) struct Client<S>(tonic::client::Grpc<S>);

impl<S> Client<S>
where
    S: GrpcService<Body, Error: Into<StdError>>,
    S::ResponseBody:
        http_body::Body<Data = bytes::Bytes, Error: Into<StdError> + Send> + Send + 'static,
{
    pub(crate) fn new(service: S) -> Self {
        Self(tonic::client::Grpc::new(service))
    }

    async fn ready(&mut self) -> Result<(), Status> {
        let ready = self.0.ready().await;
        ready.map_err(|error| Status::unknown(error.into().to_string()))
    }

    pub(crate) async fn get(
        &mut self,
        request: Request<String>,
    ) -> Result<Response<String>, Status> {
        self.unary(request, "/shop.Orders/Get").await
    }

    /// Calls a method with an empty message.
    pub(crate) async fn call(&mut self, path: &'static str) -> Result<Response<String>, Status> {
        self.unary(Request::new(String::new()), path).await
    }

    async fn unary(
        &mut self,
        request: Request<String>,
        path: &'static str,
    ) -> Result<Response<String>, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static(path);
        self.0.unary(request, path, Codec::default()).await
    }

    pub(crate) async fn watch(&mut self, order: &str) -> Result<Streaming<String>, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static("/shop.Orders/Watch");
        let request = Request::new(order.to_owned());
        let answer = self.0.server_streaming(request, path, Codec::default());
        Ok(answer.await?.into_inner())
    }

    /// Sends the messages of the channel until it is closed.
    pub(crate) async fn chat(
        &mut self,
        messages: mpsc::Receiver<String>,
    ) -> Result<Streaming<String>, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static("/shop.Orders/Chat");
        let request = Request::new(Receiver(messages));
        let answer = self.0.streaming(request, path, Codec::default());
        Ok(answer.await?.into_inner())
    }
}

/// A stream of the messages of a channel.
struct Receiver<T>(mpsc::Receiver<T>);

impl<T> tokio_stream::Stream for Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_recv(context)
    }
}
