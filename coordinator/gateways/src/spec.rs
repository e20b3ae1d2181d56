//! What a gateway is to be: which vendor's hosts it reaches, under which routes. Its hash tells an unchanged
//! specification, so that gateways that are kept warm can be used again.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::openapi;

/// One vendor's host behind a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    name: String,
    origin: String,
}

/// Why a route cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRoute {
    /// The name is no path segment.
    #[error("`{}` is no name of a route: 1 to 40 lower-case letters, digits, `-`, `_` and `.`", .0.escape_debug())]
    Name(String),
    /// The origin is no scheme and host.
    #[error("`{}` is no origin such as https://cdn.cboe.com", .0.escape_debug())]
    Origin(String),
    /// Two routes have one name.
    #[error("there are two routes called {0}")]
    Twice(String),
    /// There is none.
    #[error("a gateway without a route reaches nothing")]
    None,
}

impl Route {
    /// A route `/{name}/…` to `{origin}/…`. The name is a path segment (e.g. `cboe`, `yahoo.query`); the origin is a
    /// scheme and a host, with a port and a path where a vendor is served under one, without a slash at the end.
    pub fn new(name: &str, origin: &str) -> Result<Self, BadRoute> {
        let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 40 || !name.chars().all(named) {
            return Err(BadRoute::Name(name.chars().take(40).collect()));
        }
        let origin = origin.trim_end_matches('/');
        let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")).unwrap_or_default();
        // No query, no user, no braces (they would be read as path parameters), nothing that has to be escaped.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '/' | '_' | '[' | ']');
        if rest.is_empty() || !rest.chars().all(plain) {
            return Err(BadRoute::Origin(origin.chars().take(80).collect()));
        }
        Ok(Self { name: name.to_owned(), origin: origin.to_owned() })
    }

    /// The first path segment of a request.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it leads.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

/// What every gateway of a set is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewaySpec {
    routes: Vec<Route>,
}

impl GatewaySpec {
    /// A specification of these routes, in any order.
    pub fn new(mut routes: Vec<Route>) -> Result<Self, BadRoute> {
        routes.sort_by(|one, other| one.name.cmp(&other.name));
        if routes.is_empty() {
            return Err(BadRoute::None);
        }
        match routes.windows(2).find(|pair| pair[0].name == pair[1].name) {
            Some(pair) => Err(BadRoute::Twice(pair[0].name.clone())),
            None => Ok(Self { routes }),
        }
    }

    /// By name.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Says whether two specifications make the same gateways: the body's bytes decide.
    #[must_use]
    pub fn hash(&self) -> SpecHash {
        let digest = Sha256::digest(openapi::body(self).as_bytes());
        SpecHash(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The first 64 bits of a specification's SHA-256, as 16 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SpecHash(pub String);

impl fmt::Display for SpecHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(name: &str, origin: &str) -> Route {
        Route::new(name, origin).unwrap()
    }

    #[test]
    fn the_hash_follows_the_gateways_and_nothing_else() {
        let spec = |routes: Vec<Route>| GatewaySpec::new(routes).unwrap().hash();
        let cboe = || route("cboe", "https://cdn.cboe.com");
        let finviz = || route("finviz", "https://finviz.com");
        assert_eq!(spec(vec![cboe(), finviz()]), spec(vec![finviz(), cboe()]), "order");
        assert_eq!(spec(vec![cboe()]), spec(vec![route("cboe", "https://cdn.cboe.com/")]), "a slash at the end");
        assert_ne!(spec(vec![cboe()]), spec(vec![cboe(), finviz()]), "another route");
        assert_ne!(spec(vec![cboe()]), spec(vec![route("cboe", "https://cdn2.cboe.com")]), "another host");
        assert_ne!(spec(vec![cboe()]), spec(vec![route("cboe2", "https://cdn.cboe.com")]), "another name");
        assert_eq!(spec(vec![cboe()]).0.len(), 16);
    }

    #[test]
    fn what_cannot_be_routed_is_refused() {
        for name in ["", "Cboe", "a/b", "a b", "{proxy+}", "ä"] {
            assert!(matches!(Route::new(name, "https://x.com"), Err(BadRoute::Name(_))), "{name:?}");
        }
        for origin in [
            "",
            "x.com",
            "ftp://x.com",
            "https://",
            "https://u:p@x.com",
            "https://x.com?a=1",
            "https://x/{y}",
            "https://x y",
        ] {
            assert!(matches!(Route::new("x", origin), Err(BadRoute::Origin(_))), "{origin:?}");
        }
        assert_eq!(GatewaySpec::new(Vec::new()), Err(BadRoute::None));
        let twice = vec![route("x", "https://a.com"), route("x", "https://b.com")];
        assert_eq!(GatewaySpec::new(twice), Err(BadRoute::Twice("x".to_owned())));
        assert!(Route::new("market.cboe", "http://127.0.0.1:8080/cboe").is_ok(), "the simulated market");
    }
}
