//! Writes a blob. The order of the fields is the order of the statements here.

use fleet_core::domain::{
    Check, ContractExplanation, OccSymbol, Operator, OptionKind, PricingModel, Ranked, Technicals, Verdict,
};
use jiff::Timestamp;

use super::{MARK, VERSION, has};

/// A row of a real chain takes some forty bytes, a ranked one a hundred.
const ROW_BYTES: usize = 100;

/// The blob of explanations.
pub(super) fn blob(explanations: &[ContractExplanation]) -> Vec<u8> {
    let mut writer =
        Writer { bytes: Vec::with_capacity(ROW_BYTES * explanations.len() + 64), words: Vec::new(), model: None };
    writer.bytes.extend_from_slice(&MARK);
    writer.bytes.push(VERSION);
    writer.count(explanations.len() as u64);
    let mut before = None;
    for explanation in explanations {
        writer.row(explanation, before);
        before = Some(&explanation.quote.symbol);
    }
    writer.bytes
}

struct Writer<'a> {
    bytes: Vec<u8>,
    /// Words written so far: each is spelled once and has a number from then on.
    words: Vec<&'a str>,
    /// The last model written.
    model: Option<&'a PricingModel>,
}

impl<'a> Writer<'a> {
    fn row(&mut self, row: &'a ContractExplanation, before: Option<&OccSymbol>) {
        let quote = &row.quote;
        let symbol = &quote.symbol;
        let is_new = before.is_none_or(|before| {
            (before.root, before.expiration, before.kind) != (symbol.root, symbol.expiration, symbol.kind)
        });
        let technical = row.ranked.and_then(|ranked| ranked.score.technical);
        // JSON, because it is the form that grows; few rows have it.
        let metrics = row.metrics.as_ref().and_then(|metrics| serde_json::to_string(metrics).ok());
        let fields = [
            (is_new, has::GROUP),
            (quote.bid.is_some(), has::BID),
            (quote.ask.is_some(), has::ASK),
            (quote.last.is_some(), has::LAST),
            (quote.volume.is_some(), has::VOLUME),
            (quote.open_interest.is_some(), has::OPEN_INTEREST),
            (quote.vendor_iv.is_some(), has::VENDOR_IV),
            (row.gate.is_some(), has::GATE),
            (row.iv.is_some(), has::IV),
            (row.delta.is_some(), has::DELTA),
            (!row.strategies.is_empty(), has::STRATEGIES),
            (row.ranked.is_some(), has::RANKED),
            (technical.is_some(), has::TECHNICAL),
            (row.technicals.is_some(), has::TECHNICALS),
            (metrics.is_some(), has::METRICS),
            (row.model.is_some(), has::MODEL),
        ];
        let there = fields.iter().filter(|(there, _)| *there).fold(0, |all, (_, field)| all | field);
        self.bytes.extend_from_slice(&there.to_le_bytes());
        if is_new {
            self.text(symbol.root.as_str());
            self.bytes.extend_from_slice(&symbol.expiration.year().to_le_bytes());
            self.bytes.extend([symbol.expiration.month() as u8, symbol.expiration.day() as u8]);
            self.bytes.push(match symbol.kind {
                OptionKind::Call => 0,
                OptionKind::Put => 1,
            });
        }
        self.count(symbol.strike.thousandths().into());
        for price in [quote.bid, quote.ask].into_iter().flatten() {
            self.count(price.units());
        }
        if let Some(last) = quote.last {
            self.count(last.price.units());
            self.instant(last.time);
        }
        for count in [quote.volume, quote.open_interest].into_iter().flatten() {
            self.count(count);
        }
        self.numbers([quote.vendor_iv]);
        self.word(&row.place);
        if let Some(gate) = &row.gate {
            self.check(gate);
        }
        self.numbers([row.iv, row.delta]);
        if !row.strategies.is_empty() {
            self.strategies(&row.strategies);
        }
        if let Some(ranked) = &row.ranked {
            self.ranked(ranked);
        }
        if let Some(Technicals { rsi, macd_histogram, pct_b }) = row.technicals {
            let known = [rsi, macd_histogram, pct_b];
            let there = known.iter().zip([1_u8, 2, 4]).filter(|(n, _)| n.is_some()).map(|(_, bit)| bit).sum();
            self.bytes.push(there);
            self.numbers(known);
        }
        if let Some(metrics) = metrics {
            self.text(&metrics);
        }
        if let Some(model) = &row.model {
            self.model(model);
        }
    }

    /// Nothing where it is that of the row before with one, which it nearly always is: its text has no length then.
    fn model(&mut self, model: &'a PricingModel) {
        let is_known = self.model == Some(model);
        self.model = Some(model);
        let text = if is_known { None } else { serde_json::to_string(model).ok() };
        self.text(text.as_deref().unwrap_or_default());
    }

    fn strategies(&mut self, strategies: &'a [(String, Vec<Check>)]) {
        self.count(strategies.len() as u64);
        for (name, checks) in strategies {
            self.word(name);
            self.count(checks.len() as u64);
            for check in checks {
                self.check(check);
            }
        }
    }

    fn ranked(&mut self, ranked: &Ranked) {
        let Ranked { gamma, theta_per_day, vega_per_point, rho_per_point, score } = *ranked;
        let parts = [score.liquidity, score.spread, score.delta];
        self.numbers([gamma, theta_per_day, vega_per_point, rho_per_point].map(Some));
        self.numbers(parts.map(Some));
        self.numbers([score.technical]);
    }

    fn check(&mut self, check: &'a Check) {
        self.word(&check.name);
        let operator = match check.operator {
            Operator::AtLeast => 0,
            Operator::AtMost => 1,
            Operator::Above => 2,
            Operator::Below => 3,
        };
        let verdict = match check.verdict {
            Verdict::Pass => 0,
            Verdict::Fail => 1,
            Verdict::Unknown => 2,
        };
        let (mandatory, valued) = (u8::from(check.mandatory), u8::from(check.value.is_some()));
        self.bytes.push(operator | verdict << 2 | mandatory << 4 | valued << 5);
        self.numbers([Some(check.threshold), check.value]);
    }

    fn numbers<const N: usize>(&mut self, numbers: [Option<f64>; N]) {
        for number in numbers.into_iter().flatten() {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
    }

    fn instant(&mut self, at: Timestamp) {
        self.bytes.extend_from_slice(&at.as_second().to_le_bytes());
        // The fraction has the sign of the seconds.
        self.count(at.subsec_nanosecond().unsigned_abs().into());
    }

    /// The number of a word; a new one is followed by its text.
    fn word(&mut self, word: &'a str) {
        let known = self.words.iter().position(|known| *known == word);
        self.count(known.unwrap_or(self.words.len()) as u64);
        if known.is_none() {
            self.words.push(word);
            self.text(word);
        }
    }

    fn text(&mut self, text: &str) {
        self.count(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Seven bits a byte, lowest first; the highest bit says that more follow.
    fn count(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.bytes.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.bytes.push(n as u8);
    }
}
