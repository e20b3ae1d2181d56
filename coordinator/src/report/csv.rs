//! Candidates as CSV (RFC 4180): one heading line, one line a candidate, numbers unrounded, missing values empty.

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
            row.strike.to_string(),
            row.kind.letter().to_string(),
            row.bid.to_string(),
            row.ask.to_string(),
            row.mid.to_string(),
            row.buy.to_string(),
            row.sell.to_string(),
            row.stop.to_string(),
            row.gross_pct.to_string(),
            row.net_pct.to_string(),
            optional(row.volume),
            optional(row.open_interest),
            row.spread_pct.to_string(),
            optional(row.iv),
            optional(row.delta),
            row.dte.to_string(),
            optional(row.rsi),
            row.score.to_string(),
            row.break_even_pct.to_string(),
            row.break_even_net_pct.to_string(),
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

fn optional<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_need_it() {
        let fields = ["plain".to_owned(), "a,b".to_owned(), "say \"x\"".to_owned()];
        assert_eq!(line(&fields), "plain,\"a,b\",\"say \"\"x\"\"\"\r\n");
    }
}
