//! A report for people: header, table, funnel, near misses, trades, notices, failures, footer. At most 100 columns.

use std::fmt::Write as _;

use fleet_analysis::strategy::code_of;
use jiff::Timestamp;

use fleet_core::domain::calendar::new_york_text;
use fleet_core::domain::{Check, Direction, Operator, TradeState, Verdict};

use super::layout::{Align, Column, count, grid, grouped, or_dash, percent, price, without_minus_zero, wrap};
use super::own_bars;
use super::places::{place_words, skip_words};
use super::priced::priced;
use super::{CandidateRow, Completion, DarkRow, GatewayRow, Report, more};

/// The closing lines of every table.
pub const FOOTER: &str = "Not advice; no order was placed.";
/// The same where any of the data is late.
pub const FOOTER_DELAYED: &str = "Not advice; delayed data; no order was placed.";

/// The whole text.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut text = header(report);
    text.push('\n');
    text += &candidates(report);
    text += &section("More on each candidate", more::render(report));
    let title = "Indicators by name at the last closed bar";
    text += &section(title, own_bars::by_name(&report.candidates));
    text.push('\n');
    text += &funnel(report);
    text += &section("Near misses", near_misses(report));
    text += &section("Paper trades that moved", transitions(report));
    text += &section("Notices that would go out", notices(report));
    text += &section("Skipped (expected, no failure)", skipped(report));
    text += &section("Partial: wanted and not served", partial(report));
    text += &section(&format!("Failed: {} of {} tickers", report.failed.len(), report.tickers.total), failed(report));
    text.push('\n');
    for remark in &report.remarks {
        text += &wrap(&format!("* {remark}"), 2);
    }
    let live = !report.sources.is_empty() && report.sources.iter().all(|source| !source.vendor.is_delayed());
    text + if live { FOOTER } else { FOOTER_DELAYED } + "\n"
}

fn section(title: &str, body: String) -> String {
    if body.is_empty() { body } else { format!("\n{title}\n{body}") }
}

fn header(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| text += &wrap(&format!("{name:<10}{value}"), 10);
    let marked = match report.completion {
        Completion::Complete => "",
        Completion::Partial => "  PARTIAL: interrupted, not every ticker is accounted for",
    };
    line("Scan", &format!("{}{marked}", report.scan));
    line("As of", &or_dash(report.as_of, |(from, to)| format!("{} New York", span(from, to))));
    let sources: Vec<String> = report.sources.iter().map(source).collect();
    line("Source", &if sources.is_empty() { "-".to_owned() } else { sources.join("; ") });
    let total: u64 = report.requests.values().map(|n| u64::from(*n)).sum();
    let by_vendor: Vec<String> =
        report.requests.iter().map(|(vendor, n)| format!("{vendor} {}", grouped(u64::from(*n)))).collect();
    line("Requests", &format!("{} ({})", grouped(total), by_vendor.join(", ")).replace(" ()", ""));
    if !report.gateways.is_empty() {
        let each: Vec<String> = report.gateways.iter().map(|(name, used)| gateway(name, used)).collect();
        line("Gateways", &each.join("; "));
    }
    line("Tickers", &tickers(report));
    text
}

/// `us-east-1 1,204 requests, 3 failed, 84 ms`, and what a canary found.
fn gateway(name: &str, used: &GatewayRow) -> String {
    let plural = if used.requests == 1 { "" } else { "s" };
    let mut text = format!("{name} {} request{plural}", grouped(u64::from(used.requests)));
    if used.errors > 0 {
        let _ = write!(text, ", {} failed", grouped(u64::from(used.errors)));
    }
    if let Some(ms) = used.mean_latency_ms {
        let _ = write!(text, ", {} ms", grouped(ms));
    }
    if used.quarantined > 0 {
        let _ = write!(text, ", not believed {} time(s): run the scan again", used.quarantined);
    }
    text
}

fn tickers(report: &Report) -> String {
    let counts = &report.tickers;
    let parts = [
        ("analysed", counts.analysed),
        ("skipped", counts.skipped),
        ("failed", counts.failed),
        ("poison", counts.poison),
        ("sealed at the deadline", counts.sealed),
        ("not accounted for", counts.missing),
    ];
    let told: Vec<String> = parts
        .iter()
        .filter(|(word, n)| *n > 0 || matches!(*word, "analysed" | "failed"))
        .map(|(word, n)| format!("{n} {word}"))
        .collect();
    let origin = report.followed.filter(|n| *n > 0).map_or_else(String::new, |followed| {
        format!(" ({} asked for, {followed} followed for live trades)", counts.total.saturating_sub(followed))
    });
    format!("{}{origin}: {}", counts.total, told.join(", "))
}

