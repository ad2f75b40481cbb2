//! TLS configuration of a connection: trusted authorities and client certificate.

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::{
    InitError,
    config::{Destination, PemFile},
};

/// Returns the TLS configuration of a destination.
///
/// It trusts the authorities of the configured file, or the operating system's if no file is configured.
pub(super) fn config(destination: &Destination) -> Result<ClientConfig, InitError> {
    let provider = rustls::crypto::ring::default_provider();
    // The provider is explicit, because another crate may have set another process-wide default, or none may be set.
    let builder = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(|error| InitError::Exporter {
            reason: error.to_string(),
        })?
        .with_root_certificates(roots(destination)?);
    match &destination.tls.client {
        None => Ok(builder.with_no_client_auth()),
        Some((certificate, key)) => builder
            .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
            .map_err(|error| {
                unusable(
                    certificate,
                    &format!("a certificate that its key belongs to: {error}"),
                )
            }),
    }
}

fn roots(destination: &Destination) -> Result<RootCertStore, InitError> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = &destination.tls.certificate {
        for certificate in certificates(file)? {
            roots
                .add(certificate)
                .map_err(|error| unusable(file, &format!("a certificate authority: {error}")))?;
        }
        return Ok(roots);
    }
    // The system's authorities may be missing, and only `https` needs them.
    if destination.endpoint.scheme_str() == Some("https") {
        let native = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(native.certs);
        if roots.is_empty() {
            return Err(InitError::invalid(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                destination.endpoint.to_string(),
                "certificate authorities of the operating system to trust, and there are none: install its ca-certificates, or name a file in OTEL_EXPORTER_OTLP_CERTIFICATE",
            ));
        }
    }
    Ok(roots)
}

fn certificates(file: &PemFile) -> Result<Vec<CertificateDer<'static>>, InitError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&file.contents).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(unusable(file, "a file with certificates in PEM form")),
    }
}

fn private_key(file: &PemFile) -> Result<PrivateKeyDer<'static>, InitError> {
    PrivateKeyDer::from_pem_slice(&file.contents)
        .map_err(|_| unusable(file, "a file with a private key in PEM form"))
}

fn unusable(file: &PemFile, expected: &str) -> InitError {
    InitError::invalid(file.variable, &*file.path, expected)
}
