//! Promises about scans: creation, manifest, state, attempts, what is missing, lists and retention.

use std::collections::BTreeSet;

use fleet_core::domain::{NoticeKind, Outcome, RequestCounts, ScanId, ScanState, Ticker, Vendor};
use fleet_core::seams::{Attempt, OpenedScan, PortfolioDecision, ScanStamp, StoreError, TradeFilter};
use jiff::SignedDuration;

use super::super::{Kept, ensure, ensure_eq};
use super::fixture::StoreFixture;
use super::samples::{
    EVERY_PLACE, commit, committed, failure, finding, frozen, holder, lease, manifest, notice, one_scan, proposed,
    scan_id, settled, stored, ticker, told, trade,
};

/// The first opening creates a scan in INIT; later ones find it where it stands.
pub async fn a_scan_is_created_once(at: &dyn StoreFixture) -> Result<(), String> {
    let scan = scan_id("1000");
    let state = async || at.store().scan_state(&scan).await.kept("asking for a state");
    let open = async || at.store().open_scan(&scan, "c0ffee").await.kept("opening a scan");
    ensure_eq!(state().await?, None, "the state of an unknown scan");
    ensure_eq!(open().await?, OpenedScan::Created, "the first opening");
    ensure_eq!(open().await?, OpenedScan::Existing(ScanState::Init), "the second opening");
    ensure_eq!(state().await?, Some(ScanState::Init), "the state of a new scan");
    Ok(())
}

/// A scan that exists with another configuration is refused and left as it is.
pub async fn a_scan_with_another_configuration_is_told_apart(at: &dyn StoreFixture) -> Result<(), String> {
    let scan = scan_id("1000");
    let open = async |hash| at.store().open_scan(&scan, hash).await.kept("opening a scan");
    open("c0ffee").await?;
    ensure_eq!(open("decade").await?, OpenedScan::ConfigDiffers { stored: "c0ffee".to_owned() }, "another hash");
    ensure_eq!(open("c0ffee").await?, OpenedScan::Existing(ScanState::Init), "the first hash again");
    Ok(())
}

/// The first manifest stays; whoever comes later gets that one.
pub async fn a_manifest_is_frozen_once(at: &dyn StoreFixture) -> Result<(), String> {
    let scan = scan_id("1000");
    at.store().open_scan(&scan, "c0ffee").await.kept("opening a scan")?;
    let read = async || at.store().manifest(&scan).await.kept("reading a manifest");
    ensure_eq!(read().await?, None, "a manifest before it is frozen");
    let lease = lease(at, &scan, "a").await?;
    let first = manifest(&scan, &["ZM", "AAPL"]);
    let freeze = async |wanted| at.store().freeze_manifest(&lease, &wanted).await.kept("freezing a manifest");
    ensure_eq!(freeze(first.clone()).await?, first, "the frozen manifest");
    ensure_eq!(freeze(manifest(&scan, &["MSFT"])).await?, first, "the manifest frozen before");
    ensure_eq!(read().await?, Some(first), "the stored manifest");
    let state = at.store().scan_state(&scan).await.kept("asking for a state")?;
    ensure_eq!(state, Some(ScanState::Publishing), "the state after freezing");
    Ok(())
}

/// A manifest of another scan, or with a ticker twice, is a conflict.
pub async fn a_manifest_must_fit_its_lease_and_name_no_ticker_twice(at: &dyn StoreFixture) -> Result<(), String> {
    let scan = scan_id("1000");
    at.store().open_scan(&scan, "c0ffee").await.kept("opening a scan")?;
    let lease = lease(at, &scan, "a").await?;
    for wrong in [manifest(&scan_id("1030"), &["AAPL"]), manifest(&scan, &["AAPL", "ZM", "AAPL"])] {
        let answer = at.store().freeze_manifest(&lease, &wrong).await;
        ensure!(matches!(answer, Err(StoreError::Conflict(_))), "a wrong manifest was answered with {answer:?}");
    }
    ensure_eq!(at.store().manifest(&scan).await.kept("reading a manifest")?, None, "the manifest after refusals");
    Ok(())
}

