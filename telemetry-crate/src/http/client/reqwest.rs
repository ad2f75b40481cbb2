//! Support for `reqwest`: sends its requests with the client layer's telemetry.
//!
//! Timeouts, TLS, proxies and redirects stay settings of the `reqwest` client.

use std::{
    future::IntoFuture,
    pin::Pin,
    sync::{Arc, Once},
};

use ::reqwest::{Error, Request, RequestBuilder, Response, redirect::Policy};
use http::{HeaderMap, Method, StatusCode, Version};

use super::{
    ClientLayer,
    request::{CallOptions, Url, sealed},
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
    /// Available with the feature `reqwest`.
    ///
    /// # Errors
    ///
    /// Returns the errors of `reqwest` unchanged.
    ///
    /// ```
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
    pub fn send(&self, request: RequestBuilder) -> ReqwestCall {
        ReqwestCall {
            layer: self.clone(),
            request,
            options: CallOptions::default(),
        }
    }

    /// Returns a redirect policy that keeps the context from excluded hosts.
    ///
    /// It follows up to ten redirects, as `reqwest` does by default. A redirect to a host that
    /// [`propagate_to`](Self::propagate_to) excludes is not followed, but returned as the response.
    /// Without `propagate_to` no host is excluded. With
    /// [`without_propagation`](Self::without_propagation) there is no context to keep.
    ///
    /// Available with the feature `reqwest`.
    ///
    /// ```
    /// use firstlight::http::ClientLayer;
    ///
    /// # fn client() -> Result<(), reqwest::Error> {
    /// let calls = ClientLayer::new().propagate_to(|host| host.ends_with(".internal"));
    /// let client = reqwest::Client::builder().redirect(calls.redirect_policy()).build()?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    pub fn redirect_policy(&self) -> Policy {
        let shared = Arc::clone(&self.shared);
        let limited = Policy::limited(REDIRECTS);
        Policy::custom(move |attempt| {
            let host = attempt.url().host_str().unwrap_or_default();
            if shared.excludes(host) {
                attempt.stop()
            } else {
                limited.redirect(attempt)
            }
        })
    }
}

/// Maximum number of redirects, the default of `reqwest`.
const REDIRECTS: usize = 10;

/// A request from [`ClientLayer::send`], which is sent when it is awaited.
#[derive(Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct ReqwestCall {
    layer: ClientLayer,
    request: RequestBuilder,
    options: CallOptions,
}

impl ReqwestCall {
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

impl IntoFuture for ReqwestCall {
    type Output = Result<Response, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self {
            layer,
            request,
            options,
        } = self;
        let (mut client, request) = request.build_split();
        Box::pin(async move {
            let request = request?;
            let excludes = |url: &::reqwest::Url| {
                let host = url.host_str().unwrap_or_default();
                layer.shared.excludes(host)
            };
            let was_allowed = !excludes(request.url());
            let response = call(&layer.shared, &mut client, request, options).await?;
            if was_allowed && excludes(response.url()) {
                warn_of_redirect(response.url().host_str().unwrap_or_default());
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

impl sealed::Request for Request {
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

impl sealed::Response for Response {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn version(&self) -> Version {
        self.version()
    }
}
