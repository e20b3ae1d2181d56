//! What ends a command: the exit code, sentence and hint both programs share, and what a scan can fail with.

use fleet_core::domain::ScanId;
#[cfg(test)]
use fleet_core::seams::StoreError;
use fleet_worker::program::failure::store_hint;
pub use fleet_worker::program::failure::{Exit, Failure, chain};

use crate::scan::ScanError;

impl From<ScanError> for Failure {
    fn from(error: ScanError) -> Self {
        let message = match &error {
            ScanError::ConfigDiffers { scan, stored, ours } => differs(scan, stored, ours),
            other => chain(other),
        };
        let (exit, hint) = match &error {
            ScanError::Held { .. } => {
                (Exit::Held, Some("wait for it; the same command then prints its table".to_owned()))
            }
            ScanError::ConfigDiffers { stored, ours, .. } => {
                let hint = if configuration(stored) == configuration(ours) {
                    "take another --slot, or go on with its own list by --resume ID"
                } else {
                    "go back to that configuration, or take another --slot; `optionfleet check-config` shows this one"
                };
                (Exit::Usage, Some(hint.to_owned()))
            }
            ScanError::Universe(_) | ScanError::UniverseTimeout(_) => (
                Exit::Broken,
                Some("name tickers with --tickers AAPL,MSFT or --tickers @file, or try again later".to_owned()),
            ),
            ScanError::EmptyUniverse => {
                (Exit::Usage, Some("widen the filter, or name tickers with --tickers AAPL,MSFT".to_owned()))
            }
            ScanError::Market(_) => {
                (Exit::Usage, Some("see [vendors], [identity] and [tls] in the configuration".to_owned()))
            }
            ScanError::Store(error) => store_hint(error),
            ScanError::Queue(_) | ScanError::Worker(_) | ScanError::WorkerGaveUp(_) | ScanError::Broken { .. } => {
                (Exit::Broken, Some("run the same command with --resume; nothing stored was lost".to_owned()))
            }
        };
        Self { exit, message, hint }
    }
}

/// The half of a hash that stands for the configuration; the other stands for the universe.
fn configuration(hash: &str) -> &str {
    hash.split_once('-').map_or(hash, |(configuration, _)| configuration)
}

fn differs(scan: &ScanId, stored: &str, ours: &str) -> String {
    let what = if configuration(stored) == configuration(ours) { "list of tickers" } else { "configuration" };
    format!("{scan} was begun with another {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_list_is_not_another_configuration() {
        let message = |ours: &str| {
            let (stored, ours) = ("aa-bb".to_owned(), ours.to_owned());
            Failure::from(ScanError::ConfigDiffers { scan: ScanId::parse("x-1").unwrap(), stored, ours }).message
        };
        assert_eq!(message("aa-cc"), "x-1 was begun with another list of tickers");
        assert_eq!(message("ab-cc"), "x-1 was begun with another configuration");
    }

    #[test]
    fn causes_are_said_once() {
        let error = ScanError::Store(StoreError::Full("/var/x.db".to_owned()));
        let failure = Failure::from(error);
        assert_eq!(failure.message, "the scan's store failed: the disk is full: /var/x.db");
        assert_eq!(failure.exit, Exit::Broken);
        assert!(failure.text().contains("\nhint: make room"));
    }
}
