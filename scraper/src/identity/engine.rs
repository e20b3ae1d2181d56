//! What a browser's engine adds to a request of each kind, and in which order it sends the headers.
//!
//! Pure. Promises: a page load carries navigation headers, a script's call carries fetch headers, neither the other's.
//! Refuses: `priority`, `te` and `connection`, which depend on the protocol a request leaves by; and signed exchanges in
//! Chromium's `accept`, which no parser of ours reads.

use super::RequestKind;

/// Which engine renders for the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    /// Chrome, Edge.
    Chromium,
    /// Firefox.
    Gecko,
    /// Safari.
    WebKit,
}

impl Engine {
    /// The engine of a User-Agent; what is not recognised is taken for Chromium, as most are.
    pub(super) fn of(agent: &str) -> Self {
        if agent.contains("Chrome/") {
            Self::Chromium
        } else if agent.contains("Gecko/") && agent.contains("Firefox/") {
            Self::Gecko
        } else if agent.contains("Version/") && agent.contains("Safari/") {
            Self::WebKit
        } else {
            Self::Chromium
        }
    }

    /// The headers a kind of request adds, name and value.
    pub(super) fn additions(self, kind: &RequestKind) -> Vec<(&'static str, String)> {
        let fixed: &[(&str, &str)] = match (kind, self) {
            (RequestKind::Document, Self::Chromium) => &[
                ("upgrade-insecure-requests", "1"),
                (
                    "accept",
                    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
                ),
                ("sec-fetch-site", "none"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-user", "?1"),
                ("sec-fetch-dest", "document"),
            ],
            (RequestKind::Document, Self::Gecko) => &[
                ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
                ("upgrade-insecure-requests", "1"),
                ("sec-fetch-dest", "document"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-site", "none"),
                ("sec-fetch-user", "?1"),
            ],
            // Safari sends neither `sec-fetch-user` nor, over HTTPS, `upgrade-insecure-requests`.
            (RequestKind::Document, Self::WebKit) => &[
                ("sec-fetch-dest", "document"),
                ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
                ("sec-fetch-site", "none"),
                ("sec-fetch-mode", "navigate"),
            ],
            (RequestKind::Data { .. }, _) => &[
                ("accept", "*/*"),
                ("sec-fetch-site", "same-site"),
                ("sec-fetch-mode", "cors"),
                ("sec-fetch-dest", "empty"),
            ],
        };
        let mut additions: Vec<_> = fixed.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        if let RequestKind::Data { origin } = kind {
            additions.insert(1, ("origin", (*origin).to_owned()));
            // The default policy of all browsers for another origin: the site, no path.
            additions.push(("referer", format!("{origin}/")));
        }
        additions
    }

    /// The order in which the engine sends the headers of a kind of request over HTTP/2. A header that is not in it
    /// comes last.
    pub(super) const fn order(self, kind: &RequestKind) -> &'static [&'static str] {
        match (kind, self) {
            (RequestKind::Document, Self::Chromium) => &[
                "sec-ch-ua",
                "sec-ch-ua-mobile",
                "sec-ch-ua-platform",
                "upgrade-insecure-requests",
                "user-agent",
                "accept",
                "sec-fetch-site",
                "sec-fetch-mode",
                "sec-fetch-user",
                "sec-fetch-dest",
                "accept-encoding",
                "accept-language",
                "cookie",
            ],
            (RequestKind::Data { .. }, Self::Chromium) => &[
                "sec-ch-ua-platform",
                "authorization",
                "user-agent",
                "sec-ch-ua",
                "sec-ch-ua-mobile",
                "accept",
                "origin",
                "sec-fetch-site",
                "sec-fetch-mode",
                "sec-fetch-dest",
                "referer",
                "accept-encoding",
                "accept-language",
                "cookie",
            ],
            (RequestKind::Document, Self::Gecko) => &[
                "user-agent",
                "accept",
                "accept-language",
                "accept-encoding",
                "cookie",
                "upgrade-insecure-requests",
                "sec-fetch-dest",
                "sec-fetch-mode",
                "sec-fetch-site",
                "sec-fetch-user",
            ],
            (RequestKind::Data { .. }, Self::Gecko) => &[
                "user-agent",
                "accept",
                "accept-language",
                "accept-encoding",
                "referer",
                "authorization",
                "origin",
                "cookie",
                "sec-fetch-dest",
                "sec-fetch-mode",
                "sec-fetch-site",
            ],
            (RequestKind::Document, Self::WebKit) => &[
                "sec-fetch-dest",
                "user-agent",
                "accept",
                "sec-fetch-site",
                "sec-fetch-mode",
                "cookie",
                "accept-language",
                "accept-encoding",
            ],
            (RequestKind::Data { .. }, Self::WebKit) => &[
                "accept",
                "authorization",
                "sec-fetch-site",
                "accept-language",
                "accept-encoding",
                "sec-fetch-mode",
                "origin",
                "user-agent",
                "referer",
                "sec-fetch-dest",
                "cookie",
            ],
        }
    }
}
