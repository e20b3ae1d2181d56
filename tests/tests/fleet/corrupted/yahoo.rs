//! The same chains in Yahoo's bodies: a page an expiration, and every row says its strike and its date a second time.
//!
//! A damage of the symbol comes in two ways: all that is said of the row agrees with it, its page too, which is the hardest
//! to see; or the symbol alone is damaged. A page none of whose rows can be read is refused as a whole: its expiration is
//! then said not to have been served.

use std::collections::BTreeMap;

use fleet_core::domain::{Chain, OccSymbol, OptionKind, Vendor, calendar};
use fleet_scraper::vendors::yahoo::parse::{ChainPage, chain_page};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::Format;
use super::damage::Damage;
use super::healthy::{Healthy, rows, symbol};

/// All that is said of a row agrees with its symbol.
pub const CONSISTENT: Format = Format {
    name: "yahoo",
    body,
    read: |healthy, body, damage| read(healthy, body, damage, |row| symbol(row).or_else(|| first_symbol(row))),
    names: |damage, place| {
        let refused = |place: &&str| place.starts_with("refused:") || *place == "body";
        damage.names(place)
            // What dates the quotes is refused with the rows.
            || (["body", "skip:undated_quotes"].contains(&place) && damage.places.iter().all(refused))
            // A text where a number belongs.
            || (place == "refused:missing_field" && damage.names("refused:bad_price"))
    },
};

/// Strike, date and page are those of before the damage. Only for damages of the symbol.
pub const SYMBOL_ALONE: Format = Format {
    name: "yahoo, the symbol alone",
    body,
    read: |healthy, body, damage| read(healthy, body, damage, first_symbol),
    names: |damage, place| {
        let of_the_symbol = ["refused:bad_symbol", "gate:deliverable"];
        ["refused:contradiction", "body"].contains(&place) || (of_the_symbol.contains(&place) && damage.names(place))
    },
};

/// Whether a damage changes a row's symbol.
pub fn is_of_the_symbol(damage: &Damage) -> bool {
    let before = json!({"option": "XYZ270115C00105000", "bid": 1.0, "ask": 1.1});
    let mut after = before.clone();
    (damage.row)(&mut after, &mut Vec::new());
    after["option"] != before["option"]
}

/// What a row's symbol was before the damage, kept beside it.
const BEFORE: &str = "before";

/// The healthy body: every contract traded when the underlying did, for Yahoo dates its quotes by their trades.
fn body(healthy: &Healthy) -> Value {
    let mut body = healthy.body.clone();
    let time = body["data"]["last_trade_time"].clone();
    for row in rows(&mut body) {
        row["last_trade_time"] = time.clone();
        row["last_trade_price"] = row["bid"].clone();
        row[BEFORE] = row["option"].clone();
    }
    body
}

fn first_symbol(row: &Value) -> Option<OccSymbol> {
    OccSymbol::parse(row[BEFORE].as_str()?).ok()
}

fn epoch(text: &Value) -> Value {
    let instant = text.as_str().map(|text| {
        let wall: DateTime = text.parse().expect("a time");
        calendar::at_new_york(wall.date(), wall.hour(), wall.minute(), wall.second()).as_second()
    });
    json!(instant)
}

fn midnight(date: Date) -> i64 {
    date.to_zoned(TimeZone::UTC).expect("in range").timestamp().as_second()
}

/// Writes a body as pages and reads them; none where no page is read. `of` says what stands beside a row's symbol.
fn read(healthy: &Healthy, body: &Value, damage: &Damage, of: fn(&Value) -> Option<OccSymbol>) -> Option<Chain> {
    let mut pages: BTreeMap<Date, [Vec<Value>; 2]> = BTreeMap::new();
    for row in body["data"]["options"].as_array().expect("rows") {
        let beside = of(row).expect("one of its symbols is one");
        let side = usize::from(beside.kind == OptionKind::Put);
        pages.entry(beside.expiration).or_default()[side].push(json!({
            "contractSymbol": row["option"], "currency": "USD", "contractSize": "REGULAR",
            "strike": beside.strike.dollars(), "expiration": midnight(beside.expiration),
            "lastPrice": row["last_trade_price"], "lastTradeDate": epoch(&row["last_trade_time"]),
            "bid": row["bid"], "ask": row["ask"], "volume": row["volume"], "openInterest": row["open_interest"],
            "impliedVolatility": 0.31,
        }));
    }
    let listed: Vec<i64> = pages.keys().map(|date| midnight(*date)).collect();
    let mut chain: Option<Chain> = None;
    let mut not_served = Vec::new();
    for (date, [calls, puts]) in pages {
        let data = &body["data"];
        let quote = json!({
            "quoteType": "EQUITY", "regularMarketPrice": data["current_price"],
            "regularMarketTime": epoch(&healthy.body["data"]["last_trade_time"]),
        });
        let options = json!([{"expirationDate": midnight(date), "calls": calls, "puts": puts}]);
        let result = json!({
            "underlyingSymbol": healthy.ticker.as_str(), "expirationDates": listed, "quote": quote, "options": options,
        });
        let page = damage.bytes(&json!({"optionChain": {"result": [result], "error": null}}));
        match chain_page(&page, &healthy.ticker) {
            Ok(page) => add(&mut chain, page, healthy),
            Err(_) => not_served.push(date),
        }
    }
    chain.map(|chain| Chain { not_served, ..chain })
}

fn add(chain: &mut Option<Chain>, page: ChainPage, healthy: &Healthy) {
    let chain = chain.get_or_insert_with(|| Chain {
        underlying: healthy.ticker.clone(),
        vendor: Vendor::Yahoo,
        quote_time: None,
        vendor_spot: page.vendor_spot,
        vendor_yield: page.vendor_yield,
        facts: page.facts.clone(),
        contracts: Vec::new(),
        refused: Vec::new(),
        expirations: page.listed.clone(),
        not_served: Vec::new(),
    });
    chain.quote_time = chain.quote_time.max(page.newest_trade);
    chain.contracts.extend(page.rows);
    chain.refused.extend(page.refused);
}
