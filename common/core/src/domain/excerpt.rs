//! What a message quotes of a text that came from outside.

/// The beginning of a text: at most so many characters, nothing that would move a terminal's cursor.
pub(super) fn excerpt(text: &str, characters: usize) -> String {
    text.chars().take(characters).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{OccSymbol, ScanId, Ticker};

    #[test]
    fn a_refusal_shows_nothing_that_is_not_printable() {
        let text = "AAPL\u{1b}[2J\u{7f}\n261218C00230000";
        let refusals = [
            Ticker::parse(text).unwrap_err().to_string(),
            OccSymbol::parse(text).unwrap_err().to_string(),
            ScanId::parse(text).unwrap_err().to_string(),
        ];
        for refusal in refusals {
            assert!(!refusal.contains(char::is_control) && refusal.contains("`AAPL [2J"), "{refusal:?}");
        }
    }
}
