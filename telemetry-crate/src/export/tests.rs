//! Tests of the client with a real receiver: requests, retries and counters.

#![expect(clippy::unwrap_used, reason = "tests")]

mod hostile;
mod peer;

use std::{future::pending, time::Duration};

use bytes::Bytes;
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    metrics::v1::{Metric, ResourceMetrics, ScopeMetrics},
};
use prost::Message;

use super::{OtlpClient, stats::ExportError};
use crate::{
    config::{Destination, Protocol, Tls},
    testing::{CollectorAnswer, OtlpReceiver},
};

/// The protocols of this build, each with its path for metrics.
fn protocols() -> Vec<(Protocol, &'static str)> {
    vec![
        (Protocol::HttpProtobuf, "/v1/metrics"),
        #[cfg(feature = "otlp-grpc")]
        (Protocol::Grpc, crate::signal::Signal::Metrics.grpc_path()),
    ]
}

fn destination(receiver: &OtlpReceiver, protocol: Protocol, path: &str) -> Destination {
    Destination {
        endpoint: format!("{}{path}", receiver.endpoint()).parse().unwrap(),
        protocol,
        headers: vec![("api-key".parse().unwrap(), "abc".parse().unwrap())],
        gzip: cfg!(feature = "otlp-gzip"),
        request_timeout: Duration::from_secs(30),
        tls: Tls::default(),
    }
}

/// A request with one metric.
fn request() -> Bytes {
    let metric = Metric {
        name: "orders_total".to_owned(),
        ..Metric::default()
    };
    let scope = ScopeMetrics {
        metrics: vec![metric],
        ..ScopeMetrics::default()
    };
    let resource = ResourceMetrics {
        scope_metrics: vec![scope],
        ..ResourceMetrics::default()
    };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![resource],
    };
    request.encode_to_vec().into()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn send(destination: &Destination) -> (OtlpClient, Result<(), ExportError>) {
    let client = OtlpClient::of_metrics(destination).unwrap();
    let result = run(client.send(request()));
    (client, result)
}

/// Returns the error of the first attempt without waiting for the retries.
fn first_error(client: &OtlpClient) -> ExportError {
    run(async {
        tokio::select! {
            _ = client.send(request()) => {}
            () = async {
                while client.stats().last_error().is_none() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            } => {}
        }
    });
    client.stats().last_error().unwrap()
}

#[test]
fn requests_have_headers_and_gzip() {
    for (protocol, path) in protocols() {
        let receiver = OtlpReceiver::start().unwrap();
        let (_, result) = send(&destination(&receiver, protocol, path));
        assert_eq!(result, Ok(()));
        assert_eq!(receiver.metrics()[0].name, "orders_total");
        let request = &receiver.requests()[0];
        assert_eq!(
            (&*request.path, request.protocol),
            (path, &*protocol.to_string())
        );
        assert_eq!(request.headers["api-key"], "abc");
        assert!(request.headers["user-agent"].contains("OTel-OTLP-Exporter-Rust/"));
        let encoding = if cfg!(feature = "otlp-gzip") {
            "gzip"
        } else {
            ""
        };
        assert_eq!(request.encoding, encoding);
    }
}

