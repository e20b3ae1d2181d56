//! Client identity: one coherent browser profile, and the headers each kind of request adds to it.
//!
//! A profile is a list of headers in order, held for a whole scan. What belongs to the browser (User-Agent, client
//! hints, languages, encodings) comes from configuration; what belongs to the kind of request (Accept, fetch metadata,
//! Referer) is added here, in one place. Promises: `Accept-Encoding` names only what our client decodes. Refuses: a
//! header that cannot be sent or that is the client's own business.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::client::ClientError;

/// Chrome's major version in the default profile, chosen by Chrome's release calendar for 2026-11-20. A profile older
/// than a year gives itself away.
const CHROME_MAJOR: u32 = 155;

/// Content encodings our client decodes, in the order Chrome names them.
const DECODED: [&str; 4] = ["gzip", "deflate", "br", "zstd"];
/// Headers the client writes itself; in a profile they would corrupt or betray a request.
const NOT_OURS: &[&str] = &[
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "upgrade",
    "cookie",
    "authorization",
    "proxy-authorization",
    "range",
];

/// What a browser would be doing when it sends the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RequestKind {
    /// Opening a page from the address bar.
    Document,
    /// A script of a page on another host of the same site fetching data.
    Data {
        /// The page's site, e.g. `https://finance.yahoo.com`.
        origin: &'static str,
    },
}

/// A checked profile.
#[derive(Debug, Clone)]
pub(crate) struct Identity(Vec<(HeaderName, HeaderValue)>);

/// The default profile: Chrome on Windows 10/11, 64 bit, US English, in the frozen User-Agent form.
#[must_use]
pub fn default_identity() -> Vec<(String, String)> {
    [
        ("sec-ch-ua", brands(CHROME_MAJOR)),
        ("sec-ch-ua-mobile", "?0".to_owned()),
        ("sec-ch-ua-platform", "\"Windows\"".to_owned()),
        (
            "user-agent",
            format!(
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/{CHROME_MAJOR}.0.0.0 Safari/537.36"
            ),
        ),
        ("accept-encoding", DECODED.join(", ")),
        ("accept-language", "en-US,en;q=0.9".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// Chrome's `sec-ch-ua` of a major version, with its GREASE entry (Chromium's `user_agent_utils.cc`: characters,
/// version and order all follow from the major version).
fn brands(major: u32) -> String {
    const CHARACTERS: [&str; 11] = [" ", "(", ":", "-", ".", "/", ")", ";", "=", "?", "_"];
    const VERSIONS: [&str; 3] = ["8", "99", "24"];
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let seed = major as usize;
    let (first, second) = (CHARACTERS[seed % 11], CHARACTERS[(seed + 1) % 11]);
    let entries = [
        format!("\"Not{first}A{second}Brand\";v=\"{}\"", VERSIONS[seed % 3]),
        format!("\"Chromium\";v=\"{major}\""),
        format!("\"Google Chrome\";v=\"{major}\""),
    ];
    let mut placed = [""; 3];
    for (entry, place) in entries.iter().zip(ORDERS[seed % 6]) {
        placed[place] = entry;
    }
    placed.join(", ")
}

/// What makes a profile incoherent, one sentence each; empty for a good one. For checking a configuration: an
/// incoherent profile can be sent, but gives itself away.
#[must_use]
pub fn identity_problems(profile: &[(String, String)]) -> Vec<String> {
    let value = |name: &str| profile.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
    let mut problems = Vec::new();
    for (at, (name, _)) in profile.iter().enumerate() {
        if profile[..at].iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name)) {
            problems.push(format!("the header {name} appears twice"));
        }
    }
    if let Err(error) = Identity::new(profile) {
        problems.push(error.to_string());
    }
    let Some(agent) = value("user-agent") else {
        problems.push("there is no user-agent".to_owned());
        return problems;
    };
    if value("accept-language").is_none() {
        problems.push("there is no accept-language; every browser sends one".to_owned());
    }
    let hints = value("sec-ch-ua");
    match (chromium_major(agent), hints) {
        (Some(major), Some(hints)) => {
            if !hints.contains(&format!("\"Chromium\";v=\"{major}\"")) {
                problems.push(format!("sec-ch-ua does not name Chromium {major}, which the user-agent claims to be"));
            }
            if !hints.contains("\"Not") {
                problems.push("sec-ch-ua has no GREASE entry".to_owned());
            }
            match (value("sec-ch-ua-platform"), agent_platform(agent)) {
                (Some(platform), Some(expected)) if platform.trim_matches('"') != expected => {
                    problems.push(format!("sec-ch-ua-platform is {platform}, the user-agent's system is {expected}"));
                }
                (Some(_), _) => {}
                (None, _) => problems.push("sec-ch-ua comes without sec-ch-ua-platform".to_owned()),
            }
            let mobile = agent.contains("Mobile");
            match value("sec-ch-ua-mobile") {
                Some("?1") if mobile => {}
                Some("?0") if !mobile => {}
                Some(_) | None => problems.push("sec-ch-ua-mobile does not agree with the user-agent".to_owned()),
            }
        }
        (Some(_), None) => problems.push("a Chromium user-agent comes without sec-ch-ua".to_owned()),
        (None, Some(_)) => problems.push("only Chromium browsers send sec-ch-ua".to_owned()),
        (None, None) => {}
    }
    let safari = agent.contains("Safari/") && agent.contains("Version/");
    if safari && !(agent.contains("Macintosh") || agent.contains("iPhone") || agent.contains("iPad")) {
        problems.push("Safari exists on Apple's systems only".to_owned());
    }
    problems
}

fn chromium_major(agent: &str) -> Option<u32> {
    let (_, rest) = agent.split_once("Chrome/")?;
    rest.split('.').next()?.parse().ok()
}

fn agent_platform(agent: &str) -> Option<&'static str> {
    [
        ("Windows NT", "Windows"),
        ("Android", "Android"),
        ("CrOS", "Chrome OS"),
        ("Macintosh", "macOS"),
        ("Linux", "Linux"),
    ]
    .into_iter()
    .find_map(|(mark, platform)| agent.contains(mark).then_some(platform))
}

