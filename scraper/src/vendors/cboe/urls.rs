//! Where CBOE's delayed quotes are. The base is configurable (`https://cdn.cboe.com`).

use fleet_core::domain::Ticker;

use crate::spelling;

/// The whole chain of one underlying.
#[must_use]
pub fn chain(base: &str, ticker: &Ticker) -> String {
    let base = base.trim_end_matches('/');
    format!("{base}/api/global/delayed_quotes/options/{}.json", spelling::cboe(ticker))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ticker: &str, expected: &str) {
        assert_eq!(chain("https://cdn.cboe.com/", &Ticker::parse(ticker).unwrap()), expected);
    }

    #[test]
    fn stocks_are_plain_and_indices_have_an_underscore() {
        check("AAPL", "https://cdn.cboe.com/api/global/delayed_quotes/options/AAPL.json");
        check("BRK.B", "https://cdn.cboe.com/api/global/delayed_quotes/options/BRK.B.json");
        check("SPX", "https://cdn.cboe.com/api/global/delayed_quotes/options/_SPX.json");
    }
}
