//! Rules a value must obey beyond its type. Every broken rule is reported, not the first.

use fleet_core::domain::{Price, Ticker, Vendor};
use fleet_engines::connect::{QueueAddress, StoreAddress, shown};

use super::{Rate, Settings};

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting to blame, if it is one.
    pub key: Option<String>,
    /// What is wrong and what would be right.
    pub text: String,
}

/// Every broken rule.
pub fn problems(settings: &Settings) -> Vec<Problem> {
    let mut found = Vec::new();
    scan(settings, &mut found);
    engines(settings, &mut found);
    vendors(settings, &mut found);
    identity(settings, &mut found);
    holdings(settings, &mut found);
    gateways(settings, &mut found);
    for text in settings.analysis.problems() {
        // Its sentences begin with the key: `gates.iv[0] = 9 must be …`.
        let key = text.split([' ', '[']).next().map(str::to_owned);
        found.push(Problem { key, text });
    }
    found
}

/// Whether a URL points to this very machine, where no vendor can be offended.
pub fn is_loopback(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or(url);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn push(found: &mut Vec<Problem>, key: &str, rule: &str) {
    found.push(Problem { key: Some(key.to_owned()), text: format!("`{key}` {rule}") });
}

fn within(found: &mut Vec<Problem>, key: &str, value: u32, range: std::ops::RangeInclusive<u32>) {
    if !range.contains(&value) {
        push(found, key, &format!("is {value}; it must be {} to {}", range.start(), range.end()));
    }
}

fn scan(settings: &Settings, found: &mut Vec<Problem>) {
    let scan = &settings.scan;
    if scan.filter.trim().is_empty() {
        push(found, "scan.filter", "is empty; it must be a Finviz filter such as sh_opt_option");
    }
    if crate::naming::Label::parse(&scan.label).is_err() {
        push(found, "scan.label", "must be 1 to 40 letters, digits, `_` or `-`, because it begins the scan id");
    }
    if let super::AutoMinutes::Minutes(minutes) = scan.deadline_minutes {
        within(found, "scan.deadline_minutes", minutes, 1..=1440);
    }
    // More slots than this only add memory: the budgets decide the speed.
    within(found, "scan.slots", scan.slots, 1..=256);
    within(found, "bars.max_per_ticker", settings.bars.max_per_ticker, 0..=500);
    within(found, "bars.sessions", settings.bars.sessions, 60..=2500);
    within(found, "bars.underlying_sessions", settings.bars.underlying_sessions, 60..=2500);
    within(found, "limits.delivery_timeout_secs", settings.limits.delivery_timeout_secs, 1..=3600);
    within(found, "limits.max_attempts", settings.limits.max_attempts, 1..=100);
    within(found, "limits.request_timeout_secs", settings.limits.request_timeout_secs, 1..=600);
    within(found, "limits.request_tries", settings.limits.request_tries, 1..=20);
    within(found, "limits.max_retry_after_secs", settings.limits.max_retry_after_secs, 0..=3600);
    if settings.limits.request_timeout_secs > settings.limits.delivery_timeout_secs {
        push(found, "limits.request_timeout_secs", "is longer than `limits.delivery_timeout_secs`, which contains it");
    }
    within(found, "caps.open_per_underlying", settings.caps.open_per_underlying, 0..=1000);
    // Ten years, as long as a clock's arithmetic is asked to reach.
    within(found, "store.keep_scans_days", settings.store.keep_scans_days, 0..=3650);
    if let Err(bad) = crate::notify::Sink::parse(&settings.notify.to) {
        push(found, "notify.to", &bad.to_string());
    }
    within(found, "caps.new_per_day", settings.caps.new_per_day, 0..=10_000);
}

/// Each by itself: whoever only asks a store needs no queue. That they go together is [`markets::check_pair`]'s.
///
/// [`markets::check_pair`]: crate::markets::check_pair
fn engines(settings: &Settings, found: &mut Vec<Problem>) {
    let queue = QueueAddress::parse(&settings.queue.url);
    let store = StoreAddress::parse(&settings.store.url);
    for (key, error) in [("queue.url", queue.as_ref().err()), ("store.url", store.as_ref().err())] {
        if let Some(error) = error {
            push(found, key, &format!("is {error}"));
        }
    }
}

fn vendors(settings: &Settings, found: &mut Vec<Problem>) {
    let vendors = &settings.vendors;
    type Urls<'a> = &'a [(&'a str, &'a str)];
    let rates: [(&str, Rate, Rate, Urls<'_>); 4] = [
        (
            "finviz",
            vendors.finviz.per_address_per_sec,
            vendors.finviz.total_per_sec,
            &[("vendors.finviz.base", vendors.finviz.base.as_str())],
        ),
        (
            "cboe",
            vendors.cboe.per_address_per_sec,
            vendors.cboe.total_per_sec,
            &[("vendors.cboe.base", vendors.cboe.base.as_str())],
        ),
        (
            "yahoo",
            vendors.yahoo.per_address_per_sec,
            vendors.yahoo.total_per_sec,
            &[
                ("vendors.yahoo.query", vendors.yahoo.query.as_str()),
                ("vendors.yahoo.cookie", vendors.yahoo.cookie.as_str()),
            ],
        ),
        (
            "robinhood",
            vendors.robinhood.per_address_per_sec,
            vendors.robinhood.total_per_sec,
            &[("vendors.robinhood.base", vendors.robinhood.base.as_str())],
        ),
    ];
    for (vendor, per_address, total, urls) in rates {
        for (name, rate) in [("per_address_per_sec", per_address), ("total_per_sec", total)] {
            let key = format!("vendors.{vendor}.{name}");
            match rate {
                Rate::PerSec(n) if n.is_finite() && n > 0.0 && n <= 1000.0 => {}
                Rate::PerSec(n) => push(found, &key, &format!("is {n}; it must be above 0 and at most 1000")),
                Rate::Unlimited if urls.iter().all(|(_, url)| is_loopback(url)) => {}
                Rate::Unlimited => {
                    push(found, &key, "is unlimited, which only a loopback base URL allows; give a number");
                }
            }
        }
        for (key, url) in urls {
            let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            let has_host = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
            if !has_host || url.ends_with('/') || url.contains(char::is_whitespace) {
                push(found, key, &format!("is `{}`; it must be http(s)://HOST without a slash at the end", shown(url)));
            }
        }
    }
    within(found, "vendors.cboe.max_quote_age_minutes", vendors.cboe.max_quote_age_minutes, 1..=10_080);
    within(found, "vendors.yahoo.max_quote_age_minutes", vendors.yahoo.max_quote_age_minutes, 1..=10_080);
    within(found, "vendors.robinhood.max_quote_age_minutes", vendors.robinhood.max_quote_age_minutes, 1..=10_080);
    if vendors.chain_order.is_empty() {
        push(found, "vendors.chain_order", "is empty; name cboe, yahoo, robinhood or several");
    }
    let mut seen = Vec::new();
    for name in &vendors.chain_order {
        if super::plan::chain_vendor(name).is_none() {
            push(found, "vendors.chain_order", &format!("names `{name}`; chains come from cboe, yahoo or robinhood"));
        }
        if seen.contains(&name) {
            push(found, "vendors.chain_order", &format!("names `{name}` twice"));
        }
        seen.push(name);
    }
    if super::plan::bars_vendor(&vendors.bars).is_none() {
        push(found, "vendors.bars", &format!("is `{}`; bars come from yahoo or robinhood", vendors.bars));
    }
}

fn holdings(settings: &Settings, found: &mut Vec<Problem>) {
    const KEY: &str = "holdings.shares";
    let mut seen = Vec::new();
    for (text, shares, paid) in &settings.holdings.shares {
        match Ticker::parse(text) {
            Err(error) => push(found, KEY, &format!("names {error}")),
            Ok(ticker) if seen.contains(&ticker) => push(found, KEY, &format!("names {ticker} twice")),
            Ok(ticker) => seen.push(ticker),
        }
        if *shares == 0 {
            push(found, KEY, &format!("has no shares of {text}; a holding is at least one"));
        }
        if Price::from_dollars(*paid).ok().is_none_or(Price::is_zero) {
            push(found, KEY, &format!("has {paid} paid for a share of {text}; dollars above 0 are wanted"));
        }
    }
}

/// A gateway that is kept costs nothing, but an address that is known for a day is no secret.
const LONGEST_WARM: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

fn gateways(settings: &Settings, found: &mut Vec<Problem>) {
    let gateways = &settings.gateways;
    if !matches!(gateways.provider.as_str(), "aws" | "simulated") {
        push(found, "gateways.provider", &format!("is `{}`; aws or simulated makes gateways", gateways.provider));
    }
    let mut seen = Vec::new();
    for code in &gateways.regions {
        if let Err(bad) = fleet_gateways::region::Region::parse(code) {
            push(found, "gateways.regions", &format!("holds what no Region is called: {bad}"));
        }
        if seen.contains(&code) {
            push(found, "gateways.regions", &format!("names {code} twice"));
        }
        seen.push(code);
    }
    // A Region holds 600 APIs, and deleting k of them takes 30 s × (k − 1).
    within(found, "gateways.per_region", gateways.per_region, 1..=20);
    within(found, "gateways.least_regions", gateways.least_regions, 1..=64);
    let named = u32::try_from(gateways.regions.len()).unwrap_or(u32::MAX);
    if named > 0 && gateways.least_regions > named {
        push(found, "gateways.least_regions", &format!("is {}, of {named} regions", gateways.least_regions));
    }
    if gateways.vendors.is_empty() {
        push(found, "gateways.vendors", "is empty; name finviz, cboe, yahoo or some of them");
    }
    for word in &gateways.vendors {
        if word == Vendor::Robinhood.word() {
            push(
                found,
                "gateways.vendors",
                "names `robinhood`, which is asked with one account's token: from many addresses that gives the account away, \
                 and buys nothing, because its limit is the account's; take it out",
            );
        } else if !super::plan::vendor_plan(settings).routes.iter().any(|route| route.vendor.word() == word) {
            push(found, "gateways.vendors", &format!("names `{word}`, which is no vendor that scans ask"));
        }
    }
    if let Err(bad) = fleet_gateways::tags::OwnerTag::parse(&gateways.owner) {
        push(found, "gateways.owner", &format!("is refused: {bad}"));
    }
    within(found, "gateways.canary_every", gateways.canary_every, 1..=10_000);
    let canary = gateways.canary.trim();
    if !canary.is_empty() && fleet_core::domain::Ticker::parse(canary).is_err() {
        push(found, "gateways.canary", &format!("is `{canary}`, which is no ticker such as SPY"));
    }
    let warm = gateways.keep_warm.trim();
    match fleet_worker::program::times::duration(warm) {
        Ok(time) if time > LONGEST_WARM => push(found, "gateways.keep_warm", "is more than 24h"),
        Err(_) if !warm.is_empty() => {
            push(found, "gateways.keep_warm", &format!("is `{warm}`; a time such as 2h is wanted, or nothing"));
        }
        Ok(_) | Err(_) => {}
    }
    for (key, url) in
        [("gateways.test_url", &gateways.test_url), ("gateways.aws_endpoint_url", &gateways.aws_endpoint_url)]
    {
        let is_url = fleet_gateways::spec::Route::new("x", url).is_ok() && !url.ends_with('/');
        if !url.is_empty() && !is_url {
            push(found, key, &format!("is `{}`; it must be http(s)://HOST without a slash at the end", shown(url)));
        }
    }
}

fn identity(settings: &Settings, found: &mut Vec<Problem>) {
    for problem in fleet_scraper::identity_problems(&settings.identity.headers) {
        push(found, "identity.headers", &format!("is no coherent client: {problem}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_break_no_rule() {
        assert_eq!(problems(&Settings::default()), Vec::new());
    }

    #[test]
    fn a_holding_is_some_shares_of_one_ticker_at_a_price() {
        let of = |shares: &[(&str, u32, f64)]| {
            let mut settings = Settings::default();
            settings.holdings.shares =
                shares.iter().map(|(ticker, n, paid)| ((*ticker).to_owned(), *n, *paid)).collect();
            problems(&settings).into_iter().map(|problem| problem.text).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(of(&[("AAPL", 300, 187.5), ("BRK-B", 1, 0.01)]), "");
        assert!(of(&[("1X", 300, 187.5)]).contains("`holdings.shares` names `1X`"));
        assert!(of(&[("AAPL", 300, 187.5), ("aapl", 1, 1.0)]).contains("names AAPL twice"));
        assert!(of(&[("AAPL", 0, 187.5)]).contains("no shares of AAPL"));
        for bad in [0.0, -1.0, f64::NAN, 1e12] {
            assert!(of(&[("AAPL", 1, bad)]).contains("paid for a share of AAPL"), "{bad}");
        }
    }

    #[test]
    fn gateways_are_where_there_can_be_some() {
        let of = |change: fn(&mut crate::config::GatewaySettings)| {
            let mut settings = Settings::default();
            change(&mut settings.gateways);
            problems(&settings).into_iter().map(|problem| problem.text).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(of(|g| g.keep_warm = "2h".to_owned()), "");
        assert_eq!(of(|g| g.regions.clear()), "", "all that are enabled");
        assert!(of(|g| g.provider = "azure".to_owned()).contains("`azure`; aws or simulated"));
        assert!(of(|g| g.regions = vec!["mars".to_owned()]).contains("`mars` is not a Region"));
        assert!(of(|g| g.regions.push("us-east-1".to_owned())).contains("names us-east-1 twice"));
        assert!(of(|g| g.least_regions = 5).contains("is 5, of 4 regions"));
        assert!(of(|g| g.per_region = 21).contains("1 to 20"));
        assert!(of(|g| g.vendors = vec!["nasdaq".to_owned()]).contains("`nasdaq`, which is no vendor"));
        assert!(of(|g| g.vendors.clear()).contains("is empty"));
        assert!(of(|g| g.vendors.push("robinhood".to_owned())).contains("with one account's token"));
        assert!(of(|g| g.owner = "a b".to_owned()).contains("`a b` is no owner tag"));
        assert!(of(|g| g.canary = "no ticker".to_owned()).contains("`no ticker`, which is no ticker such as SPY"));
        assert!(of(|g| g.canary_every = 0).contains("canary_every"));
        assert_eq!(of(|g| g.canary.clear()), "", "none are sent");
        assert!(of(|g| g.keep_warm = "soon".to_owned()).contains("is `soon`"));
        assert!(of(|g| g.keep_warm = "25h".to_owned()).contains("more than 24h"));
        assert!(of(|g| g.test_url = "checkip".to_owned()).contains("http(s)://HOST"));
        assert!(of(|g| g.aws_endpoint_url = "http://127.0.0.1:1/".to_owned()).contains("without a slash"));
    }

    #[test]
    fn loopback_is_recognised() {
        for url in ["http://127.0.0.1:8080/cboe", "http://[::1]:1", "http://localhost"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["https://finviz.com", "http://127.0.0.1.example.com", "http://localhost.example.com/"] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
