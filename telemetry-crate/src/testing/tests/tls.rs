//! Tests of the receiver with TLS.

use std::sync::Arc;

use prost::Message as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
        version::{TLS12, TLS13},
    },
};

use super::{
    OtlpReceiver, export_of,
    grpc::{TRACES, call_over, frame, run},
    server_span,
};

/// A certificate authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Signs a new certificate; returns it and its key.
    fn sign(&self, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// Exports one span over TLS; returns the error of a handshake that fails.
fn export(
    receiver: &OtlpReceiver,
    authority: &Authority,
    client: Option<(String, String)>,
) -> Result<String, String> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        // With TLS 1.3 a client learns only after the handshake that a certificate is missing.
        .with_protocol_versions(&[if client.is_some() { &TLS13 } else { &TLS12 }])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match client {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            config
                .with_client_auth_cert(vec![certificate], key)
                .unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let address = receiver
        .endpoint()
        .replace("https://localhost", "127.0.0.1");
    run(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let stream = TlsConnector::from(Arc::new(config))
            .connect(ServerName::try_from("localhost").unwrap(), stream)
            .await
            .map_err(|error| error.to_string())?;
        let body = frame(false, &export_of(vec![server_span()]).encode_to_vec());
        let answered = call_over(stream, &receiver.endpoint(), TRACES, &[], body).await;
        Ok(answered.header("grpc-status").to_owned())
    })
}

#[test]
fn exports_over_tls_are_received() {
    let authority = Authority::new();
    let (certificate, key) = authority.sign(ExtendedKeyUsagePurpose::ServerAuth);
    let receiver = OtlpReceiver::start_tls(&certificate, &key, None).unwrap();
    assert!(receiver.endpoint().starts_with("https://localhost:"));
    assert_eq!(export(&receiver, &authority, None), Ok("0".to_owned()));
    assert_eq!(receiver.spans().len(), 1);
    assert!(export(&receiver, &Authority::new(), None).is_err());
}

#[test]
fn client_certificates_can_be_required() {
    let authority = Authority::new();
    let (certificate, key) = authority.sign(ExtendedKeyUsagePurpose::ServerAuth);
    let receiver = OtlpReceiver::start_tls(&certificate, &key, Some(&authority.0.pem())).unwrap();
    let client = authority.sign(ExtendedKeyUsagePurpose::ClientAuth);
    assert_eq!(
        export(&receiver, &authority, Some(client)),
        Ok("0".to_owned())
    );
    assert_eq!(receiver.spans().len(), 1);
    assert!(export(&receiver, &authority, None).is_err());
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn invalid_certificates_are_rejected() {
    let (certificate, key) = Authority::new().sign(ExtendedKeyUsagePurpose::ServerAuth);
    for (certificate, key, part) in [
        ("", key.as_str(), "certificate"),
        (certificate.as_str(), "", "key"),
    ] {
        let error = OtlpReceiver::start_tls(certificate, key, None).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}