/// Forward only; never past the freezing or the sealing, which have methods of their own.
pub async fn a_scan_moves_forward_only(at: &dyn StoreFixture) -> Result<(), String> {
    let scan = scan_id("1000");
    at.store().open_scan(&scan, "c0ffee").await.kept("opening a scan")?;
    let lease = lease(at, &scan, "a").await?;
    let refused = at.store().advance(&lease, ScanState::Running).await;
    ensure!(matches!(refused, Err(StoreError::Conflict(_))), "a scan without a manifest moved on: {refused:?}");
    at.store().freeze_manifest(&lease, &manifest(&scan, &["AAPL"])).await.kept("freezing")?;
    at.store().advance(&lease, ScanState::Running).await.kept("advancing")?;
    let refused = at.store().advance(&lease, ScanState::Alerting).await;
    ensure!(matches!(refused, Err(StoreError::Conflict(_))), "a scan got past its sealing: {refused:?}");
    for to in [ScanState::Running, ScanState::Publishing, ScanState::Init] {
        at.store().advance(&lease, to).await.kept("moving to where it is, or back")?;
    }
    let state = async || at.store().scan_state(&scan).await.kept("asking for a state");
    ensure_eq!(state().await?, Some(ScanState::Running), "the state after moving back");
    at.store().seal(&lease).await.kept("sealing")?;
    at.store().advance(&lease, ScanState::Done).await.kept("finishing")?;
    ensure_eq!(state().await?, Some(ScanState::Done), "the last state");
    Ok(())
}

/// What the store says to a delivery.
async fn begun(at: &dyn StoreFixture, scan: &ScanId, stamp: Option<&ScanStamp>, text: &str) -> Result<Attempt, String> {
    Ok(at.store().begin_attempt(scan, stamp, &ticker(text)).await.kept("beginning an attempt")?.attempt)
}

/// Pending and open ones, controls too, newest signal first; none with any other answer.
pub async fn an_attempt_begins_with_the_live_trades_of_its_ticker(at: &dyn StoreFixture) -> Result<(), String> {
    let strikes = ["TSLA270319C00450000", "TSLA270319C00460000", "TSLA270319C00470000", "TSLA270319C00480000"];
    let mut trades = strikes.map(|contract| trade(&scan_id("1000"), contract, 20, 0));
    trades[1].control = true;
    let lease = one_scan(at, "1000", |_, commit| commit.trades = trades.to_vec()).await?;
    let decision = PortfolioDecision {
        basis: 0,
        taken: trades[..3].iter().map(|trade| trade.id.clone()).collect(),
        ..PortfolioDecision::default()
    };
    settled(at, &lease, &decision).await?;
    let next = frozen(at, "1030", &["TSLA", "AAPL"]).await?;
    let begin = async |text: &str| {
        let begun = at.store().begin_attempt(&next.scan, None, &ticker(text)).await.kept("beginning an attempt")?;
        Ok::<_, String>((begun.attempt, begun.live.kept("reading live trades")?))
    };
    let filter = TradeFilter::live_on(&ticker("TSLA"));
    let expected = at.store().trades(&filter).await.kept("reading live trades")?;
    ensure_eq!(expected.len(), 3, "live trades");
    ensure_eq!(begin("TSLA").await?, (Attempt::Run(1), expected), "what an attempt begins with");
    ensure_eq!(begin("AAPL").await?, (Attempt::Run(1), Vec::new()), "what an attempt without trades begins with");
    committed(at, &commit(&next.scan, "TSLA")).await?;
    ensure_eq!(begin("TSLA").await?, (Attempt::Done, Vec::new()), "an attempt after the commit");
    Ok(())
}

