//! Candidates as CSV (RFC 4180): one heading line, one line a candidate, numbers unrounded, missing values empty.
//! [`number`] and [`line()`] write every CSV of the program.

use super::Report;
use super::metric_columns::COLUMNS as METRICS;

/// The names of the first columns, in order; those of [`super::metric_columns`] follow.
pub const COLUMNS: &str = "rank,trade,strategy,ticker,symbol,expiration,strike,kind,bid,ask,mid,buy,sell,stop,gross_pct,net_pct,volume,open_interest,spread_pct,iv,delta,dte,rsi,score,break_even_pct,break_even_net_pct,vendor,quote_time,spot_used,flags,coverage,adjusted_rsi";

/// The whole text.
#[must_use]
pub fn render(report: &Report) -> String {
    let names = METRICS.iter().map(|(name, _)| *name);
    let mut text = format!("{COLUMNS},{}\r\n", names.collect::<Vec<&str>>().join(","));
    for row in &report.candidates {
        let mut fields = vec![
            row.rank.to_string(),
            row.trade.to_string(),
            row.strategy.clone(),
            row.underlying.to_string(),
            row.symbol.to_string(),
            row.expiration.to_string(),
            number(row.strike),
            row.kind.letter().to_string(),
            number(row.bid),
            number(row.ask),
            number(row.mid),
            number(row.buy),
            number(row.sell),
            number(row.stop),
            number(row.gross_pct),
            number(row.net_pct),
            count(row.volume),
            count(row.open_interest),
            number(row.spread_pct),
            optional(row.iv),
            optional(row.delta),
            row.dte.to_string(),
            optional(row.rsi),
            number(row.score),
            number(row.break_even_pct),
            number(row.break_even_net_pct),
            row.provenance.vendor.to_string(),
            row.provenance.quote_time.to_string(),
            optional(row.provenance.spot_used),
            row.flags.join(" "),
            row.coverage.clone().unwrap_or_default(),
            optional(row.adjusted_rsi()),
        ];
        let underlying = report.underlyings.get(&row.underlying);
        fields.extend(METRICS.iter().map(|(_, value)| value(row, underlying).unwrap_or_default()));
        text += &line(&fields);
    }
    text
}

/// A number unrounded, as briefly as it can be read back: the shortest digits that give the same number, below 1e-6 and
/// from 1e16 on in the scientific form that JSON has too (`7.2e-201`).
#[must_use]
pub fn number(value: f64) -> String {
    let size = value.abs();
    let plain = size == 0.0 || (1e-6..1e16).contains(&size);
    if plain { value.to_string() } else { format!("{value:e}") }
}

/// One line of fields, quoted where they need it.
#[must_use]
pub fn line(fields: &[String]) -> String {
    let quoted: Vec<String> = fields
        .iter()
        .map(|field| {
            if field.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", field.replace('"', "\"\""))
            } else {
                field.clone()
            }
        })
        .collect();
    quoted.join(",") + "\r\n"
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(String::new, number)
}

fn count(value: Option<u64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_brief_and_give_themselves_back() {
        let texts = [
            (0.0, "0"),
            (100.0, "100"),
            (0.25, "0.25"),
            (-0.000_001, "-0.000001"),
            (9.5e-7, "9.5e-7"),
            (7.2e-201, "7.2e-201"),
            (-1e300, "-1e300"),
            (1e16, "1e16"),
            (0.1 + 0.2, "0.30000000000000004"),
        ];
        for (value, text) in texts {
            assert_eq!(number(value), text);
            assert_eq!(number(value).parse::<f64>().unwrap(), value);
            assert_eq!(serde_json::from_str::<f64>(text).unwrap(), value);
        }
        assert!([f64::MIN_POSITIVE, -f64::MAX, f64::EPSILON, 1.0 / 3.0].iter().all(|value| number(*value).len() <= 24));
    }

    #[test]
    fn fields_are_quoted_where_they_need_it() {
        let fields = ["plain".to_owned(), "a,b".to_owned(), "say \"x\"".to_owned()];
        assert_eq!(line(&fields), "plain,\"a,b\",\"say \"\"x\"\"\"\r\n");
    }
}
