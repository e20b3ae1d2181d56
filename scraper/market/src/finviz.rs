//! Finviz's screener, overview (v=111), in its markup of July 2026: twenty rows a page, the ticker cell with a logo
//! letter beside the link, `#screener-total`, `#pageSelect`, and the `<!-- TS` comment with a line for each row.
//!
//! Filters understood: `sh_price_oN|uN` (dollars), `sh_avgvol_oN|uN` (thousands), `cap_…over|under`; others let all
//! through, as Finviz does with codes that it does not know. Orders: `ticker`, `price`, `volume`, `company`, each also
//! with a leading dash. An offset past the end repeats the last page. Nothing found is a page with an empty table.

use std::cmp::Ordering;
use std::fmt::Write as _;

use jiff::Timestamp;

use crate::listing::Profile;
use crate::reply::{Ask, HTML, Reply};
use crate::world::World;
use crate::yahoo::spelling;

/// Rows of a page.
const PAGE: usize = 20;
/// The query that lists everything here, as the design has it; the default of a scan too.
pub(crate) const FILTER: &str = "v=111&f=sh_avgvol_o1000,sh_opt_option,sh_price_o10&o=-volume";

struct Row<'w> {
    profile: &'w Profile,
    price: f64,
    change: f64,
    volume: u64,
}

/// One page, if the path is the screener's. One that is not `whole` has half of its rows, and says nothing of it.
pub(crate) fn screener(world: &World, ask: &Ask, now: Timestamp, whole: bool) -> Option<Reply> {
    if ask.path != "/screener.ashx" && ask.path != "/screener" {
        return None;
    }
    let filter = ask.query.get("f").map_or("", String::as_str);
    let mut rows: Vec<Row<'_>> =
        (0..world.profiles().len()).map(|index| row(world, index, now)).filter(|row| passes(row, filter)).collect();
    sort(&mut rows, ask.query.get("o").map_or("ticker", String::as_str));
    let pages = rows.len().div_ceil(PAGE).max(1);
    let offset = ask.query.get("r").and_then(|r| r.parse::<usize>().ok()).unwrap_or(1).max(1);
    let page = ((offset - 1) / PAGE).min(pages - 1);
    Some(Reply::new(200, HTML, render(&rows, page, pages, whole, &self_url(ask))))
}

fn row(world: &World, index: usize, now: Timestamp) -> Row<'_> {
    let underlying = world.underlying(index);
    let moment = world.quoted(underlying, now);
    let day = underlying.path.provisional(&moment);
    let before = underlying.path.day(moment.session.saturating_sub(1)).close;
    Row { profile: &underlying.profile, price: day.close, change: day.close / before - 1.0, volume: day.volume }
}

fn passes(row: &Row<'_>, filter: &str) -> bool {
    filter.split(',').all(|code| {
        let over_under = |prefix: &str, value: f64| {
            let rest = code.strip_prefix(prefix)?;
            let (over, number) = match rest.split_at_checked(1)? {
                ("o", number) => (true, number),
                ("u", number) => (false, number),
                _ => return None,
            };
            let limit: f64 = number.parse().ok()?;
            Some(if over { value > limit } else { value < limit })
        };
        let cap = row.profile.shares_outstanding * row.price / 1e9;
        over_under("sh_price_", row.price)
            .or_else(|| over_under("sh_avgvol_", row.profile.share_volume / 1000.0))
            .or_else(|| cap_filter(code, cap))
            .unwrap_or(true)
    })
}

/// Finviz's market capitalisation classes, in billions of dollars.
fn cap_filter(code: &str, cap: f64) -> Option<bool> {
    Some(match code {
        "cap_largeover" => cap > 10.0,
        "cap_midover" => cap > 2.0,
        "cap_smallover" => cap > 0.3,
        "cap_largeunder" => cap < 200.0,
        "cap_midunder" => cap < 10.0,
        "cap_smallunder" => cap < 2.0,
        _ => return None,
    })
}