/// Neither counted nor forgiven under the stamp of the scan that is gone: its manifest was another one, and who works on
/// the new one is somebody else.
pub async fn an_attempt_at_a_scan_that_was_made_anew_is_not_counted(at: &dyn StoreFixture) -> Result<(), String> {
    let scan = scan_id("1000");
    let stamp = async || at.store().scan_stamp(&scan).await.kept("reading a scan's stamp");
    at.store().open_scan(&scan, "c0ffee").await.kept("opening a scan")?;
    let first = stamp().await?;
    at.pass(at.beat()).await;
    ensure_eq!(at.store().prune_scans(at.now(), u64::MAX).await.kept("pruning")?, 1, "scans pruned");
    frozen(at, "1000", &["TSLA"]).await?;
    let second = stamp().await?;
    for n in 1..=2 {
        let answer = begun(at, &scan, first.as_ref(), "TSLA").await?;
        ensure_eq!(answer, Attempt::MadeAnew, "an attempt under the first stamp");
        ensure_eq!(begun(at, &scan, second.as_ref(), "TSLA").await?, Attempt::Run(n), "one under the second");
    }
    at.store().forgive_attempt(&scan, first.as_ref(), &ticker("TSLA")).await.kept("forgiving an attempt")?;
    ensure_eq!(begun(at, &scan, None, "TSLA").await?, Attempt::Run(3), "after one of the first was forgiven");
    at.store().forgive_attempt(&scan, second.as_ref(), &ticker("TSLA")).await.kept("forgiving an attempt")?;
    ensure_eq!(begun(at, &scan, None, "TSLA").await?, Attempt::Run(3), "after one of the second was forgiven");
    Ok(())
}

/// Run(1), Run(2), …; then Done, Sealed; Unknown for what was never planned.
pub async fn attempts_are_counted_until_there_is_an_outcome(at: &dyn StoreFixture) -> Result<(), String> {
    let attempt = async |scan: &ScanId, text: &str| begun(at, scan, None, text).await;
    ensure_eq!(attempt(&scan_id("0900"), "AAPL").await?, Attempt::Unknown, "an attempt of an unknown scan");
    let unknown = at.store().attempts_counted(&scan_id("0900")).await;
    ensure!(matches!(unknown, Err(StoreError::NotFound(_))), "attempts counted of an unknown scan: {unknown:?}");
    let lease = frozen(at, "1000", &["AAPL", "ZM"]).await?;
    let scan = &lease.scan;
    ensure_eq!(attempt(scan, "MSFT").await?, Attempt::Unknown, "an attempt of a ticker that is not planned");
    for n in 1..=3 {
        ensure_eq!(attempt(scan, "AAPL").await?, Attempt::Run(n), "an attempt");
    }
    ensure_eq!(attempt(scan, "ZM").await?, Attempt::Run(1), "an attempt of another ticker");
    let counted = async || at.store().attempts_counted(scan).await.kept("asking how many were counted");
    ensure_eq!(counted().await?, 4, "attempts over all tickers");
    at.store().forgive_attempt(scan, None, &ticker("ZM")).await.kept("forgiving an attempt")?;
    ensure_eq!(counted().await?, 3, "attempts over all tickers after one was forgiven");
    committed(at, &commit(scan, "AAPL")).await?;
    ensure_eq!(attempt(scan, "AAPL").await?, Attempt::Done, "an attempt after the commit");
    at.store().seal(&lease).await.kept("sealing")?;
    ensure_eq!(attempt(scan, "ZM").await?, Attempt::Sealed, "an attempt after the seal");
    Ok(())
}

