//! The HTTP clients: one for loopback, which ignores proxy variables, and one for the world, which speaks only HTTPS.
//!
//! Promises: works on a machine without system certificates (Mozilla's roots are compiled in; `[tls] ca_file` adds to
//! them), one crypto provider (ring), no redirect is followed and no cookie is kept behind our back, no system setting
//! but the usual proxy variables is read. Refuses: a CA file without a certificate in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use url::{Host, Url};

/// A connection that takes longer than this to open is not going to open; the whole request has a longer limit.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where trust comes from beside the roots that are compiled in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsSettings {
    /// A PEM file whose certificates are trusted too (a company's proxy, a test server).
    pub ca_file: Option<PathBuf>,
}

/// Why a market over these vendors cannot be built. Every case is a mistake in configuration, not a passing fault.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The CA file could not be used.
    #[error("the CA file {} cannot be used: {why}", path.display())]
    CaFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// TLS or the client could not be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
    /// A vendor the plan needs has no route.
    #[error("no route is configured for {vendor} ({needed_for})")]
    NoRoute {
        /// Which vendor.
        vendor: fleet_core::domain::Vendor,
        /// What it would be asked for.
        needed_for: &'static str,
    },
    /// A vendor that does not serve what the plan wants of it.
    #[error("{vendor} cannot serve {what}")]
    CannotServe {
        /// Which vendor.
        vendor: fleet_core::domain::Vendor,
        /// What the plan wants.
        what: &'static str,
    },
    /// A vendor that is asked with one account's token would be asked from many addresses.
    #[error("{vendor} is asked with one account's token and must not be routed over gateways")]
    Routed {
        /// Which vendor.
        vendor: fleet_core::domain::Vendor,
    },
    /// A base URL is missing, unreadable or not allowed.
    #[error("the base URL {vendor}.{key} cannot be used: {why}")]
    BaseUrl {
        /// Whose.
        vendor: fleet_core::domain::Vendor,
        /// Its name in configuration.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// No budget, and not on loopback.
    #[error("{vendor} has no request budget: unlimited is allowed for a loopback base URL only")]
    Unlimited {
        /// Which vendor.
        vendor: fleet_core::domain::Vendor,
    },
    /// A budget that is no rate.
    #[error("the request budget of {vendor} must be above 0 and at most 10000 requests a second, not {per_sec}")]
    Budget {
        /// Which vendor.
        vendor: fleet_core::domain::Vendor,
        /// As configured.
        per_sec: f64,
    },
    /// A client header cannot be sent.
    #[error("the client identity cannot be used: {0}")]
    Identity(String),
    /// A limit that would forbid every request.
    #[error("the limit {0} must be at least 1")]
    Limit(&'static str),
}

/// Makes ring the process's crypto provider. First thing in `main`; calling it again changes nothing.
pub fn install_crypto_provider() {
    // An error only says that a provider was installed before, by us: nothing else in the program installs one.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("crypto provider was installed already");
    }
}

/// The two clients. Which one sends is decided by the request's host.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    loopback: reqwest::Client,
    world: reqwest::Client,
}

impl Clients {
    /// Builds both.
    pub(crate) fn new(tls: &TlsSettings) -> Result<Self, ClientError> {
        let config = tls_config(tls.ca_file.as_deref())?;
        let builder = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(config.clone())
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .connect_timeout(CONNECT_TIMEOUT)
        };
        let setup = |error: reqwest::Error| ClientError::Setup(error.to_string());
        Ok(Self {
            loopback: builder().no_proxy().build().map_err(setup)?,
            world: builder().https_only(true).build().map_err(setup)?,
        })
    }

    /// The client for a URL.
    pub(crate) fn client_for(&self, url: &Url) -> &reqwest::Client {
        if is_loopback(url) { &self.loopback } else { &self.world }
    }
}

/// Whether a URL's host is this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Reads a base URL: HTTPS, or HTTP to this machine; no user, query or fragment. The path never ends with a slash.
pub(crate) fn base_url(text: &str) -> Result<Url, String> {
    let mut url = Url::parse(text).map_err(|error| format!("`{text}` is not a URL ({error})"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(format!("`{text}` must be https (http is for this machine only)")),
        _ => return Err(format!("`{text}` must be https")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it must not hold a user or a password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("`{text}` must not hold a query or a fragment"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

fn tls_config(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, ClientError> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        let refuse = |why: String| ClientError::CaFile { path: path.to_owned(), why };
        let certificates = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| refuse(error.to_string()))?;
        if certificates.is_empty() {
            return Err(refuse("it holds no PEM certificate".to_owned()));
        }
        for certificate in certificates {
            roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError::Setup(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_https_or_this_machine() {
        for good in ["https://finviz.com", "http://127.0.0.1:8080/finviz/", "http://localhost:1", "http://[::1]:9/x"] {
            assert!(base_url(good).is_ok(), "{good} was refused");
        }
        for bad in [
            "http://finviz.com",
            "ftp://127.0.0.1",
            "https://u:p@x.com",
            "https://x.com/?a=1",
            "x",
            "http://127.0.0.1.evil.com",
        ] {
            assert!(base_url(bad).is_err(), "{bad} was taken");
        }
        assert_eq!(base_url("http://127.0.0.1:1/cboe/").unwrap().path(), "/cboe");
    }

    #[test]
    fn a_ca_file_must_hold_a_certificate() {
        let missing = TlsSettings { ca_file: Some("/nonexistent/ca.pem".into()) };
        assert!(matches!(Clients::new(&missing), Err(ClientError::CaFile { .. })));
        let empty = TlsSettings { ca_file: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into()) };
        assert!(matches!(Clients::new(&empty), Err(ClientError::CaFile { .. })));
    }

    #[test]
    fn no_system_certificate_is_needed() {
        // Nothing in here reads SSL_CERT_FILE or the platform's store: the roots are the compiled ones.
        assert!(Clients::new(&TlsSettings::default()).is_ok());
    }
}
