//! Columns, wrapping and short numbers for a terminal of 100 columns.

/// Widest line of any table.
pub const WIDTH: usize = 100;

/// Which edge of a column is straight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Texts.
    Left,
    /// Numbers.
    Right,
}

/// One column: its alignment and its two heading lines.
#[derive(Debug, Clone, Copy)]
pub struct Column(pub Align, pub &'static str, pub &'static str);

/// Lays rows out under two-line headings, columns as narrow as their content, one blank between two.
#[must_use]
pub fn grid(columns: &[Column], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, Column(_, first, second))| {
            let content = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max();
            content.unwrap_or(0).max(first.chars().count()).max(second.chars().count())
        })
        .collect();
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut whole = String::new();
        for ((cell, Column(align, ..)), width) in cells.zip(columns).zip(&widths) {
            if !whole.is_empty() {
                whole.push(' ');
            }
            let blanks = " ".repeat(width.saturating_sub(cell.chars().count()));
            match align {
                Align::Left => whole = whole + cell + &blanks,
                Align::Right => whole = whole + &blanks + cell,
            }
        }
        text.push_str(whole.trim_end());
        text.push('\n');
    };
    line(&mut columns.iter().map(|column| column.1));
    if columns.iter().any(|column| !column.2.is_empty()) {
        line(&mut columns.iter().map(|column| column.2));
    }
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    text
}

/// Breaks a text at blanks so that no line is wider than [`WIDTH`]; later lines are indented by so many blanks. A word
/// that is too long by itself stays whole.
#[must_use]
pub fn wrap(text: &str, indent: usize) -> String {
    let body = text.trim_start_matches(' ');
    let mut lines = " ".repeat(text.len() - body.len());
    let mut column = lines.len();
    for (at, word) in body.split(' ').enumerate() {
        let width = word.chars().count();
        if at > 0 && column + 1 + width > WIDTH {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            column = indent;
        } else if at > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += width;
    }
    lines.push('\n');
    lines
}

/// A price in at most six characters: `4.20`, `123.45`, `1234.5`, `12346`.
#[must_use]
pub fn price(dollars: f64) -> String {
    if dollars < 999.995 {
        format!("{dollars:.2}")
    } else if dollars < 9_999.95 {
        format!("{dollars:.1}")
    } else {
        format!("{dollars:.0}")
    }
}

/// A percentage without its sign: `14.8`, `123`.
#[must_use]
pub fn percent(value: f64) -> String {
    without_minus_zero(if value.abs() < 99.95 { format!("{value:.1}") } else { format!("{value:.0}") })
}

/// A number's text; a zero has no sign, also where it only looks like one.
#[must_use]
pub fn without_minus_zero(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        Some(_) | None => text,
    }
}

/// A count in at most five characters: `84213`, `123k`, `12M`.
#[must_use]
pub fn count(n: u64) -> String {
    match n {
        0..100_000 => n.to_string(),
        100_000..10_000_000 => format!("{}k", n / 1000),
        10_000_000.. => format!("{}M", n / 1_000_000),
    }
}

/// A count with commas: `14,302`.
#[must_use]
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A missing value is a dash.
#[must_use]
pub fn or_dash<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_their_columns() {
        let prices = [(0.0, "0.00"), (4.2, "4.20"), (999.994, "999.99"), (999.996, "1000.0"), (12345.6, "12346")];
        for (dollars, text) in prices {
            assert_eq!(price(dollars), text);
            assert!(text.len() <= 6);
        }
        for (n, text) in [(0, "0"), (99_999, "99999"), (100_000, "100k"), (9_999_999, "9999k"), (10_000_000, "10M")] {
            assert_eq!(count(n), text);
        }
        assert_eq!(percent(-12.34), "-12.3");
        assert_eq!(percent(99.96), "100");
        assert_eq!(percent(-0.04), "0.0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
    }

    #[test]
    fn no_wrapped_line_is_too_wide() {
        let text = wrap(&format!("  start {}", "word ".repeat(60)), 4);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with("    word") || line.trim().is_empty()), "{text}");
        assert_eq!(wrap("short", 2), "short\n");
        assert_eq!(wrap("  two blanks", 2), "  two blanks\n");
    }
}
