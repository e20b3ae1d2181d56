//! Ranked contracts, best first. Pure.

use jiff::civil::Date;
use serde::Serialize;

use fleet_core::domain::{ContractExplanation, OccSymbol, OptionKind, Price, RankScore, Ranked, ScanId, Technicals};

use super::SCHEMA;
use super::csv::{line, number};
use super::layout::{Align, Column, count, grid, percent, price};

/// Ranked contracts. Serialised, this is the JSON output.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranking {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Contracts that were ranked, listed here or not.
    pub ranked: usize,
    /// Best first.
    pub contracts: Vec<RankedRow>,
}

/// One ranked contract.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankedRow {
    /// The scan that ranked it.
    pub scan: ScanId,
    /// The contract.
    pub symbol: OccSymbol,
    /// Its last day.
    pub expiration: Date,
    /// Dollars.
    pub strike: f64,
    /// Call or put.
    pub kind: OptionKind,
    /// Dollars per share.
    pub bid: Option<Price>,
    /// Dollars per share.
    pub ask: Option<Price>,
    /// Contracts today.
    pub volume: Option<u64>,
    /// Contracts, previous session.
    pub open_interest: Option<u64>,
    /// Annual fraction.
    pub iv: Option<f64>,
    /// Per $1.
    pub delta: Option<f64>,
    /// The other greeks, and the parts of the score.
    #[serde(flatten)]
    pub ranked: Ranked,
    /// Sum of the parts of the score.
    pub total: f64,
    /// What its own bars say, where they were asked for.
    pub technicals: Option<Technicals>,
}

/// The column names of the CSV, in order.
pub const COLUMNS: &str = "rank,symbol,expiration,strike,kind,bid,ask,volume,open_interest,iv,delta,gamma,theta_per_day,vega_per_point,rho_per_point,score,liquidity,spread,delta_score,technical,rsi,macd_histogram,pct_b,scan";

impl RankedRow {
    /// A contract's row, if it was ranked.
    #[must_use]
    pub fn of(scan: &ScanId, contract: &ContractExplanation) -> Option<Self> {
        let ranked = contract.ranked?;
        let quote = &contract.quote;
        Some(Self {
            scan: scan.clone(),
            symbol: quote.symbol,
            expiration: quote.symbol.expiration,
            strike: quote.symbol.strike.dollars(),
            kind: quote.symbol.kind,
            bid: quote.bid,
            ask: quote.ask,
            volume: quote.volume,
            open_interest: quote.open_interest,
            iv: contract.iv,
            delta: contract.delta,
            ranked,
            total: ranked.score.total(),
            technicals: contract.technicals,
        })
    }
}

/// Orders rows by score, then symbol; keeps the first so many.
#[must_use]
pub fn ranking(mut rows: Vec<RankedRow>, top: Option<usize>) -> Ranking {
    rows.sort_by(|a, b| b.total.total_cmp(&a.total).then(a.symbol.cmp(&b.symbol)));
    let ranked = rows.len();
    rows.truncate(top.unwrap_or(ranked));
    Ranking { schema: SCHEMA, ranked, contracts: rows }
}

/// For people.
#[must_use]
pub fn render(ranking: &Ranking) -> String {
    const COLUMNS: [Column; 13] = [
        Column(Align::Right, "", "#"),
        Column(Align::Left, "", "Contract"),
        Column(Align::Right, "", "Bid"),
        Column(Align::Right, "", "Ask"),
        Column(Align::Right, "", "Vol"),
        Column(Align::Right, "", "OI"),
        Column(Align::Right, "IV", "%"),
        Column(Align::Right, "", "Delta"),
        Column(Align::Right, "", "Gamma"),
        Column(Align::Right, "Theta", "a day"),
        Column(Align::Right, "Vega", "a pt"),
        Column(Align::Right, "Rho", "a pt"),
        Column(Align::Right, "", "Score"),
    ];
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let cells = |(at, row): (usize, &RankedRow)| {
        let Ranked { gamma, theta_per_day, vega_per_point, rho_per_point, .. } = row.ranked;
        vec![
            (at + 1).to_string(),
            row.symbol.to_string(),
            or_dash(row.bid.map(|bid| price(bid.dollars()))),
            or_dash(row.ask.map(|ask| price(ask.dollars()))),
            or_dash(row.volume.map(count)),
            or_dash(row.open_interest.map(count)),
            or_dash(row.iv.map(|iv| percent(100.0 * iv))),
            or_dash(row.delta.map(|delta| format!("{delta:.2}"))),
            format!("{gamma:.4}"),
            format!("{theta_per_day:.3}"),
            format!("{vega_per_point:.3}"),
            format!("{rho_per_point:.3}"),
            format!("{:.2}", row.total),
        ]
    };
    let rows: Vec<Vec<String>> = ranking.contracts.iter().enumerate().map(cells).collect();
    let rest = ranking.ranked - ranking.contracts.len();
    let more = if rest == 0 { String::new() } else { format!("… and {rest} more: --top 0 tells all\n") };
    grid(&COLUMNS, &rows) + &more
}

