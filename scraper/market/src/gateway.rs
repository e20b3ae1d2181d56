//! A gateway's data plane, as Amazon API Gateway behaves towards a client and a vendor: a real forwarder over loopback.
//!
//! It is made from the same OpenAPI description that the real one gets. It demands the key (403 `{"message":"Forbidden"}`),
//! undoes escapes of path and query (`%5ESPX` goes on as `^SPX`), passes headers on and applies the description's mappings
//! **with the case they have on the wire**: a mapping of `X-Api-Key` does nothing to `x-api-key`. Like the real one it names
//! itself to the vendor (`x-amzn-apigateway-api-id`), adds a trace id and the client's address (unless `X-Forwarded-For` is
//! mapped, so spelt), and waits 29 seconds. Requests leave from an address of its own (127.0.0.x), so that the market sees one
//! address a gateway. Refuses: bodies of requests, heads above 64 KB, answers above 10 MB, vendors that are not on this machine.

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{HeaderMap, Request, Uri, header};
use fleet_core::domain::Vendor;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::manners::Limiter;

/// The longest a vendor is waited for.
const INTEGRATION_LIMIT: Duration = Duration::from_secs(29);
/// A request's line and headers.
const MAX_HEAD: usize = 64 << 10;
/// An answer.
const MAX_ANSWER: usize = 10_000_000;
/// The one stage.
const STAGE: &str = "v1";
/// Headers of one hop only.
const OF_ONE_HOP: [&str; 4] = ["connection", "host", "content-length", "transfer-encoding"];
/// The peer's address and nothing else is limited; any vendor does for the key of the limiter.
const ANY: Vendor = Vendor::Cboe;

/// What gateway to run.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// The address its requests to vendors come from, on this machine: 127.0.0.2 and up.
    pub source: Ipv4Addr,
    /// The key it demands.
    pub key: String,
    /// Its description, as `PutRestApi` takes it.
    pub openapi: String,
    /// Requests a second that its usage plan allows; `None`: any number.
    pub limit_per_sec: Option<f64>,
}

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The description is not one of ours.
    #[error("the description of the gateway cannot be used: {0}")]
    Description(String),
    /// No port.
    #[error("cannot listen for the gateway")]
    Listen(#[from] io::Error),
}

/// A gateway that is being served. Dropping it stops it.
#[derive(Debug)]
pub struct RunningGateway {
    address: SocketAddr,
    gateway: Arc<Gateway>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Gateway {
    id: String,
    source: Ipv4Addr,
    key: String,
    ready_at: Instant,
    rules: Vec<Rule>,
    limiter: Option<Limiter>,
    requests: AtomicU64,
}

/// One path of the description.
#[derive(Debug)]
struct Rule {
    /// `/cboe.base`.
    prefix: String,
    /// Whether it matches what is below the prefix, or the prefix alone.
    below: bool,
    wants_key: bool,
    /// `http://127.0.0.1:1/cboe/{proxy}`.
    uri: String,
    /// Target header and where its value comes from.
    mappings: Vec<(String, Source)>,
}

#[derive(Debug)]
enum Source {
    Text(String),
    /// A header of the request by this name, in this case.
    Header(String),
}

/// A request as it is on the wire.
struct Asked {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

struct Reply {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Bytes,
}

/// Starts a gateway on a free port. It is ready when this returns.
pub async fn serve_gateway(config: GatewayConfig) -> Result<RunningGateway, GatewayError> {
    serve_gateway_ready_after(config, Duration::ZERO).await
}

/// Starts a gateway on a free port. It listens when this returns, and knows its key so long after: deployments and keys of
/// the real one take some time to reach the servers that answer.
pub async fn serve_gateway_ready_after(
    config: GatewayConfig,
    ready_after: Duration,
) -> Result<RunningGateway, GatewayError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let gateway = Arc::new(Gateway {
        id: format!("gw{:06}", address.port()),
        source: config.source,
        key: config.key,
        ready_at: Instant::now() + ready_after,
        rules: rules(&config.openapi).map_err(GatewayError::Description)?,
        limiter: config.limit_per_sec.map(Limiter::new),
        requests: AtomicU64::new(0),
    });
    let at_work = Arc::clone(&gateway);
    let server = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, peer)) = listener.accept().await {
            let gateway = Arc::clone(&at_work);
            connections.spawn(async move {
                // A client that goes away in the middle is its own business.
                let _ = gateway.converse(stream, peer.ip()).await;
            });
            while connections.try_join_next().is_some() {}
        }
    });
    Ok(RunningGateway { address, gateway, server })
}

impl RunningGateway {
    /// Up to and with its stage, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/{STAGE}", self.address)
    }

    /// Requests that reached it.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.gateway.requests.load(Ordering::SeqCst)
    }
}

