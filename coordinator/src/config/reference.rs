//! The annotated configuration file: what `init-config` writes. Every option is in it, commented out, with its default
//! and its reason; the tests below hold it to the program.

/// `deploy/config/optionfleet.toml`.
pub const REFERENCE: &str = include_str!("../../../deploy/config/optionfleet.toml");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::resolve::{Layers, resolve};
    use super::super::{Settings, tree};
    use super::*;

    /// Options are commented with a `#` that touches the key; prose has a blank after it.
    fn uncommented() -> String {
        REFERENCE
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
    fn as_written_it_changes_nothing() {
        let resolved = read(REFERENCE);
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
        for line in REFERENCE.lines() {
            let is_option = line.starts_with('#') && !line.starts_with("# ") && line.contains(" = ");
            if is_option {
                assert!(previous.starts_with("# "), "no reason above {line}");
            }
            previous = line;
        }
    }
}
