//! gRPC, in and out: tower layers that make every call a span and a measurement, and carry the trace from one service to the
//! next.
//!
//! They work on what tonic's services and channels are made of, `http::Request` with `content-type: application/grpc`, and
//! need no tonic themselves; anything else passes through untouched. A call ends with its status, which is in the trailers,
//! and so at the end of its last stream.
//!
//! Names are the semantic conventions' for
//! [gRPC](https://opentelemetry.io/docs/specs/semconv/rpc/grpc/) and
//! [RPC metrics](https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/) since v1.38: the method is one name with its
//! service (`shop.Orders/Get`), the status its word (`NOT_FOUND`). What never leaves the process: metadata, messages, and the
//! text of a status. What is left out: counts and sizes of messages, gRPC-Web (its trailers are in the body; put the layer
//! inside of what translates it), and interceptors, which never see how a call ends.
//!
//! The flow: `server` or `client` start a `call` → `future` until the head → `body` until the trailers.
//!
//! ```no_run
//! use firstlight::grpc::{ClientLayer, ServerLayer};
//! use tower::{Layer, ServiceBuilder};
//!
//! # async fn serve(routes: tonic::service::Routes) -> Result<(), Box<dyn std::error::Error>> {
//! tonic::transport::Server::builder()
//!     .layer(ServerLayer::new())
//!     .add_routes(routes)
//!     .serve("127.0.0.1:50051".parse()?)
//!     .await?;
//! # Ok(())
//! # }
//!
//! # async fn call() -> Result<(), Box<dyn std::error::Error>> {
//! let channel = tonic::transport::Channel::from_static("http://orders.internal:50051").connect_lazy();
//! let channel = ClientLayer::new().server("orders.internal", 50051).layer(channel);
//! // Then the generated client: OrdersClient::new(channel).
//! # let _ = channel;
//! # Ok(())
//! # }
//! ```

mod body;
mod call;
mod client;
mod deadline;
mod future;
mod method;
mod server;
mod verdict;

pub use self::{
    body::GrpcBody,
    client::{ClientLayer, ClientService},
    future::{ClientFuture, ServerFuture},
    server::{ServerLayer, ServerService},
};
pub use crate::config::RemoteParent;