impl Drop for RunningGateway {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Gateway {
    /// Answers the requests of one connection.
    async fn converse(&self, mut stream: TcpStream, peer: IpAddr) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = Vec::new();
        while let Some(asked) = read_head(&mut stream, &mut buffer).await? {
            self.requests.fetch_add(1, Ordering::SeqCst);
            let reply = self.answer(&asked, peer).await;
            let mut head =
                format!("HTTP/1.1 {} -\r\ncontent-length: {}\r\n", reply.status, reply.body.len()).into_bytes();
            for (name, value) in &reply.headers {
                head.extend_from_slice(name.as_bytes());
                head.extend_from_slice(b": ");
                head.extend_from_slice(value);
                head.extend_from_slice(b"\r\n");
            }
            head.extend_from_slice(b"\r\n");
            head.extend_from_slice(&reply.body);
            stream.write_all(&head).await?;
        }
        Ok(())
    }

    async fn answer(&self, asked: &Asked, peer: IpAddr) -> Reply {
        let (path, query) = match asked.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (asked.target.as_str(), None),
        };
        let staged = path.strip_prefix('/').and_then(|rest| rest.strip_prefix(STAGE)).unwrap_or_default();
        let Some((rule, below)) = self.rules.iter().find_map(|rule| Some((rule, rule.matches(staged)?))) else {
            return own(403, "MissingAuthenticationTokenException", "Missing Authentication Token");
        };
        // The name of the key's header is compared as HTTP has it, unlike those of mappings.
        let key = asked.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-api-key"));
        let is_known = Instant::now() >= self.ready_at && key.is_some_and(|(_, value)| *value == self.key);
        if rule.wants_key && !is_known {
            return own(403, "ForbiddenException", "Forbidden");
        }
        if let Some(limiter) = &self.limiter
            && !limiter.admits(IpAddr::V4(Ipv4Addr::LOCALHOST), ANY, Instant::now())
        {
            return own(429, "TooManyRequestsException", "Too Many Requests");
        }
        let mut uri = rule.uri.replace("{proxy}", &unescaped(below));
        if let Some(query) = query {
            let _ = write!(uri, "?{}", unescaped(query));
        }
        match tokio::time::timeout(INTEGRATION_LIMIT, self.forward(asked, rule, &uri, peer)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(Trouble::Unreachable)) => {
                own(504, "IntegrationFailureException", "Network error communicating with endpoint")
            }
            Ok(Err(Trouble::Broken)) => own(502, "InternalServerErrorException", "Internal server error"),
            Err(_) => own(504, "IntegrationTimeoutException", "Endpoint request timed out"),
        }
    }

    async fn forward(&self, asked: &Asked, rule: &Rule, uri: &str, peer: IpAddr) -> Result<Reply, Trouble> {
        let uri: Uri = uri.parse().map_err(|_| Trouble::Broken)?;
        let address: SocketAddr =
            uri.authority().and_then(|authority| authority.as_str().parse().ok()).ok_or(Trouble::Unreachable)?;
        let stream = self.connect(address).await.map_err(|_| Trouble::Unreachable)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| Trouble::Unreachable)?;
        let connection = tokio::spawn(connection);
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let mut request = Request::builder()
            .method(asked.method.as_str())
            .uri(target)
            .header(header::HOST, address.to_string())
            .header(header::CONNECTION, "close");
        for (name, value) in self.sent_headers(asked, rule, peer) {
            request = request.header(name, value);
        }
        let request = request.body(Empty::<Bytes>::new()).map_err(|_| Trouble::Broken)?;
        let answer = sender.send_request(request).await.map_err(|_| Trouble::Unreachable)?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|_| Trouble::Broken)?.to_bytes();
        connection.abort();
        let mut headers = passed_on(&parts.headers);
        headers.push(("x-amz-apigw-id".to_owned(), self.id.clone().into_bytes()));
        Ok(Reply { status: parts.status.as_u16(), headers, body })
    }

    /// From our own address, so that the vendor sees one visitor a gateway.
    async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((self.source, 0)))?;
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// What the vendor is sent: the client's headers as they are, our own, then what the description maps.
    fn sent_headers(&self, asked: &Asked, rule: &Rule, peer: IpAddr) -> Vec<(String, String)> {
        let of_one_hop = |name: &str| OF_ONE_HOP.iter().any(|known| name.eq_ignore_ascii_case(known));
        let mut sent: Vec<(String, String)> =
            asked.headers.iter().filter(|(name, _)| !of_one_hop(name)).cloned().collect();
        let trace = self.requests.load(Ordering::SeqCst);
        let mut ours = vec![
            ("X-Forwarded-For".to_owned(), peer.to_string()),
            ("X-Forwarded-Port".to_owned(), "443".to_owned()),
            ("X-Forwarded-Proto".to_owned(), "https".to_owned()),
            ("X-Amzn-Apigateway-Api-Id".to_owned(), self.id.clone()),
            ("X-Amzn-Trace-Id".to_owned(), format!("Root=1-{trace:08x}-{trace:024x}")),
        ];
        for (target, source) in &rule.mappings {
            let value = match source {
                Source::Text(text) => Some(text.clone()),
                Source::Header(name) => {
                    asked.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone())
                }
            };
            if let Some(value) = value {
                // As it is on the wire: a mapping in another case is another header, the gateway's own ones too.
                sent.retain(|(name, _)| name != target);
                ours.retain(|(name, _)| name != target);
                sent.push((target.clone(), value));
            }
        }
        sent.extend(ours);
        sent
    }
}

