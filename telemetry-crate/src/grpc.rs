//! gRPC servers and clients: tower layers for traces, metrics and access logs.
//!
//! The layers work on the requests of tonic's services and channels, `http::Request` with
//! `content-type: application/grpc`, and do not depend on tonic. Other requests pass through
//! unchanged. A call ends with its status. The status is in the trailers, so a call lasts until the
//! end of the response.
//!
//! Names follow the semantic conventions for
//! [gRPC](https://opentelemetry.io/docs/specs/semconv/rpc/grpc/) and [RPC
//! metrics](https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/) since v1.38: the method
//! includes its service (`shop.Orders/Get`), and the status is its name (`NOT_FOUND`). Metadata,
//! messages and the text of a status stay in the process.
//!
//! Messages are not counted or measured. gRPC-Web has its trailers in the body, so add the layer
//! inside the layer that translates gRPC-Web. Interceptors cannot replace a layer, because they
//! never see how a call ends.
//!
//! In the source, the module `server` or `client` starts a `call`, which passes through `future`
//! until the response's head and through `body` until the trailers.
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
mod classification;
mod client;
mod deadline;
mod future;
mod method;
mod server;

pub use self::{
    body::GrpcBody,
    client::{ClientLayer, ClientService},
    future::{ClientFuture, ServerFuture},
    server::{ServerLayer, ServerService},
};
pub use crate::config::RemoteParent;
