//! Where contracts and tickers were left, in words for people. The JSON output keeps the stable words.

/// `skip:underlying_pre_gate` becomes `skipped: no strategy wants the underlying now`. A word that is not known is told as it is.
#[must_use]
pub fn place_words(place: &str) -> String {
    let (stage, word) = place.split_once(':').unwrap_or((place, ""));
    match stage {
        "skip" => format!("skipped: {}", skip_words(word)),
        "refused" => format!("unreadable row: {}", spaced(word)),
        "gate" => gate_words(word).map_or_else(|| format!("gate: {}", spaced(word)), str::to_owned),
        "unknown" => format!("not known: {}", unknown_words(word)),
        "strategy" => format!("a check failed: {}", spaced(word)),
        "not_wanted" => "not what a strategy looks for (kind, DTE, delta, price)".to_owned(),
        "ranked" => "ranked".to_owned(),
        "not_examined" => "beyond the number of contracts that are examined".to_owned(),
        _ => spaced(place),
    }
}

/// Why a ticker was set aside.
#[must_use]
pub fn skip_words(word: &str) -> String {
    match word {
        "no_options" => "no options",
        "stale_quotes" => "quotes too old",
        "undated_quotes" => "quotes without a time",
        "spot_gap" => "chain and spot too far apart",
        "underlying_pre_gate" => "no strategy wants the underlying now",
        "thin_underlying" => "underlying hardly trades",
        other => return spaced(other),
    }
    .to_owned()
}

fn gate_words(word: &str) -> Option<&'static str> {
    Some(match word {
        "bid" => "no bid or below the minimum",
        "ask" => "no ask",
        "crossed" => "bid above ask",
        "locked" => "bid equal to ask",
        "spread" => "spread too wide",
        "volume" => "too little volume",
        "open_interest" => "too little open interest",
        "deliverable" => "adjusted contract",
        "expired" => "expired",
        "expiration" => "no date options expire on",
        "parity" => "calls and puts contradict each other",
        "bounds" => "price outside its bounds of arbitrage",
        "monotonicity" => "price contradicts another strike's",
        "butterfly" => "price contradicts the strikes around it",
        "iv" => "IV out of range",
        "coverage" => "too few days with trades",
        _ => return None,
    })
}

fn unknown_words(word: &str) -> String {
    match word {
        "iv" => "IV".to_owned(),
        "underlying_bars" => "the underlying's bars".to_owned(),
        other => spaced(other),
    }
}

fn spaced(word: &str) -> String {
    word.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_for_people() {
        let texts = [
            ("skip:underlying_pre_gate", "skipped: no strategy wants the underlying now"),
            ("gate:spread", "spread too wide"),
            ("gate:new_one", "gate: new one"),
            ("unknown:iv", "not known: IV"),
            ("refused:bad_symbol", "unreadable row: bad symbol"),
            ("strategy:oversold_call", "a check failed: oversold call"),
            ("not_wanted", "not what a strategy looks for (kind, DTE, delta, price)"),
            ("candidate", "candidate"),
        ];
        for (place, words) in texts {
            assert_eq!(place_words(place), words);
        }
    }
}
