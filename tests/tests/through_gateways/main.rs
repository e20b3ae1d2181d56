//! Scans through gateways: simulated ones, and those of an emulator of AWS (`scripts/aws-emulator`).

mod emulator;
mod simulated;

use std::collections::BTreeMap;

use serde_json::Value;

/// What the analysis made of each candidate's chain and bars.
fn judged(json: &Value) -> BTreeMap<String, Value> {
    let candidates = json["candidates"].as_array().expect("candidates");
    let of = |candidate: &Value| serde_json::json!([candidate["score"], candidate["rsi"], candidate["checks"]]);
    candidates.iter().map(|c| (c["symbol"].as_str().expect("a symbol").to_owned(), of(c))).collect()
}
