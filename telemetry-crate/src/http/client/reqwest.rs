//! `reqwest`: its requests can be sent through the layer as they are built.
//!
//! What it leaves out: a client of its own. Timeouts, TLS, proxies and redirects stay where `reqwest` has them.

use std::{
    future::IntoFuture,
    pin::Pin,
    sync::{Arc, Once},
};

use ::reqwest::{Error, Request, RequestBuilder, Response, redirect::Policy};
use http::{HeaderMap, Method, StatusCode, Version};

use super::{
    ClientLayer,
    request::{Notes, Url, sealed},
    service::call,
};

impl ClientLayer {
    /// Sends a request of `reqwest` with telemetry: `layer.send(client.get(url)).await` in place of
    /// `client.get(url).send().await`.
    ///
    /// `reqwest` follows redirects itself, inside of the call: one span with the first URL, and the context goes with the
    /// request to wherever it is redirected. A client that may be redirected to strangers has
    /// [`redirects`](Self::redirects) for its policy, or `redirect::Policy::none()`; one that has told a stranger is warned of, once
    /// in a process.
    ///
    /// Only with the feature `reqwest`.
    ///
    /// # Errors
    ///
    /// Those of `reqwest`, unchanged.
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
            notes: Notes::default(),
        }
    }

    /// Follows up to ten redirects, as `reqwest` does by default, and none to a host that the context may not go to: that
    /// one is returned as the response that it is. Without [`propagate_to`](Self::propagate_to) there is no such host, with
    /// [`without_propagation`](Self::without_propagation) there is nothing to keep.
    ///
    /// Only with the feature `reqwest`.
    ///
    /// ```
    /// use firstlight::http::ClientLayer;
    ///
    /// # fn client() -> Result<(), reqwest::Error> {
    /// let calls = ClientLayer::new().propagate_to(|host| host.ends_with(".internal"));
    /// let client = reqwest::Client::builder().redirect(calls.redirects()).build()?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    pub fn redirects(&self) -> Policy {
        let shared = Arc::clone(&self.shared);
        let limited = Policy::limited(REDIRECTS);
        Policy::custom(move |attempt| {
            let host = attempt.url().host_str().unwrap_or_default();
            if shared.keeps_from(host) {
                attempt.stop()
            } else {
                limited.redirect(attempt)
            }
        })
    }
}

/// Those of `reqwest` by default.
const REDIRECTS: usize = 10;

/// A request that is sent when it is awaited; made by [`ClientLayer::send`].
#[derive(Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct ReqwestCall {
    layer: ClientLayer,
    request: RequestBuilder,
    notes: Notes,
}

impl ReqwestCall {
    /// The template of the URL, such as `/orders/{id}`, for the span's name; like [`UrlTemplate`](super::UrlTemplate).
    pub fn url_template(mut self, template: &'static str) -> Self {
        self.notes.template = Some(template);
        self
    }

    /// Which attempt this is: 1 is the first that repeats another; like [`Resend`](super::Resend).
    pub fn resend(mut self, count: u32) -> Self {
        self.notes.resend = Some(count);
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
            notes,
        } = self;
        let (mut client, request) = request.build_split();
        Box::pin(async move {
            let request = request?;
            let keeps_from = |url: &::reqwest::Url| {
                let host = url.host_str().unwrap_or_default();
                layer.shared.keeps_from(host)
            };
            let is_told = !keeps_from(request.url());
            let response = call(&layer.shared, &mut client, request, notes).await?;
            if is_told && keeps_from(response.url()) {
                warn_of(response.url().host_str().unwrap_or_default());
            }
            Ok(response)
        })
    }
}

fn warn_of(host: &str) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            target: "firstlight::http",
            { server.address = host },
            "a redirect has taken the trace's context to {host}, which propagate_to() keeps it from; \
             build the client with .redirect(calls.redirects())"
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

    // Its extensions are its own.
    fn notes(&self) -> Notes {
        Notes::default()
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
