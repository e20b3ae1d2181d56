//! AWS Signature Version 4 of one request with a body. Pure; the clock is the caller's.
//!
//! Written by hand for the one call this program makes: the SDK for it would cost every cold build minutes. It is held to
//! the worked example of AWS' documentation and to RFC 4231.

use std::fmt;

use fleet_engines::connect::Secret;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// SHA-256's block.
const BLOCK: usize = 64;

/// Who asks. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub key_id: String,
    pub secret: Secret,
    /// Of a role's temporary credentials.
    pub session: Option<Secret>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// What is signed beside the time.
pub(super) struct Signable<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// Sorted and encoded already.
    pub query: &'a str,
    pub host: &'a str,
    pub content_type: &'a str,
    pub body: &'a [u8],
    pub region: &'a str,
    pub service: &'a str,
}

/// The headers that make the request ours: `x-amz-date`, perhaps `x-amz-security-token`, `authorization`.
pub(super) fn sign(request: &Signable<'_>, who: &Credentials, at: Timestamp) -> Vec<(&'static str, String)> {
    let date_time = at.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
    let date = &date_time[..8];
    let mut headers = vec![
        ("content-type", request.content_type.to_owned()),
        ("host", request.host.to_owned()),
        ("x-amz-date", date_time.clone()),
    ];
    headers.extend(who.session.as_ref().map(|token| ("x-amz-security-token", token.expose().to_owned())));
    // (They are in the order of their names, as the signature wants them.)
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let Signable { method, path, query, body, region, service, .. } = request;
    let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{}", hex(&Sha256::digest(body)));
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let to_sign = format!("{ALGORITHM}\n{date_time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let signature = hex(&hmac(&signing_key(who.secret.expose(), date, region, service), to_sign.as_bytes()));
    let authorization =
        format!("{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", who.key_id);
    headers.retain(|(name, _)| name.starts_with("x-amz-"));
    headers.push(("authorization", authorization));
    headers
}

fn signing_key(secret: &str, date: &str, region: &str, service: &str) -> [u8; 32] {
    let date_key = hmac(format!("AWS4{secret}").as_bytes(), date.as_bytes());
    let region_key = hmac(&date_key, region.as_bytes());
    hmac(&hmac(&region_key, service.as_bytes()), b"aws4_request")
}

/// HMAC-SHA256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// RFC 4231, cases 1, 2 and 6 (a key longer than a block).
    #[test]
    fn hmac_is_the_standards() {
        let check = |key: &[u8], message: &[u8], expected: &str| assert_eq!(hex(&hmac(key, message)), expected);
        check(&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        check(
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        );
        check(
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        );
    }

    /// The worked example of AWS' documentation: `ListUsers` of IAM.
    #[test]
    fn the_documentations_example_is_signed_alike() {
        let request = Signable {
            method: "GET",
            path: "/",
            query: "Action=ListUsers&Version=2010-05-08",
            host: "iam.amazonaws.com",
            content_type: "application/x-www-form-urlencoded; charset=utf-8",
            body: b"",
            region: "us-east-1",
            service: "iam",
        };
        let who = Credentials { key_id: "AKIDEXAMPLE".to_owned(), secret: Secret::new(SECRET), session: None };
        let headers = sign(&request, &who, "2015-08-30T12:36:00Z".parse().unwrap());
        let expected = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                        SignedHeaders=content-type;host;x-amz-date, \
                        Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
        let date = ("x-amz-date", "20150830T123600Z".to_owned());
        assert_eq!(headers, [date, ("authorization", expected.to_owned())]);
    }

    #[test]
    fn a_sessions_token_is_sent_and_signed_and_never_shown() {
        let who =
            Credentials { key_id: "AKID".to_owned(), secret: Secret::new(SECRET), session: Some(Secret::new("T0KEN")) };
        let request = Signable {
            method: "POST",
            path: "/",
            query: "",
            host: "h",
            content_type: "t",
            body: b"b",
            region: "r",
            service: "s",
        };
        let headers = sign(&request, &who, Timestamp::UNIX_EPOCH);
        assert!(headers.contains(&("x-amz-security-token", "T0KEN".to_owned())));
        assert!(headers.last().unwrap().1.contains("x-amz-date;x-amz-security-token"), "{headers:?}");
        assert!(!format!("{who:?}").contains("T0KEN") && !format!("{who:?}").contains("wJalr"));
    }
}