impl Identity {
    /// Checks that every header of a profile can be sent.
    pub(crate) fn new(profile: &[(String, String)]) -> Result<Self, ClientError> {
        profile
            .iter()
            .map(|(name, value)| {
                let refuse = |why: &str| ClientError::Identity(format!("header {name}: {why}"));
                let lower = name.to_ascii_lowercase();
                if NOT_OURS.contains(&lower.as_str()) {
                    return Err(refuse("the client writes it itself"));
                }
                if lower == "accept-encoding"
                    && let Some(unknown) = value.split(',').map(str::trim).find(|e| !decodes(e))
                {
                    return Err(refuse(&format!("`{unknown}` is not decoded (known: {})", DECODED.join(", "))));
                }
                let name = HeaderName::from_bytes(lower.as_bytes()).map_err(|_| refuse("not a header name"))?;
                let value = HeaderValue::from_str(value).map_err(|_| refuse("its value cannot be sent"))?;
                Ok((name, value))
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Self)
    }

    /// The headers of one request, in the order Chrome sends them. What the profile says wins over the kind's own.
    pub(crate) fn headers(&self, kind: &RequestKind, cookie: Option<&HeaderValue>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.0 {
            headers.insert(name.clone(), value.clone());
        }
        let mut add = |name: &'static str, value: HeaderValue| {
            headers.entry(name).or_insert(value);
        };
        match kind {
            RequestKind::Document => {
                add("upgrade-insecure-requests", HeaderValue::from_static("1"));
                add(
                    "accept",
                    HeaderValue::from_static(
                        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
                    ),
                );
                add("sec-fetch-site", HeaderValue::from_static("none"));
                add("sec-fetch-mode", HeaderValue::from_static("navigate"));
                add("sec-fetch-user", HeaderValue::from_static("?1"));
                add("sec-fetch-dest", HeaderValue::from_static("document"));
            }
            RequestKind::Data { origin } => {
                add("accept", HeaderValue::from_static("*/*"));
                add("origin", HeaderValue::from_static(origin));
                add("sec-fetch-site", HeaderValue::from_static("same-site"));
                add("sec-fetch-mode", HeaderValue::from_static("cors"));
                add("sec-fetch-dest", HeaderValue::from_static("empty"));
                // Chrome's default policy for another origin: the site, no path.
                if let Ok(referer) = HeaderValue::from_str(&format!("{origin}/")) {
                    add("referer", referer);
                }
            }
        }
        if let Some(cookie) = cookie {
            headers.insert(reqwest::header::COOKIE, cookie.clone());
        }
        headers
    }
}

