//! A gateway's description in OpenAPI 3, as `PutRestApi` takes it: `/{route}` and `/{route}/{proxy+}` for each vendor's
//! host.
//!
//! Why it looks as it does (GATEWAYS.md, "Decisions" 1, 3 and 4):
//! - An API key is required on every method, so that an address that becomes known is of no use to anybody.
//! - The key is no business of the vendor's: `x-api-key` is replaced by `-` (an empty text would be ignored and the key
//!   passed on). `X-Forwarded-For` is replaced likewise, or the gateway would tell the vendor our own address.
//! - Every header of ours is declared in lower case: names are compared with those on the wire as they are, and our client
//!   sends lower case. A mapping in upper case silently does nothing. `X-Forwarded-For` alone is the gateway's own header,
//!   and is declared as the gateway writes it.
//! - What a client's identity consists of is declared header by header, so that none of it depends on what the gateway
//!   passes on by itself. `x-amzn-trace-id` is not mapped.
//! - Everything is binary (`*/*`), or compressed bodies would be taken for text and damaged.
//! - A route's bare path is there too: a vendor's cookie page is `/`, which `{proxy+}` does not match.

use serde_json::{Map, Value, json};

use crate::spec::{GatewaySpec, Route};

/// A description as it is sent. Made by [`body`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiBody(String);

impl ApiBody {
    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The JSON text's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The header that carries the key.
pub const KEY_HEADER: &str = "x-api-key";

/// Headers that the vendor sees as `-`, whatever the client or the gateway puts there: one of the client's, and one that the
/// gateway writes itself, as it spells it.
const MASKED: [&str; 2] = [KEY_HEADER, "X-Forwarded-For"];

/// The text a masked header has. An empty one is ignored by the gateway.
const MASK: &str = "'-'";

/// The headers of a client's identity and of its requests (GATEWAYS.md, "Identities"), passed on as they come.
const CARRIED: [&str; 17] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cookie",
    "origin",
    "referer",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "upgrade-insecure-requests",
    "user-agent",
    "priority",
];

/// The longest a gateway waits for a vendor, ms: AWS' own limit.
const INTEGRATION_TIMEOUT_MS: u32 = 29_000;

/// The description of a specification. The same specification gives the same bytes.
#[must_use]
pub fn body(spec: &GatewaySpec) -> ApiBody {
    let mut paths = Map::new();
    for route in spec.routes() {
        paths.insert(format!("/{}", route.name()), path(route, Reach::Root));
        paths.insert(format!("/{}/{{proxy+}}", route.name()), path(route, Reach::Below));
    }
    let description = json!({
        "openapi": "3.0.1",
        // The title is the API's name after an import that overwrites; names are the ledger's, so it says nothing more.
        "info": { "title": "optionfleet", "version": "1" },
        "paths": paths,
        "components": {
            "securitySchemes": { "api_key": { "type": "apiKey", "name": KEY_HEADER, "in": "header" } }
        },
        "x-amazon-apigateway-api-key-source": "HEADER",
        "x-amazon-apigateway-binary-media-types": ["*/*"],
    });
    ApiBody(description.to_string())
}

/// Which paths of a route.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    /// The vendor's `/` alone.
    Root,
    /// Everything below it.
    Below,
}