#[test]
fn refused_requests_are_sent_again() {
    for (protocol, path) in protocols() {
        for retry_after in [None, Some(Duration::from_secs(1))] {
            let status = if retry_after.is_some() { 429 } else { 503 };
            let receiver = OtlpReceiver::start_answering(CollectorAnswer::Reject {
                status,
                retry_after,
            })
            .unwrap();
            let client = OtlpClient::of_metrics(&destination(&receiver, protocol, path)).unwrap();
            run(async {
                tokio::select! {
                    result = client.send(request()) => assert_eq!(result, Ok(())),
                    () = async {
                        while receiver.requests().is_empty() {
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                        receiver.set_answer(CollectorAnswer::Accept);
                        pending::<()>().await;
                    } => {}
                }
            });
            assert_eq!(receiver.metrics().len(), 1);
            assert!(
                client.stats().last_error().is_some(),
                "the error of the first attempt is stored"
            );
            assert_eq!(client.stats().total_lost(), 0);
        }
    }
}

#[test]
fn permanent_errors_are_not_retried() {
    for (protocol, path) in protocols() {
        let answer = CollectorAnswer::Reject {
            status: 401,
            retry_after: None,
        };
        let receiver = OtlpReceiver::start_answering(answer).unwrap();
        let (_, result) = send(&destination(&receiver, protocol, path));
        let kind = result.unwrap_err().kind;
        assert!(["401", "UNAUTHENTICATED"].contains(&&*kind), "{kind}");
        assert_eq!(receiver.requests().len(), 1);
    }
}

#[test]
fn partial_rejections_are_counted() {
    for (protocol, path) in protocols() {
        let answer = CollectorAnswer::Partial {
            rejected: 3,
            message: "too old".to_owned(),
        };
        let receiver = OtlpReceiver::start_answering(answer).unwrap();
        let (client, result) = send(&destination(&receiver, protocol, path));
        assert_eq!(result, Ok(()));
        assert_eq!(client.stats().take_rejected(), 3);
        let error = client.stats().last_error().unwrap();
        assert_eq!(error.text, "the collector rejected 3 data points: too old");
    }
}

#[test]
fn other_protocols_are_network_errors() {
    // A listener that speaks another protocol and closes.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::Write;
        for stream in listener.incoming() {
            let _ = stream.and_then(|mut stream| stream.write_all(b"220 mail.example ESMTP\r\n"));
        }
    });
    for (protocol, path) in protocols() {
        let mut destination = destination(&OtlpReceiver::start().unwrap(), protocol, path);
        destination.endpoint = format!("http://{address}{path}").parse().unwrap();
        let client = OtlpClient::of_metrics(&destination).unwrap();
        let kind = first_error(&client).kind;
        assert!(["network", "connect"].contains(&&*kind), "{kind}");
    }
}

#[cfg(feature = "otlp-tls")]
mod tls {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    use super::*;
    use crate::config::PemFile;

    type Authority = CertifiedIssuer<'static, KeyPair>;

    fn authority() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    /// Signs a certificate, and returns it and its key as PEM.
    fn sign(authority: &Authority) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, authority).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn file(variable: &'static str, contents: &str) -> PemFile {
        PemFile {
            variable,
            path: "made.pem".to_owned(),
            contents: contents.as_bytes().to_vec(),
        }
    }

    #[test]
    fn mutual_tls_trusts_the_authority() {
        let authority = authority();
        let (certificate, key) = sign(&authority);
        let receiver = OtlpReceiver::start_tls(&certificate, &key, Some(&authority.pem())).unwrap();
        for (protocol, path) in protocols() {
            let mut destination = destination(&receiver, protocol, path);
            destination.tls.certificate = Some(file("CERTIFICATE", &authority.pem()));
            let (certificate, key) = sign(&authority);
            destination.tls.client = Some((file("C", &certificate), file("K", &key)));
            let (_, result) = send(&destination);
            assert_eq!(result, Ok(()));

            // A certificate authority that has not signed the receiver's certificate.
            destination.tls.certificate = Some(file("CERTIFICATE", &super::tls::authority().pem()));
            let client = OtlpClient::of_metrics(&destination).unwrap();
            let error = first_error(&client);
            assert!(error.text.contains("certificate"), "{}", error.text);
        }
        assert_eq!(receiver.metrics().len(), protocols().len());
    }

    #[test]
    fn bad_certificates_name_the_variable() {
        let receiver = OtlpReceiver::start().unwrap();
        let mut destination = destination(&receiver, Protocol::HttpProtobuf, "/v1/metrics");
        destination.tls.certificate = Some(file("OTEL_EXPORTER_OTLP_CERTIFICATE", "not PEM"));
        let error = OtlpClient::of_metrics(&destination)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("OTEL_EXPORTER_OTLP_CERTIFICATE: found"),
            "{error}"
        );
    }
}