fn source(source: &super::Source) -> String {
    let tickers =
        format!("{} for {} ticker{}", source.vendor, source.tickers, if source.tickers == 1 { "" } else { "s" });
    match (source.quote_time, source.age_secs) {
        (Some((from, to)), Some((low, high))) => {
            let (low, high) = (low / 60, high / 60);
            let age = if low == high { format!("{low}") } else { format!("{low} to {high}") };
            let delayed = if source.vendor.is_delayed() { " (delayed)" } else { "" };
            format!("{tickers}, quotes of {}, {age} min old{delayed}", span(from, to))
        }
        (_, None) | (None, _) => format!("{tickers}, none analysed"),
    }
}

/// `2026-11-20 10:05`, or with an end where it is another minute.
fn span(from: Timestamp, to: Timestamp) -> String {
    let (first, last) = (new_york_text(from), new_york_text(to));
    if first == last {
        first
    } else if first[..10] == last[..10] {
        format!("{first} to {}", &last[11..])
    } else {
        format!("{first} to {last}")
    }
}

fn candidates(report: &Report) -> String {
    use Align::{Left, Right};
    if report.candidates.is_empty() {
        let none = match report.candidates_not_shown {
            0 => "No candidates.\n".to_owned(),
            n => format!("{n} candidates, none shown (--top 0).\n"),
        };
        return none + &dark(report);
    }
    // Their widest contents add up to exactly 100 with one blank between two: tickers of six characters, prices,
    // counts and percentages as `layout` shortens them.
    let columns = [
        Column(Left, "", "Ticker"),
        Column(Left, "Expira-", "tion"),
        Column(Right, "", "Strike"),
        Column(Left, "C/", "P"),
        Column(Right, "", "Mid"),
        Column(Right, "", "Buy"),
        Column(Right, "", "Sell"),
        Column(Right, "Prof.", "gross"),
        Column(Right, "pot%", "net"),
        Column(Right, "", "Vol"),
        Column(Right, "", "OI"),
        Column(Right, "Sprd", "%"),
        Column(Right, "IV", "%"),
        Column(Right, "", "Delta"),
        Column(Right, "", "DTE"),
        Column(Right, "", "RSI"),
        Column(Right, "", "Score"),
    ];
    // Scores of two strategies measure different things: each has its own table.
    let tables: Vec<String> = by_strategy(&report.candidates)
        .iter()
        .map(|(strategy, rows)| {
            let title = rows.first().map_or("", |row| row.code.as_str());
            let cells: Vec<Vec<String>> = rows.iter().map(|row| candidate_cells(row)).collect();
            format!("{title} {strategy}\n{}", grid(&columns, &cells))
        })
        .collect();
    tables.join("\n") + &below(report)
}

/// The candidates of each strategy, the strategies in the order of their best.
fn by_strategy(candidates: &[CandidateRow]) -> Vec<(&str, Vec<&CandidateRow>)> {
    let mut groups: Vec<(&str, Vec<&CandidateRow>)> = Vec::new();
    for row in candidates {
        match groups.iter_mut().find(|(strategy, _)| *strategy == row.strategy) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((&row.strategy, vec![row])),
        }
    }
    groups
}

/// What one strategy's plans ask of the share of trades that win.
fn break_even(rows: &[&CandidateRow]) -> String {
    let low_high = |value: fn(&CandidateRow) -> f64| {
        let values = rows.iter().map(|row| value(row));
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        if low.round() == high.round() { format!("{low:.0}") } else { format!("{low:.0} to {high:.0}") }
    };
    let code = rows.first().map_or("", |row| row.code.as_str());
    wrap(
        &format!(
            "{code}: to break even at these targets and stops {} % of trades must win before costs, {} % after.",
            low_high(|row| row.break_even_pct),
            low_high(|row| row.break_even_net_pct),
        ),
        2,
    )
}

