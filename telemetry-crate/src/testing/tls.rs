//! TLS of the receiver, with optional client certificates.
//!
//! The test creates the certificates. A received request does not show the client's certificate. If the receiver requires
//! client certificates, each received request came with a valid certificate.

use std::{io, sync::Arc};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::WebPkiClientVerifier,
    },
};

/// Creates an acceptor.
///
/// With `client_ca`, clients need a certificate of that authority.
pub(super) fn acceptor(
    certificate: &str,
    key: &str,
    client_ca: Option<&str>,
) -> io::Result<TlsAcceptor> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid("the protocol versions", error))?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(client_ca) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(client_ca)? {
                roots
                    .add(certificate)
                    .map_err(|error| invalid("a certificate of the clients' authority", error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| invalid("the clients' authority", error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|error| invalid("the private key", error))?;
    let mut config = builder
        .with_single_cert(certificates(certificate)?, key)
        .map_err(|error| invalid("the certificate and its key", error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(pem: &str) -> io::Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| invalid("a certificate, expected PEM", error))
}

fn invalid(item: &str, error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{item}: {error}"))
}