/// An attempt that was given up unbroken is taken back, never below none; not where it is all over.
pub async fn a_forgiven_attempt_does_not_count(at: &dyn StoreFixture) -> Result<(), String> {
    let lease = frozen(at, "1000", &["AAPL", "ZM"]).await?;
    let scan = &lease.scan;
    let forgive =
        async |text: &str| at.store().forgive_attempt(scan, None, &ticker(text)).await.kept("forgiving an attempt");
    let attempt = async |text: &str| begun(at, scan, None, text).await;
    forgive("AAPL").await?;
    forgive("MSFT").await?;
    at.store().forgive_attempt(&scan_id("0900"), None, &ticker("AAPL")).await.kept("forgiving an unknown scan's")?;
    for n in [1, 2] {
        ensure_eq!(attempt("AAPL").await?, Attempt::Run(n), "an attempt");
    }
    forgive("AAPL").await?;
    ensure_eq!(attempt("AAPL").await?, Attempt::Run(2), "an attempt after one was forgiven");
    ensure_eq!(attempt("ZM").await?, Attempt::Run(1), "an attempt of another ticker");
    committed(at, &commit(scan, "AAPL")).await?;
    forgive("AAPL").await?;
    ensure_eq!(attempt("AAPL").await?, Attempt::Done, "an attempt after the commit");
    at.store().seal(&lease).await.kept("sealing")?;
    forgive("ZM").await?;
    let outcomes = at.store().outcomes(scan, EVERY_PLACE).await.kept("reading outcomes")?;
    ensure_eq!(outcomes[1].attempt, 1, "attempts of a sealed ticker");
    Ok(())
}

/// A page holds the outcomes of its places and no others; places without an outcome are left out.
pub async fn outcomes_are_read_by_places(at: &dyn StoreFixture) -> Result<(), String> {
    let lease = frozen(at, "1000", &["ZM", "AAPL", "MSFT", "BRK.B"]).await?;
    for text in ["BRK.B", "ZM", "MSFT"] {
        committed(at, &commit(&lease.scan, text)).await?;
    }
    let read = async |places: std::ops::Range<u32>| {
        let outcomes = at.store().outcomes(&lease.scan, places).await.kept("reading outcomes")?;
        Ok::<_, String>(outcomes.iter().map(|stored| stored.ticker.to_string()).collect::<Vec<_>>())
    };
    ensure_eq!(read(0..2).await?, ["ZM"], "the first two places");
    ensure_eq!(read(2..4).await?, ["MSFT", "BRK.B"], "the next two places");
    ensure_eq!(read(3..900).await?, ["BRK.B"], "places up to beyond the last");
    ensure_eq!(read(4..900).await?, Vec::<String>::new(), "places beyond the last");
    ensure_eq!(read(2..2).await?, Vec::<String>::new(), "no place");
    let unknown = at.store().outcomes(&scan_id("0900"), EVERY_PLACE).await;
    ensure!(matches!(unknown, Err(StoreError::NotFound(_))), "outcomes of an unknown scan: {unknown:?}");
    Ok(())
}

/// Eight at once are numbered 1 to 8.
pub async fn concurrent_attempts_get_different_numbers(at: &dyn StoreFixture) -> Result<(), String> {
    let lease = frozen(at, "1000", &["AAPL"]).await?;
    let aapl = ticker("AAPL");
    let one = || at.store().begin_attempt(&lease.scan, None, &aapl);
    let (a, b, c, d, e, f, g, h) = tokio::join!(one(), one(), one(), one(), one(), one(), one(), one());
    let mut numbers = BTreeSet::new();
    for answer in [a, b, c, d, e, f, g, h] {
        match answer.kept("beginning an attempt")?.attempt {
            Attempt::Run(n) => numbers.insert(n),
            other => return Err(format!("a concurrent attempt was answered with {other:?}")),
        };
    }
    ensure_eq!(numbers, (1..=8).collect::<BTreeSet<u32>>(), "numbers of eight concurrent attempts");
    Ok(())
}

