//! Completing the Auto Scaling lifecycle action once the worker has drained, so that the group need not wait for the
//! hook's time to be over before it ends the instance.
//!
//! One call, `CompleteLifecycleAction`. Who asks: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` (and
//! `AWS_SESSION_TOKEN`), else the instance's role from its metadata. Where: `AWS_REGION`, else the instance's; another
//! endpoint by `AWS_ENDPOINT_URL_AUTO_SCALING` or `AWS_ENDPOINT_URL`. Limits: three tries, 15 s in all. How it fails: with a
//! warning; the hook then ends by its own time, and no ticker is affected.

use std::sync::Arc;
use std::time::Duration;

use fleet_engines::connect::Secret;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode, Uri};
use jiff::Timestamp;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::http::exchange;
use super::metadata::Metadata;
use super::sigv4::{Credentials, Signable, sign};

const TRIES: u32 = 3;
const REST: Duration = Duration::from_secs(1);
const IN_ALL: Duration = Duration::from_secs(15);
const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// Which lifecycle action is completed, and what the environment says about the way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleSettings {
    hook: String,
    /// `None`: the instance's tags name it.
    group: Option<String>,
    region: Option<String>,
    endpoint: Option<String>,
    credentials: Option<Credentials>,
}

/// The role's credentials as the metadata has them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleCredentials {
    access_key_id: String,
    secret_access_key: String,
    token: String,
}

impl LifecycleSettings {
    /// The hook `hook` of the group `group`, with the AWS variables of the environment.
    #[must_use]
    pub fn of(hook: &str, group: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|text| !text.trim().is_empty());
        let credentials = set("AWS_ACCESS_KEY_ID").zip(set("AWS_SECRET_ACCESS_KEY")).map(|(key_id, secret)| {
            Credentials { key_id, secret: Secret::new(secret), session: set("AWS_SESSION_TOKEN").map(Secret::new) }
        });
        Self {
            hook: hook.to_owned(),
            group: group.map(str::to_owned),
            region: set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION")),
            endpoint: set("AWS_ENDPOINT_URL_AUTO_SCALING").or_else(|| set("AWS_ENDPOINT_URL")),
            credentials,
        }
    }

    /// Says that this instance may go; a sentence when it cannot be said.
    pub async fn complete(&self, metadata: &mut Metadata) -> Result<(), String> {
        let tried = async {
            let mut why = String::new();
            for attempt in 0..TRIES {
                if attempt > 0 {
                    tokio::time::sleep(REST).await;
                }
                match self.try_complete(metadata).await {
                    Ok(()) => return Ok(()),
                    Err(error) => why = error,
                }
                tracing::debug!(attempt, why, "lifecycle action not completed");
            }
            Err(why)
        };
        tokio::time::timeout(IN_ALL, tried)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", IN_ALL.as_secs())))
    }

    async fn try_complete(&self, metadata: &mut Metadata) -> Result<(), String> {
        let instance = known(metadata, "/latest/meta-data/instance-id").await?;
        let region = match &self.region {
            Some(region) => region.clone(),
            None => known(metadata, "/latest/meta-data/placement/region").await?,
        };
        let group = match &self.group {
            Some(group) => group.clone(),
            None => known(metadata, "/latest/meta-data/tags/instance/aws:autoscaling:groupName")
                .await
                .map_err(|why| format!("{why}; name the group with --asg"))?,
        };
        let credentials = match &self.credentials {
            Some(credentials) => credentials.clone(),
            None => role_credentials(metadata).await?,
        };
        let body = form(&[
            ("Action", "CompleteLifecycleAction"),
            ("AutoScalingGroupName", &group),
            ("InstanceId", &instance),
            ("LifecycleActionResult", "CONTINUE"),
            ("LifecycleHookName", &self.hook),
            ("Version", "2011-01-01"),
        ]);
        let endpoint = self.endpoint.clone().unwrap_or_else(|| format!("https://autoscaling.{region}.amazonaws.com"));
        let Answer { status, text, sent } = post(&endpoint, &region, &credentials, body).await?;
        if status == StatusCode::OK {
            return Ok(());
        }
        let secrets = sent.iter().map(String::as_str).chain([credentials.secret.expose()]);
        Err(format!("{endpoint} answered {}: {}", status.as_u16(), message(&text, secrets)))
    }
}

async fn known(metadata: &mut Metadata, path: &str) -> Result<String, String> {
    let text = metadata.get(path).await.map_err(|error| error.to_string())?;
    text.map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
        .ok_or_else(|| format!("the instance's metadata has no {path}"))
}