fn candidate_cells(row: &CandidateRow) -> Vec<String> {
    let sign = match row.direction {
        Direction::Long => "",
        // A contract sold: one less than none.
        Direction::Short => "-",
    };
    vec![
        row.underlying.to_string(),
        row.expiration.strftime("%y-%m-%d").to_string(),
        row.symbol.strike.to_string(),
        format!("{sign}{}", row.kind.letter()),
        price(row.mid),
        price(row.buy),
        price(row.sell),
        percent(row.gross_pct),
        percent(row.net_pct),
        or_dash(row.volume, count),
        or_dash(row.open_interest, count),
        percent(row.spread_pct),
        or_dash(row.iv, |iv| percent(iv * 100.0)),
        or_dash(row.delta, |delta| without_minus_zero(format!("{delta:.2}"))),
        row.dte.to_string(),
        or_dash(row.rsi, percent),
        format!("{:.1}", row.score),
    ]
}

/// `S3 cheap_iv dark: 41 of 120 sessions of IV history, 79 to go`
fn dark(report: &Report) -> String {
    let line = |row: &DarkRow| {
        let DarkRow { strategy, code, needs_sessions, has_sessions, sessions_to_go } = row;
        format!(
            "{code} {strategy} dark: {has_sessions} of {needs_sessions} sessions of IV history, {sessions_to_go} to go\n"
        )
    };
    report.dark.iter().map(line).collect()
}

fn below(report: &Report) -> String {
    let mut text = dark(report);
    if report.candidates.iter().any(|row| row.direction == Direction::Short) {
        text += "-P, -C: sold first, at Sell, and bought back at Buy.\n";
    }
    if report.candidates_not_shown > 0 {
        let _ = writeln!(text, "… and {} more (--top 0 shows all)", report.candidates_not_shown);
    }
    for (_, rows) in by_strategy(&report.candidates) {
        text += &break_even(&rows);
    }
    text += &priced(&report.candidates);
    text += &own_bars::coverage(&report.candidates);
    if !report.settled {
        let n = report.candidates.len() + usize::try_from(report.candidates_not_shown).unwrap_or(usize::MAX);
        let plural = if n == 1 { "" } else { "s" };
        let _ = writeln!(text, "{n} candidate{plural}; the caps are applied when the scan is finished.");
        return text;
    }
    let taken: Vec<String> =
        report.new_trades.iter().map(|new| format!("#{} {}", new.trade.short(), new.symbol)).collect();
    if !taken.is_empty() {
        text += &wrap(&format!("Taken on paper: {}", taken.join(", ")), 2);
    }
    if report.capped > 0 {
        text += &wrap(&format!("No room under the portfolio caps for {} more.", report.capped), 2);
    }
    if report.controls > 0 {
        let plural = if report.controls == 1 { "" } else { "s" };
        let _ = writeln!(text, "Besides, {} control{plural} (S0) followed on paper for comparison.", report.controls);
    }
    text
}

fn funnel(report: &Report) -> String {
    let funnel = &report.funnel;
    let chains = if funnel.chains == 1 { "1 chain".to_owned() } else { format!("{} chains", funnel.chains) };
    let mut text = format!("Funnel: {} contracts in {chains}\n", grouped(funnel.total));
    let stage = |place: &str| {
        ["skip:", "refused:", "gate:", "unknown:", "not_wanted", "not_examined", "strategy:", "candidate"]
            .iter()
            .position(|prefix| place.starts_with(prefix))
            .unwrap_or(usize::MAX)
    };
    let mut places: Vec<(&String, &u64)> = funnel.places.iter().collect();
    places.sort_by(|a, b| stage(a.0).cmp(&stage(b.0)).then(b.1.cmp(a.1)).then(a.0.cmp(b.0)));
    for (place, n) in places {
        let _ = writeln!(text, "{:>12}  {}", grouped(*n), place_words(place));
    }
    let sum: u64 = funnel.places.values().sum();
    let _ = writeln!(text, "{:>12}  sum", grouped(sum));
    text
}

fn near_misses(report: &Report) -> String {
    report
        .near_misses
        .iter()
        .map(|miss| {
            let of = |verdict: Verdict| miss.missed.iter().filter(move |check| check.verdict == verdict);
            let missed: Vec<String> = of(Verdict::Fail).map(check_text).collect();
            let unknown: Vec<String> = of(Verdict::Unknown).map(wanted_text).collect();
            let told = [("missed", &missed), ("not known", &unknown)];
            let parts = told.iter().filter(|(_, checks)| !checks.is_empty()).enumerate().map(|(at, (word, checks))| {
                let of = if at == 0 { format!(" of {}", miss.of) } else { String::new() };
                format!("{}{of} {word}: {}", checks.len(), checks.join("; "))
            });
            let parts: Vec<String> = parts.collect();
            wrap(&format!("  {:<20} {} {}", miss.symbol, code_of(&miss.strategy), parts.join("; ")), 4)
        })
        .collect()
}