fn sort(rows: &mut [Row<'_>], order: &str) {
    let (name, descending) = order.strip_prefix('-').map_or((order, false), |name| (name, true));
    rows.sort_by(|a, b| {
        let by_value = match name {
            "price" => a.price.total_cmp(&b.price),
            "volume" => a.volume.cmp(&b.volume),
            "company" => a.profile.company.cmp(&b.profile.company),
            _ => Ordering::Equal,
        };
        let by_value = by_value.then_with(|| a.profile.ticker.cmp(&b.profile.ticker));
        if descending { by_value.reverse() } else { by_value }
    });
}

/// The query the page's own links carry, without an offset.
fn self_url(ask: &Ask) -> String {
    let mut url = String::from("screener?v=111");
    for name in ["f", "o", "ft"] {
        if let Some(value) = ask.query.get(name) {
            let plain = |c: char| c.is_ascii_alphanumeric() || ",_-.|".contains(c);
            let value: String = value.chars().filter(|c| plain(*c)).collect();
            let _ = write!(url, "&amp;{name}={value}");
        }
    }
    url
}

fn render(rows: &[Row<'_>], page: usize, pages: usize, whole: bool, url: &str) -> String {
    let mut html = String::with_capacity(24_000);
    html.push_str(
        "<!DOCTYPE html>\n<html lang=\"en\" class=\"dark\"><head><meta charset=\"utf-8\"><title>Stock Screener - \
         Overview</title></head>\n<body>\n<div id=\"screener-content\">\n<table id=\"screener-views-table\"><tr><td>\n",
    );
    if rows.is_empty() {
        html.push_str("<table id=\"js-screener-body-empty\"><tr><td class=\"count-text\">0 Total</td></tr></table>\n");
        html.push_str("</td></tr></table>\n</div>\n</body></html>\n");
        return html;
    }
    let first = page * PAGE;
    let shown = &rows[first..rows.len().min(first + PAGE)];
    let shown = if whole { shown } else { &shown[..shown.len() / 2] };
    let _ = writeln!(
        html,
        "<table class=\"screener-refresh\"><tr><td class=\"count-text\">Refresh: 3min</td></tr></table>\n\
         <div id=\"screener-total\" class=\"count-text whitespace-nowrap\">#{} / {} Total</div>",
        first + 1,
        rows.len()
    );
    let _ = write!(
        html,
        "<select id=\"pageSelect\" class=\"pages-combo fv-select\" \
         onchange=\"url=&quot;{url}&amp;r=123456&quot;;window.location=url;\">"
    );
    for n in 0..pages {
        let selected = if n == page { " selected=\"selected\"" } else { "" };
        let _ = write!(html, "<option{selected} value={}>Page {} / {pages}</option>", n * PAGE + 1, n + 1);
    }
    html.push_str("</select>\n<table class=\"styled-table-new is-rounded is-tabular-nums w-full screener_table\">\n");
    html.push_str("<thead>\n<tr>");
    for name in [
        "No.",
        "Ticker",
        "Company",
        "Sector",
        "Industry",
        "Country",
        "Market Cap",
        "P/E",
        "Price",
        "Change %",
        "Volume",
    ] {
        let _ = write!(html, "<th class=\"table-header\">{name}</th>");
    }
    html.push_str("</tr>\n</thead>\n");
    for (i, row) in shown.iter().enumerate() {
        table_row(&mut html, first + i + 1, row);
    }
    html.push_str("</table>\n");
    if page + 1 < pages {
        let _ = writeln!(html, "<a class=\"tab-link is-next\" href=\"{url}&amp;r={}\">next</a>", first + PAGE + 1);
    }
    html.push_str("</td></tr><!-- TS\n");
    for row in shown {
        let _ = writeln!(html, "{}|{:.2}|{}", spelling(&row.profile.ticker), row.price, row.volume);
    }
    html.push_str("TE --></table>\n</div>\n</body></html>\n");
    html
}

fn table_row(html: &mut String, number: usize, row: &Row<'_>) {
    let profile = row.profile;
    let code = spelling(&profile.ticker);
    let href = format!("stock?t={code}&amp;ty=c&amp;p=d&amp;b=1");
    let sign = if row.change < 0.0 { "is-negative" } else { "is-positive" };
    let letter = code.chars().next().unwrap_or('-');
    html.push_str(
        "<tr class=\"styled-row is-bordered is-rounded group is-hoverable is-striped has-color-text\" valign=\"top\">\n",
    );
    let _ = writeln!(html, "<td height=\"10\" align=\"right\"><a href=\"{href}\">{number}</a></td>");
    let _ = writeln!(
        html,
        "<td height=\"10\" align=\"left\" data-boxover-ticker=\"{code}\" data-boxover-company=\"{company}\"><span \
         class=\"flex items-center gap-1 pl-0.5\"><a class=\"company-ticker\" href=\"{href}\"><img alt=\"{code} \
         logo\"/><span>{letter}</span></a><a class=\"tab-link\" href=\"{href}\">{code}</a></span></td>",
        company = profile.company
    );
    let industry = profile.industry.replace('&', "&amp;");
    for text in [profile.company.as_str(), profile.sector, industry.as_str(), profile.country] {
        let _ = writeln!(html, "<td height=\"10\" align=\"left\"><a href=\"{href}\">{text}</a></td>");
    }
    let cap = short(profile.shares_outstanding * row.price);
    let ratio = profile.earnings_per_share.map_or("-".to_owned(), |eps| format!("{:.2}", row.price / eps));
    for text in [cap, ratio] {
        let _ = writeln!(html, "<td height=\"10\" align=\"right\"><a href=\"{href}\">{text}</a></td>");
    }
    for text in [format!("{:.2}", row.price), format!("{:.2}%", 100.0 * row.change)] {
        let _ = writeln!(
            html,
            "<td height=\"10\" align=\"right\"><a href=\"{href}\"><span class=\"color-text {sign}\">{text}</span></a></td>"
        );
    }
    let volume = grouped(row.volume);
    let _ = writeln!(html, "<td height=\"10\" align=\"right\"><a href=\"{href}\">{volume}</a></td>\n</tr>");
}

/// 36.69M, 7.29B, 3.75T.
fn short(dollars: f64) -> String {
    match dollars {
        d if d >= 1e12 => format!("{:.2}T", d / 1e12),
        d if d >= 1e9 => format!("{:.2}B", d / 1e9),
        d => format!("{:.2}M", d / 1e6),
    }
}

/// 57,416,203.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_finviz_does() {
        assert_eq!(grouped(57_416_203), "57,416,203");
        assert_eq!(grouped(999), "999");
        assert_eq!(short(3.75e12), "3.75T");
        assert_eq!(short(36.69e6), "36.69M");
    }
}