async fn role_credentials(metadata: &mut Metadata) -> Result<Credentials, String> {
    const ROLE: &str = "/latest/meta-data/iam/security-credentials/";
    let role = known(metadata, ROLE).await?;
    let role = role.lines().next().unwrap_or_default();
    let text = known(metadata, &format!("{ROLE}{role}")).await?;
    // The text holds secrets: it is in no message, and the parser's own words may quote it.
    let read: RoleCredentials =
        serde_json::from_str(&text).map_err(|_| format!("the credentials of the role {role} cannot be read"))?;
    Ok(Credentials {
        key_id: read.access_key_id,
        secret: Secret::new(read.secret_access_key),
        session: Some(Secret::new(read.token)),
    })
}

/// What came back, and what of the request must not be repeated.
struct Answer {
    status: StatusCode,
    text: String,
    /// The signature, and the session's token where there is one.
    sent: Vec<String>,
}

async fn post(endpoint: &str, region: &str, credentials: &Credentials, body: String) -> Result<Answer, String> {
    let uri: Uri = endpoint.parse().map_err(|_| format!("`{endpoint}` is no endpoint"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(format!("`{endpoint}` is no endpoint"));
    };
    let signable = Signable {
        method: "POST",
        path: "/",
        query: "",
        host: authority.as_str(),
        content_type: CONTENT_TYPE,
        body: body.as_bytes(),
        region,
        service: "autoscaling",
    };
    let headers = sign(&signable, credentials, Timestamp::now());
    let sent = headers.iter().filter_map(|(name, value)| match *name {
        "authorization" => value.split_once("Signature=").map(|(_, signature)| signature.to_owned()),
        "x-amz-security-token" => Some(value.clone()),
        _ => None,
    });
    let sent = sent.collect();
    let request = Request::builder().method(Method::POST).uri("/");
    let request = request.header("host", authority.as_str()).header("content-type", CONTENT_TYPE);
    let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    let request = request.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;

    let port = authority.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let failed = |error: std::io::Error| format!("{endpoint} cannot be reached: {error}");
    let stream = TcpStream::connect((host, port)).await.map_err(failed)?;
    let answer = match scheme {
        "http" => exchange(stream, request).await,
        "https" => {
            let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("`{host}` is no server's name"))?;
            let stream = TlsConnector::from(tls()?).connect(name, stream).await.map_err(failed)?;
            exchange(stream, request).await
        }
        _ => return Err(format!("`{endpoint}` is no endpoint: write https://… or http://…")),
    };
    let (status, text) = answer.map_err(|why| format!("{endpoint} cannot be reached: {why}"))?;
    Ok(Answer { status, text, sent })
}

fn tls() -> Result<Arc<ClientConfig>, String> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    // Named, because a process with two cryptography providers has no default one.
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map(|builder| Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
        .map_err(|error| format!("TLS cannot be set up: {error}"))
}

/// A form's fields, percent-encoded (RFC 3986's unreserved characters stay).
fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        text.bytes().fold(String::new(), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
            out
        })
    };
    fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// What stands in an error's `<Message>`; else that there is none. Never the whole answer, and never what was sent to
/// prove who asks: the service repeats the signed request where it does not like the signature.
fn message<'a>(answer: &str, secrets: impl Iterator<Item = &'a str>) -> String {
    let found = answer.split_once("<Message>").and_then(|(_, rest)| rest.split_once("</Message>"));
    let text = found.map_or("no message", |(message, _)| message);
    let hide = |text: String, secret: &str| if secret.is_empty() { text } else { text.replace(secret, "***") };
    // Before it is cut: the beginning of a secret would be no match.
    let text = secrets.fold(text.to_owned(), hide);
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded() {
        assert_eq!(form(&[("A", "a b/c~1"), ("B", "é")]), "A=a%20b%2Fc~1&B=%C3%A9");
    }

    #[test]
    fn an_error_is_told_by_its_message() {
        let answer = "<ErrorResponse><Error><Code>ValidationError</Code><Message>No active\nhook</Message></Error>";
        assert_eq!(message(answer, [""].into_iter()), "No activehook");
        assert_eq!(message("<html>", ["m"].into_iter()), "no ***essage");
        let long = format!("<Message>{}T0KEN</Message>", "x".repeat(197));
        assert_eq!(message(&long, ["T0KEN"].into_iter()), "x".repeat(197) + "***");
    }

    #[test]
    fn settings_show_no_secret() {
        let variables = |name: &str| name.starts_with("AWS_").then(|| "S3CRET".to_owned());
        let settings = LifecycleSettings::of("hook", None, variables);
        assert!(settings.credentials.is_some());
        let key_id = r#"key_id: "S3CRET""#;
        assert!(format!("{settings:?}").contains(key_id), "only the key's id is shown: {settings:?}");
        assert_eq!(format!("{:?}", settings.credentials).matches("S3CRET").count(), 1);
    }
}
