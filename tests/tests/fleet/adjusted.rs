//! Closes without their dividends: what the scanner makes of bars and dividends is what the market's own page says in
//! `adjclose`, as a vendor's does.

use fleet_analysis::metrics::realised::adjusted_for_dividends;
use fleet_core::domain::{Instrument, Ticker, calendar};
use fleet_scraper::vendors::yahoo::parse;
use fleet_tests::market::{Market, config};
use jiff::Timestamp;
use serde_json::Value;

#[test]
fn the_scanners_adjusted_closes_are_the_vendors() {
    let market = Market::start(config(1, 40));
    let now: Timestamp = market.about()["now"].as_str().expect("the clock").parse().expect("an instant");
    let (mut payers, mut lowered, mut compared) = (0, 0, 0);
    for ticker in market.about()["planted"].as_array().expect("planted tickers") {
        let ticker = ticker.as_str().expect("a ticker");
        // The running session's bar is none yet; two years are more than the market knows.
        let midnight = calendar::at_new_york(calendar::exchange_date(now), 0, 0, 0).as_second();
        let path = format!(
            "/yahoo/v8/finance/chart/{ticker}?period1={}&period2={midnight}&interval=1d&events=div%7Csplit",
            midnight - 2 * 366 * 86_400
        );
        let (status, body) = market.get(&path);
        assert_eq!(status, 200, "{path}");
        let instrument = Instrument::Underlying(Ticker::parse(ticker).expect("a ticker"));
        let series = parse::bars(&body, &instrument).expect("bars");
        let dividends = series.dividends.expect("Yahoo tells dividends");
        payers += usize::from(!dividends.is_empty());
        let ours = adjusted_for_dividends(&series.bars, &dividends).expect("adjusted bars");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        let indicators = &body["chart"]["result"][0]["indicators"];
        let served = indicators["adjclose"][0]["adjclose"].as_array().expect("adjusted closes");
        assert_eq!(served.len(), ours.len(), "{ticker}");
        for ((ours, served), bar) in ours.iter().zip(served).zip(&series.bars) {
            let served = served.as_f64().expect("a close");
            // Ours are of closes to a ten-thousandth, theirs are 32-bit floats.
            assert!((ours.close / served - 1.0).abs() < 1e-5, "{ticker} {}: {} and {served}", bar.date, ours.close);
            lowered += usize::from(ours.close < bar.close.dollars() * 0.9999);
            compared += 1;
        }
    }
    assert!(payers > 1 && lowered > 200 && compared > 1000, "{payers} pay, {lowered} of {compared} closes are lowered");
}
