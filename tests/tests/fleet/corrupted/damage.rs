//! The ways in which a vendor's chain is wrong, and where the funnel may say so.

use serde_json::{Value, json};

/// How much of a chain is damaged alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Row,
    Expiration,
    Chain,
}

impl Extent {
    /// Words behind the first damaged row.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Row => "",
            Self::Expiration => " and its expiration",
            Self::Chain => " and the whole chain",
        }
    }
}

/// One way.
pub struct Damage {
    pub name: &'static str,
    pub extent: Extent,
    /// Changes a row; rows to be added stand behind all others.
    pub row: fn(&mut Value, &mut Vec<Value>),
    /// Changes the body once its rows are changed.
    pub body: fn(&mut Value),
    /// What stands in the bytes instead of a text.
    pub bytes: Option<(&'static str, &'static str)>,
    /// Where a damaged row may leave. `body`: the parser refuses the whole.
    pub places: &'static [&'static str],
}

impl Damage {
    /// Whether a damaged row may leave here.
    pub fn names(&self, place: &str) -> bool {
        self.places.contains(&place)
    }

    /// The body as it is sent.
    pub fn bytes(&self, body: &Value) -> Vec<u8> {
        let text = serde_json::to_string(body).expect("JSON");
        match self.bytes {
            Some((from, to)) => text.replace(from, to).into_bytes(),
            None => text.into_bytes(),
        }
    }
}

const fn of(
    extent: Extent,
    name: &'static str,
    row: fn(&mut Value, &mut Vec<Value>),
    places: &'static [&'static str],
) -> Damage {
    Damage { name, extent, row, body: |_| {}, bytes: None, places }
}

