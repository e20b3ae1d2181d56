//! `inspect`: any file of any kind becomes a verdict for a person.

use fleet_scraper::inspect::{Kind, Verdict, inspect as read};

use super::promises;

/// The first byte chooses a kind, or leaves it to the content.
pub fn inspect(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else { return };
    let kind = Kind::ALL.get(usize::from(*choice) % (Kind::ALL.len() + 1)).copied();
    let found = read(body, kind);
    assert!(kind.is_none_or(|kind| kind == found.kind), "{kind:?} became {found:?}");
    assert!(found.verdict != Verdict::Understood || found.rows > 0, "understood, and nothing in it: {found:?}");
    assert_eq!(found.is_refused(), found.verdict.is_refusal());
    assert!(!found.detail.is_empty(), "no sentence: {found:?}");
    let lines = found.lines();
    assert!(lines.len() >= 2, "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains(char::is_control)), "a control character in {lines:?}");
    promises::printable(&found.detail);
    for group in found.refused.values() {
        assert!(group.rows >= group.examples.len() as u64 && group.rows > 0, "{group:?}");
    }
    let written = serde_json::to_value(&found).expect("an inspection can be written as JSON");
    assert_eq!(written["kind"], found.kind.word());
    assert_eq!(read(body, kind), found, "the same bytes, another answer");
}