/// A set difference, in the manifest's order; outcomes come in that order too, whatever the order of commits.
pub async fn missing_is_the_manifest_less_the_outcomes_in_its_order(at: &dyn StoreFixture) -> Result<(), String> {
    let lease = frozen(at, "1000", &["ZM", "AAPL", "MSFT", "BRK.B"]).await?;
    let names = |tickers: Vec<Ticker>| tickers.iter().map(ToString::to_string).collect::<Vec<_>>();
    let missing = async || at.store().missing(&lease.scan).await.kept("asking what is missing").map(names);
    let count = async || at.store().missing_count(&lease.scan).await.kept("counting what is missing");
    ensure_eq!(missing().await?, ["ZM", "AAPL", "MSFT", "BRK.B"], "missing before any commit");
    ensure_eq!(count().await?, 4, "how many are missing before any commit");
    for text in ["MSFT", "ZM"] {
        committed(at, &commit(&lease.scan, text)).await?;
    }
    ensure_eq!(missing().await?, ["AAPL", "BRK.B"], "missing after two commits");
    ensure_eq!(count().await?, 2, "how many are missing after two commits");
    let mut failed = commit(&lease.scan, "AAPL");
    failed.outcome = failure("throttled");
    failed.worker = "worker-7".to_owned();
    failed.attempt = 3;
    committed(at, &failed).await?;
    committed(at, &commit(&lease.scan, "BRK.B")).await?;
    ensure_eq!(missing().await?, Vec::<String>::new(), "missing after all commits");
    let outcomes = at.store().outcomes(&lease.scan, EVERY_PLACE).await.kept("reading outcomes")?;
    let order = names(outcomes.iter().map(|stored| stored.ticker.clone()).collect());
    ensure_eq!(order, ["ZM", "AAPL", "MSFT", "BRK.B"], "the order of outcomes");
    ensure_eq!(outcomes[0].outcome, Outcome::Found(Box::new(finding(&ticker("ZM")))), "a stored finding");
    let aapl = (&outcomes[1].outcome, outcomes[1].worker.as_str(), outcomes[1].attempt);
    ensure_eq!(aapl, (&failure("throttled"), "worker-7", 3), "a stored failure");
    Ok(())
}

/// An empty list would read as "complete".
pub async fn nothing_is_missing_is_never_said_without_a_manifest(at: &dyn StoreFixture) -> Result<(), String> {
    let scan = scan_id("1000");
    for what in ["an unknown scan", "a scan without a manifest"] {
        let answer = at.store().missing(&scan).await;
        ensure!(matches!(answer, Err(StoreError::NotFound(_))), "what is missing of {what}: {answer:?}");
        let count = at.store().missing_count(&scan).await;
        ensure!(matches!(count, Err(StoreError::NotFound(_))), "how many are missing of {what}: {count:?}");
        at.store().open_scan(&scan, "c0ffee").await.kept("opening a scan")?;
    }
    Ok(())
}

/// Newest first, with counts, as many as asked for.
pub async fn scans_are_listed_newest_first(at: &dyn StoreFixture) -> Result<(), String> {
    let started = at.now();
    for slot in ["1000", "0930"] {
        at.store().open_scan(&scan_id(slot), "c0ffee").await.kept("opening a scan")?;
        at.pass(at.beat()).await;
    }
    let lease = frozen(at, "0800", &["AAPL", "ZM"]).await?;
    committed(at, &commit(&lease.scan, "ZM")).await?;
    let list = at.store().list_scans(2).await.kept("listing scans")?;
    let ids: Vec<_> = list.iter().map(|summary| summary.scan.clone()).collect();
    ensure_eq!(ids, [scan_id("0800"), scan_id("0930")], "the two newest scans");
    let newest = (list[0].state, list[0].tickers, list[0].outcomes);
    ensure_eq!(newest, (ScanState::Publishing, 2, 1), "state, tickers and outcomes of the newest");
    ensure_eq!((list[1].state, list[1].tickers), (ScanState::Init, 0), "state and tickers before the freeze");
    // A server's clock may differ from ours by a little.
    let about = SignedDuration::from_secs(5);
    ensure!(list[0].created_at >= started - about && list[0].created_at <= at.now() + about, "a wrong creation time");
    Ok(())
}

