//! The annotated configuration file: what `init-config` writes. Every option is in it, commented out, with its default
//! and its reason; the tests below hold it to the program.

use fleet_analysis::strategy;

/// `deploy/config/optionfleet.toml`.
const COMMITTED: &str = include_str!("../../../deploy/config/optionfleet.toml");
/// How a strategy's table begins.
const STRATEGY: &str = "[strategies.";

/// The whole file: what is committed, with each strategy's own text in place of the part about strategies. `init-config`
/// to the committed file brings that up to date.
#[must_use]
pub fn reference() -> String {
    let (before, after) = around_strategies(COMMITTED);
    format!("{before}{}\n{after}", strategy::reference())
}

/// What stands before the first strategy's table and after the last one's.
fn around_strategies(text: &str) -> (&str, &str) {
    let is_other = |line: &str| line.starts_with('[') && !line.starts_with(STRATEGY);
    let Some(from) = text.lines().find(|line| line.starts_with(STRATEGY)).and_then(|line| text.find(line)) else {
        return (text, "");
    };
    let (before, rest) = text.split_at(from);
    let next = rest.lines().find(|line| is_other(line)).and_then(|line| rest.find(&format!("\n{line}\n")));
    (before, next.map_or("", |at| &rest[at + 1..]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::resolve::{Layers, resolve};
    use super::super::{Settings, tree};
    use super::*;

    /// Options are commented with a `#` that touches the key; prose has a blank after it.
    fn uncommented() -> String {
        reference()
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(option) if !option.is_empty() && !option.starts_with(' ') => option,
                Some(_) | None => line,
            })
            .fold(String::new(), |text, line| text + line + "\n")
    }

    fn read(text: &str) -> super::super::Resolved {
        resolve(&Layers { file: Some(("reference".into(), text.to_owned())), ..Layers::default() })
            .unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    #[test]
    fn the_committed_file_is_the_programs() {
        let up_to_date = COMMITTED == reference();
        assert!(up_to_date, "`optionfleet init-config --force deploy/config/optionfleet.toml` brings it up to date");
    }

    #[test]
    fn as_written_it_changes_nothing() {
        let resolved = read(&reference());
        assert_eq!(resolved.settings, Settings::default());
        assert!(resolved.origins.is_empty(), "{:?}", resolved.origins);
    }

    #[test]
    fn uncommented_it_says_every_default() {
        let resolved = read(&uncommented());
        assert_eq!(resolved.settings, Settings::default());
        let listed: BTreeSet<String> = resolved.origins.into_keys().collect();
        let known: BTreeSet<String> =
            tree::leaves(&tree::to_tree(&Settings::default())).into_iter().map(|(key, _)| key).collect();
        assert_eq!(listed, known, "options missing from, or unknown in, the reference file");
    }

    #[test]
    fn every_option_has_a_reason_above_it() {
        let mut previous = "";
        for line in COMMITTED.lines() {
            let is_option = line.starts_with('#') && !line.starts_with("# ") && line.contains(" = ");
            if is_option {
                assert!(previous.starts_with("# "), "no reason above {line}");
            }
            previous = line;
        }
    }
}
