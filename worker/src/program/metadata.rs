//! The instance's own metadata (EC2, IMDSv2): a session token, then plain questions, over plain HTTP on a link that
//! leaves no machine.
//!
//! Promises: one question takes at most 2 s and 16 KiB; what does not exist (404) is no error. Refuses: redirects,
//! proxies, TLS, version 1 of the service.

use std::fmt;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode, Uri};
use tokio::net::TcpStream;

use super::http::exchange;

/// The service is a hop away; who answers later than this does not.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// The longest the service allows; a token that has run out is asked for again.
const TOKEN_TTL_SECS: &str = "21600";

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Nobody is there, or does not speak HTTP.
    #[error("the metadata service at {at} cannot be reached: {why}")]
    Unreachable {
        /// Where.
        at: String,
        /// Why.
        why: String,
    },
    /// It answered with something else.
    #[error("the metadata service at {at} answered {status} to {path}")]
    Status {
        /// Where.
        at: String,
        /// What was asked.
        path: String,
        /// The status.
        status: u16,
    },
}

/// The metadata service and our session with it.
pub struct Metadata {
    authority: String,
    address: String,
    token: Option<String>,
}

/// The host and port of a base URL such as `http://169.254.169.254`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    authority: String,
    address: String,
}

impl BaseUrl {
    /// Reads it; a sentence when it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no metadata service: write http://HOST[:PORT]");
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let (Some("http"), Some(authority), "" | "/", None) =
            (uri.scheme_str(), uri.authority(), uri.path(), uri.query())
        else {
            return Err(wrong());
        };
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(wrong());
        }
        let port = authority.port_u16().unwrap_or(80);
        Ok(Self { authority: authority.as_str().to_owned(), address: format!("{}:{port}", authority.host()) })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

impl Metadata {
    /// No session yet.
    #[must_use]
    pub fn new(base: &BaseUrl) -> Self {
        Self { authority: base.authority.clone(), address: base.address.clone(), token: None }
    }

    /// What is known under `path`; `None`: there is no such thing (now).
    pub async fn get(&mut self, path: &str) -> Result<Option<String>, MetadataError> {
        // A token may have run out: then once more with a new one.
        for _ in 0..2 {
            let token = match &self.token {
                Some(token) => token.clone(),
                None => self.new_token().await?,
            };
            let (status, body) = self.ask(Method::GET, path, ("x-aws-ec2-metadata-token", &token)).await?;
            match status {
                StatusCode::OK => return Ok(Some(body)),
                StatusCode::NOT_FOUND => return Ok(None),
                StatusCode::UNAUTHORIZED => self.token = None,
                other => return Err(self.status(path, other)),
            }
        }
        Err(self.status(path, StatusCode::UNAUTHORIZED))
    }

    async fn new_token(&mut self) -> Result<String, MetadataError> {
        const PATH: &str = "/latest/api/token";
        let ttl = ("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_TTL_SECS);
        let (status, token) = self.ask(Method::PUT, PATH, ttl).await?;
        if status != StatusCode::OK {
            return Err(self.status(PATH, status));
        }
        self.token = Some(token.clone());
        Ok(token)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        header: (&'static str, &str),
    ) -> Result<(StatusCode, String), MetadataError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.authority)
            .header(header.0, header.1)
            .body(Full::<Bytes>::default())
            .map_err(|error| self.unreachable(error.to_string()))?;
        let asked = async {
            let stream = TcpStream::connect(&self.address).await.map_err(|error| error.to_string())?;
            exchange(stream, request).await
        };
        tokio::time::timeout(ANSWER_WITHIN, asked)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", ANSWER_WITHIN.as_secs())))
            .map_err(|why| self.unreachable(why))
    }

    fn unreachable(&self, why: String) -> MetadataError {
        MetadataError::Unreachable { at: self.authority.clone(), why }
    }

    fn status(&self, path: &str, status: StatusCode) -> MetadataError {
        MetadataError::Status { at: self.authority.clone(), path: path.to_owned(), status: status.as_u16() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_a_host_and_perhaps_a_port() {
        let address = |text| BaseUrl::parse(text).map(|base| base.address);
        assert_eq!(address("http://169.254.169.254").as_deref(), Ok("169.254.169.254:80"));
        assert_eq!(address("http://[fd00:ec2::254]:8080/").as_deref(), Ok("[fd00:ec2::254]:8080"));
        for text in ["", "https://h", "http://", "http://u:p@h", "http://h/x", "http://h?x", "h:80"] {
            assert!(BaseUrl::parse(text).is_err(), "{text:?} was read");
        }
    }
}