/// Oldest first, however many newer ones there are; what has no manifest has not begun.
pub async fn what_has_begun_and_is_not_done_is_unfinished(at: &dyn StoreFixture) -> Result<(), String> {
    let mut leases = Vec::new();
    for slot in ["0900", "0930", "1000"] {
        leases.push(frozen(at, slot, &["AAPL", "ZM"]).await?);
        at.pass(at.beat()).await;
    }
    at.store().open_scan(&scan_id("1030"), "c0ffee").await.kept("opening a scan")?;
    committed(at, &commit(&leases[0].scan, "ZM")).await?;
    at.store().seal(&leases[1]).await.kept("sealing")?;
    at.store().advance(&leases[1], ScanState::Done).await.kept("finishing")?;
    at.store().seal(&leases[2]).await.kept("sealing")?;
    let unfinished = at.store().unfinished_scans().await.kept("listing unfinished scans")?;
    let found: Vec<_> = unfinished.iter().map(|scan| (scan.scan.clone(), scan.state, scan.outcomes)).collect();
    let expected = [(scan_id("0900"), ScanState::Publishing, 1), (scan_id("1000"), ScanState::Sealed, 2)];
    ensure_eq!(found, expected, "unfinished scans");
    Ok(())
}

/// The coordinator's own requests are summed over its launches, by vendor, and belong to one scan.
pub async fn the_coordinators_requests_add_up(at: &dyn StoreFixture) -> Result<(), String> {
    let lease = frozen(at, "1000", &["TSLA"]).await?;
    let read = async || at.store().scan_requests(&lease.scan).await.kept("reading requests");
    ensure_eq!(read().await?, RequestCounts::default(), "requests before any were noted");
    let counts = |finviz, yahoo| RequestCounts::of([(Vendor::Finviz, finviz), (Vendor::Yahoo, yahoo)]);
    for more in [counts(5, 1), counts(6, 2)] {
        at.store().note_requests(&lease, &more).await.kept("noting requests")?;
    }
    ensure_eq!(read().await?, counts(11, 3), "requests of two launches");
    let other = frozen(at, "1030", &["TSLA"]).await?;
    let of_other = at.store().scan_requests(&other.scan).await.kept("reading requests")?;
    ensure_eq!(of_other, RequestCounts::default(), "another scan's requests");
    let unknown = at.store().scan_requests(&scan_id("0900")).await;
    ensure!(matches!(unknown, Err(StoreError::NotFound(_))), "requests of an unknown scan: {unknown:?}");
    Ok(())
}