/// `min_rsi_3 36.2, wants <= 35`.
#[must_use]
pub fn check_text(check: &Check) -> String {
    let operator = operator_text(check.operator);
    let value = or_dash(check.value, number);
    match check.verdict {
        Verdict::Pass | Verdict::Fail => {
            format!("{} {value}, wants {operator} {}", check.name, number(check.threshold))
        }
        Verdict::Unknown => format!("{} unknown, wants {operator} {}", check.name, number(check.threshold)),
    }
}

/// `earnings_before_expiration, wants <= 0`: of a check whose value is not known.
fn wanted_text(check: &Check) -> String {
    format!("{}, wants {} {}", check.name, operator_text(check.operator), number(check.threshold))
}

/// A check with its verdict before it: `pass`, `FAIL` or `?`.
#[must_use]
pub fn judged(check: &Check) -> String {
    let verdict = match check.verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "FAIL",
        Verdict::Unknown => "?",
    };
    let optional = if check.mandatory { "" } else { " (scored only)" };
    format!("{verdict:<5}{}{optional}", check_text(check))
}

/// The operator as it is typed.
#[must_use]
pub const fn operator_text(operator: Operator) -> &'static str {
    match operator {
        Operator::AtLeast => ">=",
        Operator::AtMost => "<=",
        Operator::Above => ">",
        Operator::Below => "<",
    }
}

/// A number with up to four decimals, none of them a trailing zero.
#[must_use]
pub fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    without_minus_zero(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

fn transitions(report: &Report) -> String {
    report
        .transitions
        .iter()
        .filter(|row| !row.control)
        .map(|row| {
            let contract = or_dash(row.symbol, |symbol| symbol.to_string());
            let price = or_dash(row.price, price);
            let (entered, left) = match row.direction {
                Direction::Long => ("bought", "sold"),
                Direction::Short => ("sold", "bought back"),
            };
            let what = match row.to {
                // A confirmation changes no state.
                _ if row.price.is_none() && row.reason.is_some() => row.reason.clone().unwrap_or_default(),
                TradeState::Open => format!("{entered} at {price}"),
                TradeState::Lapsed => "lapsed: the limit was not reached in time".to_owned(),
                TradeState::Closed => format!(
                    "{left} at {price} ({}), gross {} net {}",
                    row.reason.as_deref().unwrap_or("-"),
                    or_dash(row.gross, signed),
                    or_dash(row.net, signed),
                ),
                TradeState::Proposed | TradeState::Pending | TradeState::Capped => row.to.word().to_owned(),
            };
            wrap(&format!("  #{} {contract:<20} {what}", row.trade), 4)
        })
        .collect()
}

/// `+$288.70` or `-$12.00`.
#[must_use]
pub fn signed(dollars: f64) -> String {
    format!("{}${:.2}", if dollars <= -0.005 { '-' } else { '+' }, dollars.abs())
}

fn notices(report: &Report) -> String {
    let mut text = String::new();
    for notice in &report.notices {
        for (at, line) in notice.text.lines().enumerate() {
            let _ = writeln!(text, "  {} {line}", if at == 0 { '>' } else { ' ' });
        }
    }
    text
}

fn skipped(report: &Report) -> String {
    /// Names shown for each reason.
    const NAMES: usize = 12;
    report
        .skipped
        .iter()
        .map(|(reason, tickers)| {
            let mut names: Vec<String> = tickers.iter().take(NAMES).map(ToString::to_string).collect();
            if tickers.len() > NAMES {
                names.push("…".to_owned());
            }
            wrap(&format!("  {:>4}  {}: {}", tickers.len(), skip_words(reason), names.join(" ")), 8)
        })
        .collect()
}

fn partial(report: &Report) -> String {
    report
        .partial
        .iter()
        .map(|row| {
            let dates = row.not_served.iter().map(|date| date.strftime("%y-%m-%d").to_string());
            let bars = row.bars_missing.then(|| "bars".to_owned());
            wrap(&format!("  {:<7} {}", row.ticker, bars.into_iter().chain(dates).collect::<Vec<_>>().join(" ")), 10)
        })
        .collect()
}

fn failed(report: &Report) -> String {
    report.failed.iter().map(|row| wrap(&format!("  {:<7} {}: {}", row.ticker, row.word, row.detail), 10)).collect()
}