fn decodes(encoding: &str) -> bool {
    let name = encoding.split(';').next().unwrap_or_default().trim();
    DECODED.contains(&name) || name == "identity"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(name: &str, value: &str) -> Vec<(String, String)> {
        let mut profile = default_identity();
        for header in &mut profile {
            if header.0 == name {
                header.1 = value.to_owned();
            }
        }
        profile
    }

    #[test]
    fn brands_are_what_recorded_browsers_sent() {
        assert_eq!(brands(120), r#""Not_A Brand";v="8", "Chromium";v="120", "Google Chrome";v="120""#);
        assert_eq!(brands(131), r#""Google Chrome";v="131", "Chromium";v="131", "Not_A Brand";v="24""#);
    }

    #[test]
    fn the_default_profile_is_coherent() {
        assert_eq!(identity_problems(&default_identity()), Vec::<String>::new());
    }

    #[test]
    fn each_contradiction_is_named() {
        #[track_caller]
        fn check(profile: &[(String, String)], words: &str) {
            let problems = identity_problems(profile).join("; ");
            assert!(problems.contains(words), "{words:?} is not in {problems:?}");
        }
        check(&changed("sec-ch-ua", &brands(CHROME_MAJOR - 1)), "does not name Chromium");
        check(&changed("sec-ch-ua-platform", "\"macOS\""), "the user-agent's system is Windows");
        check(&changed("sec-ch-ua-mobile", "?1"), "sec-ch-ua-mobile");
        check(&changed("accept-encoding", "gzip, compress"), "`compress` is not decoded");
        check(&changed("user-agent", "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/150.0"), "only Chromium");
        check(&changed("user-agent", "Mozilla/5.0 (X11; Linux) Version/18.0 Safari/605"), "Apple's systems");
        check(&[], "no user-agent");
    }

    #[test]
    fn headers_that_cannot_be_sent_are_refused() {
        for (name, value) in [("bad name", "x"), ("user-agent", "a\nb"), ("Cookie", "a=b"), ("host", "x")] {
            assert!(Identity::new(&[(name.to_owned(), value.to_owned())]).is_err(), "{name}: {value:?} was taken");
        }
    }

    #[test]
    fn each_kind_of_request_has_its_own_headers() {
        let identity = Identity::new(&default_identity()).unwrap();
        let page = identity.headers(&RequestKind::Document, None);
        assert_eq!(page["sec-fetch-dest"], "document");
        assert!(!page.contains_key("referer"));
        let cookie = HeaderValue::from_static("A3=x");
        let data = identity.headers(&RequestKind::Data { origin: "https://finance.yahoo.com" }, Some(&cookie));
        assert_eq!(data["accept"], "*/*");
        assert_eq!(data["referer"], "https://finance.yahoo.com/");
        assert_eq!(data["cookie"], "A3=x");
        assert!(!data.contains_key("upgrade-insecure-requests"));
    }
}
