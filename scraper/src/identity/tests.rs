//! What every drawn identity keeps, over thousands of draws, and what a configured one is told.

use std::collections::{BTreeMap, BTreeSet};

use super::profile::{Browser, Device, Profile, System};
use super::*;

const DRAWS: u64 = 4_000;
const ORIGIN: &str = "https://finance.yahoo.com";

fn key(seed: u64, reads: Reads) -> IdentityKey<'static> {
    IdentityKey { seed, lease: "lease-1", endpoint: "us-east-1", reads }
}

/// Thousands of draws, with what was drawn.
fn draws(reads: Reads) -> impl Iterator<Item = (Profile, Identity)> {
    (0..DRAWS).map(move |seed| {
        let key = key(seed, reads);
        (draw::profile(&key, table::UPDATED), Identity::draw(&key).unwrap())
    })
}

/// Names and values in the order they leave.
fn sent(identity: &Identity, kind: &RequestKind) -> Vec<(String, String)> {
    let headers = identity.headers(kind, None);
    headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

/// Every draw, for each kind of request, with its headers.
fn each(check: impl Fn(&Profile, &RequestKind, &[(String, String)])) {
    for (profile, identity) in draws(Reads::Data) {
        for kind in [RequestKind::Document, RequestKind::Data { origin: ORIGIN }] {
            check(&profile, &kind, &sent(&identity, &kind));
        }
    }
}

#[test]
fn every_drawn_identity_is_coherent() {
    each(|profile, _, headers| assert_eq!(identity_problems(headers), Vec::<String>::new(), "{profile:?}"));
}

#[test]
fn client_hints_are_chromiums_alone_and_say_what_the_user_agent_says() {
    each(|profile, _, headers| {
        let agent = value(headers, "user-agent").unwrap();
        let hints = headers.iter().filter(|(name, _)| name.starts_with("sec-ch-")).count();
        match profile.browser {
            Browser::Chrome | Browser::Edge => {
                let major = profile.version.major;
                assert_eq!(hints, 3, "{headers:?}");
                assert!(agent.contains(&format!("Chrome/{major}.0.0.0 ")), "{agent}");
                let brands = value(headers, "sec-ch-ua").unwrap();
                let of_major = format!(";v=\"{major}\"");
                assert_eq!(brands.matches(&of_major).count(), 2, "{brands}");
                assert!(brands.contains("\"Not") && brands.split(", ").count() == 3, "no GREASE entry in {brands}");
                let platform = match profile.system {
                    System::Windows => ("\"Windows\"", "Windows NT 10.0; Win64; x64"),
                    System::MacOs => ("\"macOS\"", "Intel Mac OS X 10_15_7"),
                    System::Linux => ("\"Linux\"", "X11; Linux x86_64"),
                    System::Android => ("\"Android\"", "Linux; Android 10; K"),
                    System::Ios => panic!("no Chromium engine on iOS: {agent}"),
                };
                assert_eq!(value(headers, "sec-ch-ua-platform"), Some(platform.0));
                assert!(agent.contains(platform.1), "{agent}");
                assert_eq!(value(headers, "sec-ch-ua-mobile") == Some("?1"), agent.contains("Mobile"), "{agent}");
            }
            Browser::Firefox | Browser::Safari => assert_eq!(hints, 0, "{headers:?}"),
        }
    });
}

#[test]
fn safari_is_on_apples_systems_alone() {
    each(|profile, _, headers| {
        let agent = value(headers, "user-agent").unwrap();
        let apple =
            agent.contains("Macintosh; Intel Mac OS X 10_15_7") || agent.contains("iPhone OS 18_7 like Mac OS X");
        assert_eq!(profile.browser == Browser::Safari, agent.contains("Version/"), "{agent}");
        assert!(profile.browser != Browser::Safari || apple, "{agent}");
    });
}

#[test]
fn pages_carry_navigation_headers_and_data_carries_fetch_headers() {
    each(|profile, kind, headers| {
        let has = |name: &str| value(headers, name);
        match kind {
            RequestKind::Document => {
                assert_eq!(has("sec-fetch-dest"), Some("document"));
                assert_eq!(has("sec-fetch-mode"), Some("navigate"));
                assert_eq!(has("sec-fetch-site"), Some("none"));
                assert!(has("accept").unwrap().starts_with("text/html,"));
                assert_eq!((has("origin"), has("referer")), (None, None));
                let user = (profile.browser != Browser::Safari).then_some("?1");
                assert_eq!(has("sec-fetch-user"), user);
            }
            RequestKind::Data { origin } => {
                assert_eq!(has("sec-fetch-dest"), Some("empty"));
                assert_eq!(has("sec-fetch-mode"), Some("cors"));
                assert_eq!(has("sec-fetch-site"), Some("same-site"));
                assert_eq!(has("accept"), Some("*/*"));
                assert_eq!(has("origin"), Some(*origin));
                assert_eq!(has("referer"), Some("https://finance.yahoo.com/"));
                assert_eq!((has("sec-fetch-user"), has("upgrade-insecure-requests")), (None, None));
            }
        }
        assert_eq!(has("accept-language"), Some("en-US,en;q=0.9"));
        assert!(has("accept-encoding").unwrap().split(", ").all(decodes));
    });
}

#[test]
fn headers_leave_in_the_browsers_order() {
    let cookie = HeaderValue::from_static("A3=x");
    let mut engines = BTreeSet::new();
    for (profile, identity) in draws(Reads::Data) {
        for kind in [RequestKind::Document, RequestKind::Data { origin: ORIGIN }] {
            let headers = identity.headers(&kind, Some(&cookie));
            let names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
            let known = identity.engine.order(&kind);
            let expected: Vec<&str> = known.iter().copied().filter(|name| names.contains(name)).collect();
            assert_eq!(names, expected, "{profile:?} sends a header that has no place, or out of place");
        }
        engines.insert(format!("{:?}", identity.engine));
    }
    assert_eq!(engines.len(), 3, "{engines:?}");
}

#[test]
fn a_key_always_draws_the_same_and_each_part_of_it_counts() {
    let base = IdentityKey { seed: 7, lease: "a", endpoint: "us-east-1", reads: Reads::Data };
    assert_eq!(Identity::draw(&base).unwrap(), Identity::draw(&base).unwrap());
    let differs = |other: &dyn Fn(u64) -> (IdentityKey<'static>, IdentityKey<'static>)| {
        (0..100).any(|seed| {
            let (one, two) = other(seed);
            draw::profile(&one, table::UPDATED) != draw::profile(&two, table::UPDATED)
        })
    };
    let of = |seed, lease, endpoint| IdentityKey { seed, lease, endpoint, reads: Reads::Data };
    assert!(differs(&|seed| (of(seed, "a", "x"), of(seed + 1, "a", "x"))));
    assert!(differs(&|seed| (of(seed, "a", "x"), of(seed, "b", "x"))));
    assert!(differs(&|seed| (of(seed, "a", "x"), of(seed, "a", "y"))));
    assert!(differs(&|seed| (of(seed, "ab", "c"), of(seed, "a", "bc"))), "the border between the parts counts");
}

#[test]
fn draws_follow_the_weights_and_pages_are_read_on_desktops() {
    let mut counts: BTreeMap<(Browser, System, Device), u64> = BTreeMap::new();
    for (profile, _) in draws(Reads::Data) {
        *counts.entry((profile.browser, profile.system, profile.device)).or_default() += 1;
    }
    let total: u32 = table::ROWS.iter().map(|row| row.weight).sum();
    for row in table::ROWS {
        let drawn = counts.get(&(row.browser, row.system, row.device)).copied().unwrap_or(0) as f64;
        let expected = DRAWS as f64 * f64::from(row.weight) / f64::from(total);
        // Five standard deviations of a count.
        assert!((drawn - expected).abs() < 5.0 * expected.sqrt(), "{row:?}: {drawn} drawn, {expected} expected");
    }
    assert!(draws(Reads::Pages).all(|(profile, _)| profile.device == Device::Desktop));
}

#[test]
fn versions_drawn_are_in_the_field() {
    for (profile, _) in draws(Reads::Data) {
        let field = table::versions(profile.browser, table::UPDATED);
        assert!(field.iter().any(|(version, _)| *version == profile.version), "{profile:?}");
    }
}

/// A draw pinned to its value: leases of one fleet must draw alike whatever the version of a library beneath.
#[test]
fn a_draw_stays_what_it_was() {
    let agents: Vec<String> = (0..3)
        .map(|seed| {
            let identity = Identity::draw(&key(seed, Reads::Pages)).unwrap();
            value(&sent(&identity, &RequestKind::Document), "user-agent").unwrap().to_owned()
        })
        .collect();
    let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
    assert_eq!(
        agents,
        [
            format!("Mozilla/5.0 (X11; Linux x86_64) {webkit} Chrome/158.0.0.0 Safari/537.36"),
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/27.1 \
             Safari/605.1.15"
                .to_owned(),
            format!("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {webkit} Chrome/158.0.0.0 Safari/537.36"),
        ],
        "the table or a library beneath changed what is drawn: pin the new values, and say so in CHANGELOG.md"
    );
}

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
    let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64";
    let chromium = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome";
    let edge = |chrome: u32, edge: u32| format!("{windows}) {chromium}/{chrome}.0.0.0 Safari/537.36 Edg/{edge}.0.0.0");
    let major = table::usual().version.major;
    check(&changed("sec-ch-ua", &profile::brands(major - 1, "Google Chrome")), "does not name Chromium");
    check(&changed("sec-ch-ua-platform", "\"macOS\""), "the user-agent's system is Windows");
    check(&changed("sec-ch-ua-mobile", "?1"), "sec-ch-ua-mobile");
    check(&changed("accept-encoding", "gzip, compress"), "`compress` is not decoded");
    check(&changed("user-agent", "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/150.0"), "only Chromium");
    check(&changed("user-agent", "Mozilla/5.0 (X11; Linux) Version/18.0 Safari/605"), "Apple's systems");
    check(&changed("user-agent", &edge(major, major)), "does not name Edge");
    check(&changed("user-agent", &edge(major, major - 1)), "on another Chromium");
    check(&changed("user-agent", &format!("{windows}; rv:150.0) Gecko/20100101 Firefox/151.0")), "another rv:");
    check(&[], "no user-agent");
}

#[test]
fn headers_that_cannot_be_sent_are_refused() {
    for (name, value) in [("bad name", "x"), ("user-agent", "a\nb"), ("Cookie", "a=b"), ("host", "x")] {
        assert!(Identity::new(&[(name.to_owned(), value.to_owned())]).is_err(), "{name}: {value:?} was taken");
    }
}

#[test]
fn a_configured_profile_keeps_its_order_and_wins() {
    let mut profile = default_identity();
    profile.push(("accept".to_owned(), "application/json".to_owned()));
    let identity = Identity::new(&profile).unwrap();
    let cookie = HeaderValue::from_static("A3=x");
    let headers = identity.headers(&RequestKind::Data { origin: ORIGIN }, Some(&cookie));
    let names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    let given: Vec<&str> = profile.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..given.len()], given[..]);
    assert_eq!(headers["accept"], "application/json");
    assert_eq!(headers["cookie"], "A3=x");
    assert_eq!(headers["referer"], "https://finance.yahoo.com/");
}