/// One heading line, one line a contract, numbers unrounded, missing values empty.
#[must_use]
pub fn csv(ranking: &Ranking) -> String {
    let mut text = format!("{COLUMNS}\r\n");
    for (at, row) in ranking.contracts.iter().enumerate() {
        let Ranked { gamma, theta_per_day, vega_per_point, rho_per_point, score } = row.ranked;
        let RankScore { liquidity, spread, delta, technical } = score;
        let own = |pick: fn(&Technicals) -> Option<f64>| unrounded(row.technicals.as_ref().and_then(pick));
        text += &line(&[
            (at + 1).to_string(),
            row.symbol.to_string(),
            row.expiration.to_string(),
            number(row.strike),
            row.kind.letter().to_string(),
            optional(row.bid),
            optional(row.ask),
            optional(row.volume),
            optional(row.open_interest),
            unrounded(row.iv),
            unrounded(row.delta),
            number(gamma),
            number(theta_per_day),
            number(vega_per_point),
            number(rho_per_point),
            number(row.total),
            number(liquidity),
            number(spread),
            number(delta),
            unrounded(technical),
            own(|known| known.rsi),
            own(|known| known.macd_histogram),
            own(|known| known.pct_b),
            row.scan.to_string(),
        ]);
    }
    text
}

fn unrounded(value: Option<f64>) -> String {
    value.map_or_else(String::new, number)
}

fn optional(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use fleet_core::domain::ContractQuote;

    use super::*;

    fn row(strike: u32, liquidity: f64) -> RankedRow {
        let symbol = OccSymbol::parse(&format!("AAPL270319P{:08}", strike * 1000)).unwrap();
        let quote = ContractQuote {
            symbol,
            bid: Some(Price::from_units(12_300)),
            ask: Some(Price::from_units(12_500)),
            last: None,
            volume: Some(1234),
            open_interest: None,
            vendor_iv: None,
        };
        let score = RankScore { liquidity, spread: -0.5, delta: 0.25, technical: None };
        let ranked = Ranked { gamma: 0.01, theta_per_day: -0.02, vega_per_point: 0.3, rho_per_point: -0.1, score };
        let contract = ContractExplanation {
            quote,
            place: "ranked".into(),
            gate: None,
            iv: Some(0.25),
            delta: Some(-0.5),
            model: None,
            strategies: Vec::new(),
            ranked: Some(ranked),
            technicals: Some(Technicals { rsi: Some(31.5), macd_histogram: None, pct_b: Some(0.5) }),
            metrics: None,
        };
        RankedRow::of(&ScanId::parse("x-1").unwrap(), &contract).unwrap()
    }

    #[test]
    fn the_best_come_first_and_equal_ones_by_symbol() {
        let ranking = ranking(vec![row(200, 1.0), row(210, 3.0), row(190, 1.0)], Some(2));
        let strikes: Vec<f64> = ranking.contracts.iter().map(|row| row.strike).collect();
        assert_eq!((ranking.ranked, strikes), (3, vec![210.0, 190.0]));
        let text = render(&ranking);
        assert!(text.contains("AAPL270319P00210000") && text.contains("… and 1 more"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }

    #[test]
    fn a_csv_line_is_unrounded_and_says_what_is_missing() {
        let text = csv(&ranking(vec![row(200, 1.0)], None));
        let expected = "1,AAPL270319P00200000,2027-03-19,200,P,1.23,1.25,1234,,0.25,-0.5,0.01,-0.02,0.3,-0.1,0.75,1,-0.5,0.25,,31.5,,0.5,x-1\r\n";
        assert_eq!(text, format!("{COLUMNS}\r\n{expected}"));
        assert_eq!(COLUMNS.split(',').count(), expected.split(',').count());
    }
}