fn path(route: &Route, reach: Reach) -> Value {
    let mut parameters: Vec<Value> = CARRIED
        .iter()
        .map(|name| json!({ "name": name, "in": "header", "required": false, "schema": { "type": "string" } }))
        .collect();
    let mut mappings = Map::new();
    for name in CARRIED {
        mappings.insert(format!("integration.request.header.{name}"), json!(format!("method.request.header.{name}")));
    }
    for name in MASKED {
        mappings.insert(format!("integration.request.header.{name}"), json!(MASK));
    }
    let uri = match reach {
        Reach::Root => format!("{}/", route.origin()),
        Reach::Below => {
            parameters.push(json!({ "name": "proxy", "in": "path", "required": true, "schema": { "type": "string" } }));
            mappings.insert("integration.request.path.proxy".to_owned(), json!("method.request.path.proxy"));
            format!("{}/{{proxy}}", route.origin())
        }
    };
    json!({
        "x-amazon-apigateway-any-method": {
            "parameters": parameters,
            "security": [{ "api_key": [] }],
            "responses": {},
            "x-amazon-apigateway-integration": {
                "type": "http_proxy",
                "httpMethod": "ANY",
                "uri": uri,
                "passthroughBehavior": "when_no_match",
                "timeoutInMillis": INTEGRATION_TIMEOUT_MS,
                "requestParameters": mappings,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> GatewaySpec {
        let route = |name, origin| Route::new(name, origin).unwrap();
        GatewaySpec::new(vec![route("cboe", "https://cdn.cboe.com"), route("yahoo.cookie", "https://fc.yahoo.com")])
            .unwrap()
    }

    fn parsed() -> Value {
        serde_json::from_str(body(&spec()).as_str()).unwrap()
    }

    /// Every method with its path.
    fn methods(body: &Value) -> Vec<(String, Value)> {
        let paths = body["paths"].as_object().unwrap();
        paths
            .iter()
            .flat_map(|(path, item)| item.as_object().unwrap().values().map(|method| (path.clone(), method.clone())))
            .collect()
    }

    /// The golden file was written by hand from what AWS documents, not by this code.
    #[test]
    fn the_body_is_the_golden_one() {
        let golden: Value = serde_json::from_str(include_str!("../golden/openapi.json")).unwrap();
        let route = Route::new("cboe", "https://cdn.cboe.com").unwrap();
        let body = body(&GatewaySpec::new(vec![route]).unwrap());
        let written: Value = serde_json::from_str(body.as_str()).unwrap();
        assert!(written == golden, "the body is not golden/openapi.json but {body:#?}");
    }

    #[test]
    fn every_method_wants_a_key_and_masks_it() {
        let body = parsed();
        let methods = methods(&body);
        assert_eq!(methods.len(), 4, "two paths a route");
        for (path, method) in methods {
            assert_eq!(method["security"], json!([{ "api_key": [] }]), "{path}");
            let mappings = &method["x-amazon-apigateway-integration"]["requestParameters"];
            for masked in MASKED {
                assert_eq!(mappings[format!("integration.request.header.{masked}")], json!("'-'"), "{path} {masked}");
            }
        }
        assert_eq!(body["x-amazon-apigateway-binary-media-types"], json!(["*/*"]));
    }

    #[test]
    fn every_mapping_of_a_clients_header_is_in_lower_case_and_none_is_of_the_trace() {
        for (path, method) in methods(&parsed()) {
            let declared: Vec<String> = method["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .map(|p| p["name"].as_str().unwrap().to_owned())
                .collect();
            for (to, from) in method["x-amazon-apigateway-integration"]["requestParameters"].as_object().unwrap() {
                let from = from.as_str().unwrap();
                let own = to == "integration.request.header.X-Forwarded-For";
                assert!(own || *to == to.to_lowercase(), "{path}: {to}");
                assert_eq!(from, from.to_lowercase(), "{path}: {to}");
                assert!(!to.contains("trace"), "{path} maps {to}");
                // A mapping from what is not declared is refused by AWS.
                if let Some(name) = from.strip_prefix("method.request.").and_then(|rest| rest.split_once('.')) {
                    assert!(declared.contains(&name.1.to_owned()), "{path} maps {from}, which is not declared");
                }
            }
        }
    }

    #[test]
    fn routes_lead_to_their_hosts() {
        let body = parsed();
        let uri = |path: &str| {
            body["paths"][path]["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]["uri"].clone()
        };
        assert_eq!(uri("/cboe/{proxy+}"), json!("https://cdn.cboe.com/{proxy}"));
        assert_eq!(uri("/yahoo.cookie"), json!("https://fc.yahoo.com/"));
    }
}
