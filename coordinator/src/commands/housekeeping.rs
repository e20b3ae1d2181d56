//! What a launch does beside its own scan: before it, what earlier launches left unfinished is closed; after it, old
//! scans are deleted. Promises: each is told in a line; whatever goes wrong here, the scan itself goes on, and its exit
//! code is its own.

use std::time::Duration;

use fleet_core::domain::calendar::new_york_text;
use fleet_telemetry::say;
use jiff::Timestamp;
use tokio::sync::watch;

use super::run_scan::tickers_word;
use crate::failure::chain;
use crate::notify::RecordingNotifier;
use crate::progress::Telling;
use crate::pruning;
use crate::scan::closing::{self, Closed};
use crate::scan::{ScanParts, ScanRequest};

/// Closes what earlier launches left, and tells of it. Whatever goes wrong with that, the scan itself goes on.
pub(super) async fn close_earlier(
    parts: &ScanParts,
    request: &ScanRequest,
    notifier: &RecordingNotifier,
    interrupt: watch::Receiver<bool>,
    telling: Telling,
) {
    let before = notifier.sent().len();
    let tell = |closed| {
        if telling != Telling::Quiet || matches!(closed, Closed::NotClosed { .. }) {
            say!("{}", closing_line(&closed));
        }
    };
    if let Err(error) = closing::close_earlier(parts, request, interrupt, tell).await {
        say!("warning: what earlier launches left unfinished cannot be looked at: {error}");
    }
    // At once, and to whoever wants no progress too: the report, which has them as well, may be long in coming, or never
    // come.
    notifier.sent().iter().skip(before).for_each(|notice| say!("  > {}", notice.text));
}

/// What became of a scan that an earlier launch left, in words.
fn closing_line(closed: &Closed) -> String {
    match closed {
        Closed::Done { scan, left_in, sealed, notices: (sent, left) } => {
            let unsent = if *left == 0 { String::new() } else { format!(", not sent: {left}") };
            format!(
                "{scan}, left in {} by an earlier launch, is closed: {} without an answer, notices sent: {sent}{unsent}",
                left_in.word(),
                tickers_word(*sealed),
            )
        }
        Closed::Open { scan, tickers: (done, of), until } => format!(
            "{scan} was left unfinished at {done} of {of} tickers; until {} New York go on with it by --resume {scan}, \
             later it is closed",
            new_york_text(*until)
        ),
        Closed::NotClosed { scan, why: Some(why) } => {
            format!("{scan} was left unfinished and cannot be closed: {}; the next launch tries again", chain(why))
        }
        Closed::NotClosed { scan, why: None } => {
            format!("{scan} was left unfinished and is not closed yet; the next launch goes on with that")
        }
    }
}

/// Deletes old scans. The scan is done, whatever becomes of this.
pub(super) async fn prune(parts: &ScanParts, keep_days: u32, telling: Telling) {
    if keep_days == 0 {
        return;
    }
    let age = Duration::from_secs(u64::from(keep_days) * 86_400);
    let Ok(before) = pruning::ago(Timestamp::now(), age) else { return };
    let ScanParts { store, patience, .. } = parts;
    match patience.store(|| store.prune_scans(before, pruning::A_LAUNCH)).await {
        Ok(n) if n > 0 && telling != Telling::Quiet => {
            say!("scans older than {keep_days} days deleted: {n}; trades stay");
        }
        Ok(_) => {}
        Err(error) => say!("warning: old scans are not deleted: {error}"),
    }
}