/// Old scans that are done, or never had a manifest, go with everything but their trades and what is owed; a held scan
/// and one that can be resumed stay.
pub async fn pruning_spares_trades_debts_and_what_can_be_resumed(at: &dyn StoreFixture) -> Result<(), String> {
    let contracts = ["TSLA270319C00450000", "TSLA270319C00460000"];
    let trades = contracts.map(|contract| trade(&scan_id("0900"), contract, 20, 0));
    let finished = one_scan(at, "0900", |_, commit| {
        commit.trades = trades.to_vec();
        commit.explanations = b"why".to_vec();
    })
    .await?;
    let asked = RequestCounts::of([(Vendor::Finviz, 5)]);
    at.store().note_requests(&finished, &asked).await.kept("noting requests")?;
    let decision = PortfolioDecision {
        basis: 0,
        taken: trades.iter().map(|trade| trade.id.clone()).collect(),
        capped: Vec::new(),
        notices: trades.iter().map(|trade| notice(trade, NoticeKind::Buy, 0)).collect(),
    };
    settled(at, &finished, &decision).await?;
    let keys = told(at).await?;
    at.store().confirm_notice(&keys[0]).await.kept("confirming")?;
    at.store().advance(&finished, ScanState::Done).await.kept("finishing")?;
    at.store().release_lease(&finished).await.kept("releasing a lease")?;

    let waiting = trade(&scan_id("0910"), "TSLA270319C00470000", 20, 0);
    let stopped = one_scan(at, "0910", |_, commit| commit.trades.push(waiting.clone())).await?;
    at.store().release_lease(&stopped).await.kept("releasing a lease")?;
    let given_up = scan_id("0920");
    at.store().open_scan(&given_up, "c0ffee").await.kept("opening a scan")?;
    let held = frozen(at, "0930", &["TSLA"]).await?;
    at.store().seal(&held).await.kept("sealing")?;
    at.store().advance(&held, ScanState::Done).await.kept("finishing")?;
    at.pass(at.beat()).await;
    let before = at.now();
    at.pass(at.beat()).await;
    let young = scan_id("1000");
    at.store().open_scan(&young, "c0ffee").await.kept("opening a scan")?;

    ensure_eq!(at.store().prune_scans(before, u64::MAX).await.kept("pruning")?, 2, "scans pruned");
    let ids: Vec<_> = at.store().list_scans(9).await.kept("listing")?.into_iter().map(|s| s.scan).collect();
    ensure_eq!(ids, [young, held.scan.clone(), stopped.scan.clone()], "scans that stay");
    for trade in &trades {
        ensure_eq!(&stored(at, &trade.id).await?, trade, "the pruned scan's trade");
    }
    ensure_eq!(stored(at, &waiting.id).await?, proposed(&waiting), "the trade of the scan that can be resumed");
    ensure_eq!(told(at).await?, keys[1..], "the notice that is still owed");
    let why = at.store().explanation(&ticker("TSLA")).await.kept("reading an explanation")?;
    ensure_eq!(why, None, "the pruned scan's explanation");
    let taken = at.store().take_lease(&held.scan, &holder("b"), at.beat()).await.kept("asking for a lease")?;
    ensure!(matches!(taken, fleet_core::seams::LeaseAnswer::Held { .. }), "pruning lost a lease");
    let again = at.store().open_scan(&finished.scan, "decade").await.kept("opening a pruned scan")?;
    ensure_eq!(again, OpenedScan::Created, "a pruned scan opened again");
    let requests = at.store().scan_requests(&finished.scan).await.kept("reading requests")?;
    ensure_eq!(requests, RequestCounts::default(), "the pruned scan's requests");
    Ok(())
}

/// What cannot be deleted is no reason to stop short of what can.
pub async fn pruning_takes_the_oldest_and_no_more_than_it_may(at: &dyn StoreFixture) -> Result<(), String> {
    // Given up, as far as can be seen, but for the lease that somebody holds.
    for slot in ["0700", "0730"] {
        at.store().open_scan(&scan_id(slot), "c0ffee").await.kept("opening a scan")?;
        lease(at, &scan_id(slot), "a").await?;
    }
    let held = frozen(at, "0800", &["TSLA"]).await?;
    let slots = ["0900", "0930", "1000"];
    for slot in slots {
        at.store().open_scan(&scan_id(slot), "c0ffee").await.kept("opening a scan")?;
    }
    at.pass(at.beat()).await;
    let before = at.now();
    let left = async || -> Result<Vec<ScanId>, String> {
        Ok(at.store().list_scans(9).await.kept("listing")?.into_iter().map(|scan| scan.scan).collect())
    };
    ensure_eq!(at.store().prune_scans(before, 0).await.kept("pruning")?, 0, "scans pruned of none");
    ensure_eq!(at.store().prune_scans(before, 2).await.kept("pruning")?, 2, "scans pruned of two");
    let stay = [held.scan.clone(), scan_id("0730"), scan_id("0700")];
    ensure_eq!(left().await?[1..], stay, "scans that stay");
    ensure_eq!(at.store().prune_scans(before, 2).await.kept("pruning")?, 1, "scans pruned of what is left");
    ensure_eq!(left().await?, stay, "scans that stay at last");
    Ok(())
}