const fn of_body(name: &'static str, body: fn(&mut Value), places: &'static [&'static str]) -> Damage {
    Damage { name, extent: Extent::Chain, row: |_, _| {}, body, bytes: None, places }
}

fn dollars(row: &Value, field: &str) -> f64 {
    row[field].as_f64().unwrap_or_default()
}

/// To the cent, as vendors write prices.
fn cents(dollars: f64) -> f64 {
    (dollars * 100.0).round() / 100.0
}

fn scale(row: &mut Value, by: f64) {
    for field in ["bid", "ask"] {
        row[field] = json!(cents(dollars(row, field) * by));
    }
}

fn crossed(row: &mut Value, _: &mut Vec<Value>) {
    let (bid, ask) = (row["bid"].take(), row["ask"].take());
    (row["bid"], row["ask"]) = (ask, bid);
}

fn locked(row: &mut Value, _: &mut Vec<Value>) {
    row["ask"] = row["bid"].clone();
}

fn zero(row: &mut Value, _: &mut Vec<Value>) {
    (row["bid"], row["ask"]) = (json!(0.0), json!(0.0));
}

fn zero_ask(row: &mut Value, _: &mut Vec<Value>) {
    row["ask"] = json!(0.0);
}

fn negative_bid(row: &mut Value, _: &mut Vec<Value>) {
    row["bid"] = json!(-dollars(row, "bid"));
}

fn negative_ask(row: &mut Value, _: &mut Vec<Value>) {
    row["ask"] = json!(-0.05);
}

fn no_number(row: &mut Value, _: &mut Vec<Value>) {
    row["bid"] = json!("NaN");
}

fn null(row: &mut Value, _: &mut Vec<Value>) {
    row["bid"] = Value::Null;
}

fn null_ask(row: &mut Value, _: &mut Vec<Value>) {
    row["ask"] = Value::Null;
}

fn absurd(row: &mut Value, _: &mut Vec<Value>) {
    row["ask"] = json!(1e12);
}

fn negative_interest(row: &mut Value, _: &mut Vec<Value>) {
    row["open_interest"] = json!(-5.0);
}

fn half_a_contract(row: &mut Value, _: &mut Vec<Value>) {
    row["volume"] = json!(12.5);
}

fn no_interest(row: &mut Value, _: &mut Vec<Value>) {
    row["open_interest"] = json!(0.0);
}

fn duplicated(row: &mut Value, added: &mut Vec<Value>) {
    let mut copy = row.clone();
    copy["ask"] = json!(cents(dollars(row, "ask") + 0.05));
    added.push(copy);
}

/// Replaces the six digits of the date.
fn dated(row: &mut Value, date: &str) {
    let text = row["option"].as_str().unwrap_or_default().to_owned();
    let at = text.len() - 15;
    row["option"] = json!(format!("{}{date}{}", &text[..at], &text[at + 6..]));
}

fn past(row: &mut Value, _: &mut Vec<Value>) {
    dated(row, "261016");
}

fn saturday(row: &mut Value, _: &mut Vec<Value>) {
    dated(row, "270213");
}

fn holiday(row: &mut Value, _: &mut Vec<Value>) {
    // Good Friday.
    dated(row, "270326");
}

fn no_date(row: &mut Value, _: &mut Vec<Value>) {
    dated(row, "270231");
}

/// A Wednesday on which nothing else of the chain expires.
fn lonely(row: &mut Value, _: &mut Vec<Value>) {
    dated(row, "270210");
}

/// Beyond what anybody lists.
fn far_future(row: &mut Value, _: &mut Vec<Value>) {
    dated(row, "391216");
}

fn adjusted_root(row: &mut Value, _: &mut Vec<Value>) {
    let text = row["option"].as_str().unwrap_or_default().to_owned();
    let at = text.len() - 15;
    row["option"] = json!(format!("{}1{}", &text[..at], &text[at..]));
}

/// The strike of before a 4:1 split, the price of after.
fn old_strike(row: &mut Value, _: &mut Vec<Value>) {
    let text = row["option"].as_str().unwrap_or_default().to_owned();
    let at = text.len() - 8;
    let strike: u64 = text[at..].parse().unwrap_or_default();
    row["option"] = json!(format!("{}{:08}", &text[..at], 4 * strike));
}

fn old_price(row: &mut Value, _: &mut Vec<Value>) {
    scale(row, 4.0);
}

fn times_100(row: &mut Value, _: &mut Vec<Value>) {
    scale(row, 100.0);
}

fn over_100(row: &mut Value, _: &mut Vec<Value>) {
    scale(row, 0.01);
}

fn stale(body: &mut Value) {
    older(body, "2026-11-19T16:00:00");
}

fn from_tomorrow(body: &mut Value) {
    older(body, "2026-11-23T10:15:00");
    body["timestamp"] = json!("2026-11-23 15:30:00");
}

fn undated(body: &mut Value) {
    body["data"]["last_trade_time"] = Value::Null;
    for row in super::healthy::rows(body) {
        row["last_trade_time"] = Value::Null;
    }
}

fn older(body: &mut Value, time: &str) {
    body["data"]["last_trade_time"] = json!(time);
    for row in super::healthy::rows(body) {
        row["last_trade_time"] = json!(time);
    }
}

fn spot(body: &mut Value, by: f64) {
    let spot = body["data"]["current_price"].as_f64().unwrap_or_default();
    body["data"]["current_price"] = json!(cents(spot * by));
}

use Extent::{Chain, Expiration, Row};

/// A quote that is no market.
const CROSSED: &[&str] = &["gate:crossed"];
const LOCKED: &[&str] = &["gate:locked"];
const NO_BID: &[&str] = &["gate:bid"];
const BAD_PRICE: &[&str] = &["refused:bad_price"];
const DUPLICATE: &[&str] = &["refused:duplicate"];
/// A price no other price allows.
const IMPOSSIBLE: &[&str] = &[
    // An expiration of which one or two pairs are left may move the spot: then the whole ticker is set aside.
    "skip:spot_gap",
    "gate:bid",
    "gate:locked",
    "gate:spread",
    "gate:bounds",
    "gate:monotonicity",
    "gate:butterfly",
    "gate:parity",
    "gate:iv",
    "unknown:iv",
];
const NO_DATE: &[&str] = &["gate:expiration"];

/// Nothing at all.
pub const NONE: Damage = of_body("as it was", |_| {}, &[]);

/// All of them.
pub const DAMAGES: &[Damage] = &[
    of(Row, "crossed", crossed, CROSSED),
    of(Expiration, "crossed", crossed, CROSSED),
    of(Chain, "crossed", crossed, CROSSED),
    of(Row, "locked", locked, LOCKED),
    of(Expiration, "locked", locked, LOCKED),
    of(Chain, "locked", locked, LOCKED),
    of(Row, "zero", zero, NO_BID),
    of(Expiration, "zero", zero, NO_BID),
    of(Chain, "zero", zero, NO_BID),
    of(Row, "zero ask", zero_ask, &["gate:ask", "gate:bid"]),
    of(Expiration, "zero ask", zero_ask, &["gate:ask", "gate:bid"]),
    of(Row, "negative bid", negative_bid, BAD_PRICE),
    of(Expiration, "negative bid", negative_bid, BAD_PRICE),
    of(Chain, "negative bid", negative_bid, &["refused:bad_price", "body"]),
    of(Row, "negative ask", negative_ask, BAD_PRICE),
    of(Expiration, "negative ask", negative_ask, BAD_PRICE),
    of(Row, "NaN as a text", no_number, BAD_PRICE),
    of(Expiration, "NaN as a text", no_number, BAD_PRICE),
    of(Chain, "NaN as a text", no_number, &["body"]),
    Damage { bytes: Some(("\"NaN\"", "NaN")), ..of(Row, "NaN", no_number, &["body"]) },
    of(Row, "no bid", null, NO_BID),
    of(Expiration, "no bid", null, NO_BID),
    of(Row, "no ask", null_ask, &["gate:ask", "gate:bid"]),
    of(Row, "absurd ask", absurd, BAD_PRICE),
    of(Row, "negative open interest", negative_interest, &["refused:bad_count"]),
    of(Row, "half a contract", half_a_contract, &["refused:bad_count"]),
    of(Row, "no open interest", no_interest, &["gate:open_interest"]),
    of(Expiration, "no open interest", no_interest, &["gate:open_interest", "gate:bid", "gate:spread"]),
    of(Chain, "no open interest", no_interest, &["unknown:open_interest", "gate:bid", "gate:spread"]),
    of(Row, "duplicated", duplicated, DUPLICATE),
    of(Expiration, "duplicated", duplicated, DUPLICATE),
    of(Chain, "duplicated", duplicated, DUPLICATE),
    of(Row, "dated in the past", past, &["gate:expired"]),
    of(Expiration, "dated in the past", past, &["gate:expired"]),
    of(Row, "dated on a Saturday", saturday, NO_DATE),
    of(Expiration, "dated on a Saturday", saturday, NO_DATE),
    of(Row, "dated on a holiday", holiday, NO_DATE),
    of(Expiration, "dated on a holiday", holiday, NO_DATE),
    of(Row, "dated on no date", no_date, &["refused:bad_symbol"]),
    of(Row, "dated where nothing else is", lonely, NO_DATE),
    of(Row, "dated beyond the calendar", far_future, &["unknown:settlement"]),
    of(Row, "with an adjusted root", adjusted_root, &["gate:deliverable"]),
    of(Expiration, "with an adjusted root", adjusted_root, &["gate:deliverable"]),
    of(Chain, "with an adjusted root", adjusted_root, &["gate:deliverable"]),
    of(Row, "times 100", times_100, IMPOSSIBLE),
    of(Expiration, "times 100", times_100, IMPOSSIBLE),
    of(
        Chain,
        "times 100",
        times_100,
        &["skip:spot_gap", "gate:bounds", "gate:parity", "gate:bid", "gate:spread", "gate:iv", "unknown:iv"],
    ),
    of(Row, "over 100", over_100, IMPOSSIBLE),
    of(Expiration, "over 100", over_100, IMPOSSIBLE),
    of(
        Chain,
        "over 100",
        over_100,
        &[
            "skip:spot_gap",
            "gate:bounds",
            "gate:parity",
            "gate:bid",
            "gate:spread",
            "gate:locked",
            "gate:iv",
            "unknown:iv",
        ],
    ),
    of_body("stale", stale, &["skip:stale_quotes"]),
    of_body("from tomorrow", from_tomorrow, &["skip:stale_quotes"]),
    of_body("undated", undated, &["skip:undated_quotes"]),
    of_body("with a spot 3 % too high", |body| spot(body, 1.03), &["skip:spot_gap"]),
    of_body("with a spot 3 % too low", |body| spot(body, 0.97), &["skip:spot_gap"]),
    of_body("with the spot of after a split", |body| spot(body, 0.25), &["skip:spot_gap"]),
    of_body("with a spot times 100", |body| spot(body, 100.0), &["skip:spot_gap"]),
    of_body("with a spot over 100", |body| spot(body, 0.01), &["skip:spot_gap"]),
];

/// What contradicts other strikes alone: it is inside its own bounds.
pub const ACROSS_STRIKES: &[Damage] = &[
    of(Row, "with the strike of before a split", old_strike, IMPOSSIBLE),
    of(Row, "with the price of before a split", old_price, IMPOSSIBLE),
];
