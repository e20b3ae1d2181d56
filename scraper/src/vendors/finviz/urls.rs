//! Where Finviz's screener is. The base is configurable (`https://finviz.com`).

/// One page of a screener filter, which is a query such as `v=111&f=sh_opt_option&o=-volume`. `first_row` is the
/// 1-based number of its first row; a row offset inside the filter is replaced.
#[must_use]
pub fn screener(base: &str, filter: &str, first_row: u32) -> String {
    let base = base.trim_end_matches('/');
    let filter = filter.trim().trim_start_matches('?');
    let mut query: Vec<String> =
        filter.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("r=")).map(encoded).collect();
    if first_row > 1 {
        query.push(format!("r={first_row}"));
    }
    format!("{base}/screener.ashx?{}", query.join("&"))
}

/// Keeps what a query may hold, and what Finviz writes itself (`,` between filters, `|` for "or", encoded).
fn encoded(pair: &str) -> String {
    let mut out = String::with_capacity(pair.len());
    for byte in pair.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~=,!*+:@%".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filter: &str, first_row: u32, expected: &str) {
        assert_eq!(screener("https://finviz.com/", filter, first_row), expected);
    }

    #[test]
    fn filters_become_pages() {
        check("v=111&f=a,b", 1, "https://finviz.com/screener.ashx?v=111&f=a,b");
        check("v=111&f=a,b", 21, "https://finviz.com/screener.ashx?v=111&f=a,b&r=21");
        check("?v=111&r=41&f=exch_nasd|nyse", 21, "https://finviz.com/screener.ashx?v=111&f=exch_nasd%7Cnyse&r=21");
        check("v=111&f=a b#c", 1, "https://finviz.com/screener.ashx?v=111&f=a%20b%23c");
    }
}
