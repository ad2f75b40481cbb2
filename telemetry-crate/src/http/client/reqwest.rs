//! Support for `reqwest`: sends its requests with the client layer's telemetry.
//!
//! Timeouts, TLS, proxies and redirects stay settings of the `reqwest` client. Both supported versions have the same
//! types with the same methods, so a macro implements the traits for each.

use std::{future::IntoFuture, pin::Pin, sync::Once};

use http::{HeaderMap, Method, StatusCode, Version};

use super::{
    ClientLayer, ClientRequest, ClientResponse,
    request::{self, CallOptions, Url, sealed::Request as _},
    service::call,
};

impl ClientLayer {
    /// Sends a `reqwest` request with telemetry.
    ///
    /// Use `layer.send(client.get(url)).await` instead of `client.get(url).send().await`.
    ///
    /// `reqwest` follows redirects itself, inside the call. The call is one span with the first
    /// URL, and the context is sent to every redirect target. A client that may be redirected to
    /// third parties uses [`redirect_policy`](Self::redirect_policy) or `redirect::Policy::none()` as its
    /// policy. The first response that comes from an excluded host after a redirect logs a
    /// warning, once per process.
    ///
    /// Available with the feature `reqwest`, for `reqwest` 0.13, and `reqwest-012`, for `reqwest` 0.12.
    ///
    /// # Errors
    ///
    /// Returns the errors of `reqwest` unchanged.
    ///
    #[cfg_attr(feature = "reqwest", doc = "```")]
    #[cfg_attr(not(feature = "reqwest"), doc = "```ignore")]
    /// use firstlight::http::ClientLayer;
    ///
    /// # async fn call(client: reqwest::Client) -> Result<(), reqwest::Error> {
    /// let calls = ClientLayer::new(); // one for the program: clones share what is measured
    /// let order = calls
    ///     .send(client.get("http://orders.internal/orders/7"))
    ///     .url_template("/orders/{id}")
    ///     .await?
    ///     .error_for_status()?;
    /// # drop(order);
    /// # Ok(())
    /// # }
    /// ```
    pub fn send<B: ReqwestBuilder>(&self, request: B) -> ReqwestCall<B> {
        ReqwestCall {
            layer: self.clone(),
            request,
            options: CallOptions::default(),
        }
    }

    /// Returns a redirect policy that keeps the context from excluded hosts.
    ///
    /// It is a `reqwest::redirect::Policy` of the version whose client takes it. It follows up to ten redirects, as
    /// `reqwest` does by default. A redirect to a host that [`propagate_to`](Self::propagate_to) excludes is not
    /// followed, but returned as the response. Without `propagate_to` no host is excluded. With
    /// [`without_propagation`](Self::without_propagation) there is no context to keep.
    ///
    /// Available with the features `reqwest` and `reqwest-012`.
    ///
    #[cfg_attr(feature = "reqwest", doc = "```")]
    #[cfg_attr(not(feature = "reqwest"), doc = "```ignore")]
    /// use firstlight::http::ClientLayer;
    ///
    /// # fn client() -> Result<(), reqwest::Error> {
    /// let calls = ClientLayer::new().propagate_to(|host| host.ends_with(".internal"));
    /// let client = reqwest::Client::builder().redirect(calls.redirect_policy()).build()?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    pub fn redirect_policy<P: ReqwestPolicy>(&self) -> P {
        P::that_propagates_by(self.clone())
    }
}

/// Maximum number of redirects, the default of `reqwest`.
const REDIRECTS: usize = 10;

/// A request that [`ClientLayer::send`] can send.
///
/// Implemented for `reqwest::RequestBuilder` of the supported versions.
pub trait ReqwestBuilder: sealed::Builder {}

impl<T: sealed::Builder> ReqwestBuilder for T {}

/// A policy that [`ClientLayer::redirect_policy`] can return.
///
/// Implemented for `reqwest::redirect::Policy` of the supported versions.
pub trait ReqwestPolicy: sealed::Policy {}

impl<T: sealed::Policy> ReqwestPolicy for T {}

mod sealed {
    use std::fmt::Debug;

    use tower_service::Service;

    use super::{ClientLayer, ClientRequest, ClientResponse};

