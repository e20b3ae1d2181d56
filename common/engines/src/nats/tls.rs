//! Whom to trust with TLS: the authorities in a file, or the public ones, which are compiled in.

use std::path::Path;
use std::sync::Arc;

use fleet_core::seams::QueueError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::connect::read_bounded;

/// A client's configuration. Given a file, nobody else is trusted: whoever names an authority of their own does not
/// want a public one to vouch for their server.
/// A system's whole bundle of authorities is about 220 KB.
const MAX_BUNDLE: u64 = 4 << 20;

pub(super) fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, QueueError> {
    let roots = match ca_file {
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
        Some(path) => from_file(path).map_err(|why| {
            QueueError::Refused(format!("the authorities' certificates in {}: {why}", path.display()))
        })?,
    };
    // Named, because a process with two cryptography providers has no default one.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_root_certificates(roots).with_no_client_auth())
        .map_err(|error| QueueError::Refused(format!("TLS cannot be set up: {error}")))
}

fn from_file(path: &Path) -> Result<RootCertStore, String> {
    let pem =
        read_bounded(path, MAX_BUNDLE).map_err(|error| error.to_string())?.ok_or("the file is larger than 4 MiB")?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err("it holds no certificate (PEM)".to_owned()) } else { Ok(roots) }
}