enum Trouble {
    Unreachable,
    Broken,
}

impl Rule {
    /// What is below the prefix, if the path is this rule's.
    fn matches<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(self.prefix.as_str())?;
        let below = rest.strip_prefix('/');
        match (self.below, below) {
            (true, Some(below)) if !below.is_empty() => Some(below),
            (false, None | Some("")) if rest.is_empty() || rest == "/" => Some(""),
            _ => None,
        }
    }
}

/// A path or query as it goes on: escapes are undone, but for those of characters that would then mean something else in a
/// URL, or may not stand in one.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('%') {
        out.push_str(head);
        let byte = tail.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.map(char::from).filter(|c| c.is_ascii_graphic() && !"/?#%&=+\"<>`{}\\".contains(*c)) {
            Some(c) => {
                out.push(c);
                rest = &tail[2..];
            }
            None => {
                out.push('%');
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    out
}

fn own(status: u16, kind: &str, message: &str) -> Reply {
    let headers = vec![
        ("content-type".to_owned(), b"application/json".to_vec()),
        ("x-amzn-errortype".to_owned(), kind.as_bytes().to_vec()),
    ];
    Reply { status, headers, body: Bytes::from(format!("{{\"message\":\"{message}\"}}")) }
}

fn passed_on(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let one_hop = |name: &str| OF_ONE_HOP.contains(&name);
    let kept = headers.iter().filter(|(name, _)| !one_hop(name.as_str()));
    kept.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
}

/// Reads one request's head; `None`: the client is done. What belongs to the next stays in the buffer.
async fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Asked>> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if buffer.len() > MAX_HEAD {
            return Err(io::Error::other("the head of a request is too long"));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    buffer.drain(..end);
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers = lines.filter_map(|line| line.split_once(':'));
    Ok(Some(Asked {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect(),
    }))
}

/// The paths of a description.
fn rules(openapi: &str) -> Result<Vec<Rule>, String> {
    let description: Value = serde_json::from_str(openapi).map_err(|error| error.to_string())?;
    let paths = description["paths"].as_object().ok_or("it has no paths")?;
    paths.iter().map(|(path, item)| rule(path, &item["x-amazon-apigateway-any-method"])).collect()
}

fn rule(path: &str, method: &Value) -> Result<Rule, String> {
    let integration = &method["x-amazon-apigateway-integration"];
    let uri = integration["uri"].as_str().ok_or_else(|| format!("{path} leads nowhere"))?;
    let mut mappings = Vec::new();
    for (target, source) in integration["requestParameters"].as_object().into_iter().flatten() {
        let (Some(target), Some(source)) = (target.strip_prefix("integration.request.header."), source.as_str()) else {
            continue;
        };
        let source = match source.strip_prefix("method.request.header.") {
            Some(name) => Source::Header(name.to_owned()),
            None => Source::Text(source.trim_matches('\'').to_owned()),
        };
        mappings.push((target.to_owned(), source));
    }
    let (prefix, below) = match path.strip_suffix("/{proxy+}") {
        Some(prefix) => (prefix, true),
        None => (path, false),
    };
    let wants_key = method["security"].as_array().is_some_and(|kinds| !kinds.is_empty());
    Ok(Rule { prefix: prefix.to_owned(), below, wants_key, uri: uri.to_owned(), mappings })
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn escapes_are_undone_where_the_url_stays_the_same() {
        for (sent, arrives) in [
            ("v7/finance/options/%5ESPX", "v7/finance/options/^SPX"),
            ("events=div%7Csplit&crumb=a%2Fb.c", "events=div|split&crumb=a%2Fb.c"),
            ("f=a%20b%23c%26d%25", "f=a%20b%23c%26d%25"),
            ("100%", "100%"),
            ("%4", "%4"),
            ("%zz%C3%A9", "%zz%C3%A9"),
        ] {
            assert_eq!(unescaped(sent), arrives);
        }
    }
}