    #[expect(unnameable_types, reason = "unnameable, so that the trait is sealed")]
    pub trait Builder: Debug + Send + 'static {
        type Client: Service<Self::Request, Response = Self::Response, Error = Self::Error, Future: Send>
            + Send;
        type Request: ClientRequest + Send;
        type Response: ClientResponse + Send;
        type Error: Send + 'static;

        fn build(self) -> (Self::Client, Result<Self::Request, Self::Error>);

        /// The host from which a response comes.
        fn host(response: &Self::Response) -> &str;
    }

    #[expect(unnameable_types, reason = "unnameable, so that the trait is sealed")]
    pub trait Policy {
        fn that_propagates_by(layer: ClientLayer) -> Self;
    }
}

/// A request from [`ClientLayer::send`], which is sent when it is awaited.
#[derive(Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct ReqwestCall<B> {
    layer: ClientLayer,
    request: B,
    options: CallOptions,
}

impl<B> ReqwestCall<B> {
    /// Sets the template of the URL, such as `/orders/{id}`, for the span's name.
    ///
    /// It has the same effect as [`UrlTemplate`](super::UrlTemplate).
    pub fn url_template(mut self, template: &'static str) -> Self {
        self.options.template = Some(template);
        self
    }

    /// Sets the number of this retry: 1 is the first repetition.
    ///
    /// It has the same effect as [`ResendCount`](super::ResendCount).
    pub fn resend(mut self, count: u32) -> Self {
        self.options.resend = Some(count);
        self
    }
}

impl<B: ReqwestBuilder> IntoFuture for ReqwestCall<B> {
    type Output = Result<B::Response, B::Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self {
            layer,
            request,
            options,
        } = self;
        let (mut client, request) = request.build();
        Box::pin(async move {
            let request = request?;
            let settings = &layer.shared;
            let was_allowed = !settings.excludes(&request.url().host);
            let response = call(settings, &mut client, request, options).await?;
            let host = B::host(&response);
            if was_allowed && settings.excludes(host) {
                warn_of_redirect(host);
            }
            Ok(response)
        })
    }
}

fn warn_of_redirect(host: &str) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            target: "firstlight::http",
            { server.address = host },
            "a redirect has sent the trace context to {host}, which propagate_to() excludes; \
             build the client with .redirect(calls.redirect_policy())"
        );
    });
}

macro_rules! support {
    ($reqwest:ident) => {
        impl sealed::Builder for ::$reqwest::RequestBuilder {
            type Client = ::$reqwest::Client;
            type Request = ::$reqwest::Request;
            type Response = ::$reqwest::Response;
            type Error = ::$reqwest::Error;

            fn build(self) -> (Self::Client, Result<Self::Request, Self::Error>) {
                self.build_split()
            }

            fn host(response: &Self::Response) -> &str {
                response.url().host_str().unwrap_or_default()
            }
        }

        impl sealed::Policy for ::$reqwest::redirect::Policy {
            fn that_propagates_by(layer: ClientLayer) -> Self {
                let limited = Self::limited(REDIRECTS);
                Self::custom(move |attempt| {
                    let host = attempt.url().host_str().unwrap_or_default();
                    if layer.shared.excludes(host) {
                        attempt.stop()
                    } else {
                        limited.redirect(attempt)
                    }
                })
            }
        }

        impl request::sealed::Request for ::$reqwest::Request {
            fn method(&self) -> &Method {
                self.method()
            }

            fn url(&self) -> Url<'_> {
                let url = self.url();
                Url {
                    scheme: url.scheme(),
                    host: url.host_str().unwrap_or_default().into(),
                    port: url.port(),
                    path: url.path(),
                    has_query: url.query().is_some(),
                }
            }

            // The extensions of a `reqwest` request are private.
            fn options(&self) -> CallOptions {
                CallOptions::default()
            }

            fn headers_mut(&mut self) -> &mut HeaderMap {
                self.headers_mut()
            }
        }

        impl request::sealed::Response for ::$reqwest::Response {
            fn status(&self) -> StatusCode {
                self.status()
            }

            fn version(&self) -> Version {
                self.version()
            }
        }
    };
}

#[cfg(feature = "reqwest")]
support!(reqwest);
#[cfg(feature = "reqwest-012")]
support!(reqwest_012);
