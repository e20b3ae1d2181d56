//! Everything the newest scan knows of one contract.

use std::fmt::Write as _;

use serde::Serialize;

use fleet_core::domain::calendar::new_york_text;
use fleet_core::domain::{ContractExplanation, ScanId, Verdict};

use super::SCHEMA;
use super::layout::or_dash;
use super::table::{check_text, number};

/// JSON of an explanation.
#[derive(Debug, Serialize)]
pub struct Explained<'a> {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The scan it is of.
    pub scan: &'a ScanId,
    /// What it knows.
    pub contract: &'a ContractExplanation,
}

/// For JSON.
#[must_use]
pub const fn explained<'a>(scan: &'a ScanId, contract: &'a ContractExplanation) -> Explained<'a> {
    Explained { schema: SCHEMA, scan, contract }
}

/// For people.
#[must_use]
pub fn render(scan: &ScanId, contract: &ContractExplanation) -> String {
    let quote = &contract.quote;
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<11}{value}");
    };
    line("Contract", quote.symbol.to_string());
    line("Scan", scan.to_string());
    let side = |price: Option<fleet_core::domain::Price>| or_dash(price, |price| price.to_string());
    line("Quote", format!("bid {} ask {}", side(quote.bid), side(quote.ask)));
    line("Last", or_dash(quote.last, |last| format!("{} at {} New York", last.price, new_york_text(last.time))));
    let count = |n: Option<u64>| or_dash(n, |n| n.to_string());
    line("Volume", format!("{}, open interest {}", count(quote.volume), count(quote.open_interest)));
    line("IV", or_dash(contract.iv, |iv| format!("{} %", number(iv * 100.0))));
    line("Delta", or_dash(contract.delta, number));
    line("Left at", contract.place.replacen(':', " ", 1).replace('_', " "));
    if let Some(check) = &contract.gate {
        line("Because", check_text(check));
    }
    for (strategy, checks) in &contract.strategies {
        let _ = writeln!(text, "\n{strategy}");
        for check in checks {
            let verdict = match check.verdict {
                Verdict::Pass => "pass",
                Verdict::Fail => "FAIL",
                Verdict::Unknown => "unknown",
            };
            let optional = if check.mandatory { "" } else { " (scored only)" };
            let _ = writeln!(text, "  {verdict:<8}{}{optional}", check_text(check));
        }
    }
    text
}
