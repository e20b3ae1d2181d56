//! Promises about trades: added once, changed from their own state only, told once.

use fleet_core::domain::{ExitReason, NoticeKind, TradeId, TradeState};
use fleet_core::seams::{NoticeClaim, PortfolioDecision, StoreError, TradeFilter};

use super::super::{Kept, ensure, ensure_eq};
use super::fixture::StoreFixture;
use super::samples::{
    closed, commit, confirmed, control, exit, filled, frozen, holder, lapsed, mark, minute, notice, one_scan, proposed,
    scan_id, session, settled, stored, taken, ticker, told, trade,
};

const CONTRACT: &str = "TSLA270319C00450000";

/// A trade that was taken is left as it is when its signal is found again, also after it has ended.
pub async fn a_trade_is_added_once(at: &dyn StoreFixture) -> Result<(), String> {
    let first = trade(&scan_id("0930"), CONTRACT, 20, 0);
    let again = trade(&scan_id("1000"), CONTRACT, 20, 30);
    taken(at, "0930", |_, commit| commit.trades.push(first.clone())).await?;
    taken(at, "1000", |_, commit| commit.trades.push(again.clone())).await?;
    ensure_eq!(stored(at, &first.id).await?, first, "the trade after the same signal again");
    taken(at, "1030", |_, commit| commit.transitions.push(lapsed(&first, 60))).await?;
    taken(at, "1100", |_, commit| commit.trades.push(again.clone())).await?;
    ensure_eq!(stored(at, &first.id).await?.state, TradeState::Lapsed, "the ended trade after the signal again");
    Ok(())
}

/// One live trade a strategy and contract; another strategy may, and the same one once the first has ended.
pub async fn a_contract_has_one_live_trade_a_strategy(at: &dyn StoreFixture) -> Result<(), String> {
    let first = trade(&scan_id("0930"), CONTRACT, 19, 0);
    let next_day = trade(&scan_id("1000"), CONTRACT, 20, 400);
    let other = control(&next_day);
    taken(at, "0930", |_, commit| commit.trades.push(first.clone())).await?;
    taken(at, "1000", |_, commit| commit.trades = vec![next_day.clone(), other.clone()]).await?;
    let there = async |id: &TradeId| Ok::<_, String>(at.store().trade(id).await.kept("reading a trade")?.is_some());
    ensure!(!there(&next_day.id).await?, "a second live trade of one strategy in one contract was added");
    ensure!(there(&other.id).await?, "another strategy's trade in the same contract was not added");
    taken(at, "1030", |_, commit| {
        commit.transitions.push(lapsed(&first, 430));
        commit.trades.push(next_day.clone());
    })
    .await?;
    ensure!(there(&next_day.id).await?, "a trade that ended left no room for the next one");
    Ok(())
}

/// Two scans that find the same signal at once propose one trade, and one of them takes it.
pub async fn concurrent_scans_add_a_trade_once(at: &dyn StoreFixture) -> Result<(), String> {
    let (mut commits, mut leases) = (Vec::new(), Vec::new());
    for slot in ["0930", "1000"] {
        let lease = frozen(at, slot, &["TSLA"]).await?;
        let mut commit = commit(&lease.scan, "TSLA");
        commit.trades.push(trade(&lease.scan, CONTRACT, 20, 0));
        commits.push(commit);
        leases.push(lease);
    }
    let id = commits[0].trades[0].id.clone();
    let other = at.reopened().await?;
    let (a, b) = tokio::join!(at.store().commit(&commits[0]), other.commit(&commits[1]));
    a.kept("committing")?;
    b.kept("committing")?;
    let of = |state| TradeFilter { state: Some(state), controls: true, ..TradeFilter::default() };
    let proposals = at.store().trades(&of(TradeState::Proposed)).await.kept("reading trades")?;
    ensure_eq!(proposals.len(), 1, "proposals of two concurrent scans");
    let decision = PortfolioDecision { taken: vec![id], ..PortfolioDecision::default() };
    for lease in &leases {
        settled(at, lease, &decision).await?;
    }
    let pending = at.store().trades(&of(TradeState::Pending)).await.kept("reading trades")?;
    ensure_eq!(pending.len(), 1, "trades of two concurrent scans");
    Ok(())
}

/// Until its scan is settled a trade is neither live nor listed, and nothing happens to it; a person sees it on request.
pub async fn a_proposed_trade_is_not_live(at: &dyn StoreFixture) -> Result<(), String> {
    let record = trade(&scan_id("0930"), CONTRACT, 20, 0);
    one_scan(at, "0930", |_, commit| commit.trades.push(record.clone())).await?;
    ensure_eq!(stored(at, &record.id).await?, proposed(&record), "a trade after its commit");
    let list = async |filter| at.store().trades(&filter).await.kept("reading trades");
    let any = TradeFilter::default;
    ensure_eq!(list(any()).await?.len(), 0, "all trades");
    ensure_eq!(list(TradeFilter { live: true, ..any() }).await?.len(), 0, "live trades");
    let asked = TradeFilter { state: Some(TradeState::Proposed), scan: Some(scan_id("0930")), ..any() };
    ensure_eq!(list(asked.clone()).await?, [proposed(&record)], "proposed trades of the scan");
    let elsewhere = TradeFilter { scan: Some(scan_id("1000")), ..asked };
    ensure_eq!(list(elsewhere).await?.len(), 0, "proposed trades of another scan");
    let live = at.store().live_underlyings().await.kept("asking for live underlyings")?;
    ensure_eq!(live, Vec::new(), "underlyings with a live trade");
    one_scan(at, "1000", |_, commit| {
        commit.transitions = vec![filled(&record, 10), lapsed(&record, 10)];
        commit.marks = vec![(record.id.clone(), mark(10, 2.0))];
    })
    .await?;
    ensure_eq!(stored(at, &record.id).await?, proposed(&record), "a proposed trade after a fill, a lapse and a mark");
    ensure_eq!(told(at).await?, Vec::<String>::new(), "the outbox");
    Ok(())
}

/// What an unsettled scan proposed belongs to the next one that finds it; the first one, settled late, leaves it alone.
/// A person's wish not to hear of it stays.
pub async fn a_later_scan_adopts_what_is_only_proposed(at: &dyn StoreFixture) -> Result<(), String> {
    let first = trade(&scan_id("0930"), CONTRACT, 20, 0);
    let again = trade(&scan_id("1000"), CONTRACT, 20, 30);
    let stopped = one_scan(at, "0930", |_, commit| commit.trades.push(first.clone())).await?;
    at.store().ignore_trade(&first.id).await.kept("ignoring a trade")?;
    let next = one_scan(at, "1000", |_, commit| commit.trades.push(again.clone())).await?;
    let adopted = fleet_core::domain::TradeRecord { ignored: true, ..again.clone() };
    ensure_eq!(stored(at, &again.id).await?, proposed(&adopted), "the trade after the signal was found again");
    settled(at, &stopped, &PortfolioDecision { capped: vec![first.id.clone()], ..Default::default() }).await?;
    ensure_eq!(stored(at, &again.id).await?, proposed(&adopted), "the trade after the first scan was settled");
    settled(at, &next, &PortfolioDecision { taken: vec![again.id.clone()], ..Default::default() }).await?;
    ensure_eq!(stored(at, &again.id).await?, adopted, "the trade after the second scan was settled");
    Ok(())
}

/// pending → open → closed, each once with its notice; a transition from another state, or of no trade, does nothing.
pub async fn a_transition_applies_from_its_own_state_only(at: &dyn StoreFixture) -> Result<(), String> {
    let record = trade(&scan_id("0930"), CONTRACT, 19, 0);
    let unknown = trade(&scan_id("0930"), "TSLA270319C00999000", 19, 0);
    taken(at, "0930", |_, commit| commit.trades.push(record.clone())).await?;
    taken(at, "1000", |_, commit| commit.transitions = vec![closed(&record, 5), filled(&unknown, 5)]).await?;
    ensure_eq!(stored(at, &record.id).await?, record, "a pending trade after a closing");
    ensure_eq!(told(at).await?, Vec::<String>::new(), "the outbox after transitions that do not apply");
    taken(at, "1030", |_, commit| commit.transitions.push(filled(&record, 10))).await?;
    let open = record.after(&filled(&record, 10).transition).ok_or("the sample does not fill")?;
    ensure_eq!(stored(at, &record.id).await?, open, "the trade after its fill");
    let again = [filled(&record, 20), lapsed(&record, 20)].to_vec();
    taken(at, "1100", |_, commit| commit.transitions = again).await?;
    ensure_eq!(stored(at, &record.id).await?, open, "an open trade after another fill and a lapse");
    taken(at, "1130", |_, commit| commit.transitions.push(closed(&record, 30))).await?;
    taken(at, "1200", |_, commit| commit.transitions.push(closed(&record, 40))).await?;
    let sold = open.after(&closed(&record, 30).transition).ok_or("the sample does not close")?;
    ensure_eq!(stored(at, &record.id).await?, sold, "the trade after two closings");
    let keys = [NoticeKind::Filled, NoticeKind::Exit].map(|kind| notice(&record, kind, 0).key());
    ensure_eq!(told(at).await?, keys, "the outbox after a whole life");
    Ok(())
}

/// A confirmation is written beside the trade and moves nothing; it comes from its own state only and is told once.
pub async fn a_confirmation_moves_no_trade(at: &dyn StoreFixture) -> Result<(), String> {
    let record = trade(&scan_id("0930"), CONTRACT, 19, 0);
    let from = |state: TradeState| confirmed(&record, state, 20);
    taken(at, "0930", |_, commit| commit.trades.push(record.clone())).await?;
    taken(at, "1000", |_, commit| commit.transitions = vec![from(TradeState::Open)]).await?;
    ensure_eq!(stored(at, &record.id).await?, record, "a pending trade after a confirmation of an open one");
    let pending = from(TradeState::Pending);
    taken(at, "1030", |_, commit| commit.transitions = vec![pending.clone(), filled(&record, 30)]).await?;
    let known = record.after(&pending.transition).and_then(|known| known.after(&filled(&record, 30).transition));
    let known = known.ok_or("the sample is not confirmed and filled")?;
    ensure_eq!(stored(at, &record.id).await?, known, "the trade after confirmation and fill");
    ensure_eq!(known.confirmation.is_some(), true, "the confirmation is kept after the fill");
    let keys = [NoticeKind::Confirmed, NoticeKind::Filled].map(|kind| notice(&record, kind, 0).key());
    ensure_eq!(told(at).await?, keys, "the outbox after both");
    Ok(())
}

/// One mark an instant, oldest first; the latest is in the trade; ended and unknown trades have none.
pub async fn marks_are_kept_once_and_in_order(at: &dyn StoreFixture) -> Result<(), String> {
    let record = trade(&scan_id("0930"), CONTRACT, 19, 0);
    let unknown = trade(&scan_id("0930"), "TSLA270319C00999000", 19, 0);
    taken(at, "0930", |_, commit| commit.trades.push(record.clone())).await?;
    let marking = |marks: Vec<_>| marks.into_iter().map(|mark| (record.id.clone(), mark)).collect::<Vec<_>>();
    taken(at, "1000", |_, commit| commit.marks = marking(vec![mark(20, 2.5)])).await?;
    taken(at, "1030", |_, commit| {
        commit.marks = marking(vec![mark(10, 2.0), mark(20, 9.0)]);
        commit.marks.push((unknown.id.clone(), mark(10, 1.0)));
        commit.transitions.push(lapsed(&record, 30));
    })
    .await?;
    taken(at, "1100", |_, commit| commit.marks = marking(vec![mark(40, 3.0)])).await?;
    let (after, marks) = at.store().trade(&record.id).await.kept("reading a trade")?.ok_or("the trade is gone")?;
    ensure_eq!(marks, [mark(10, 2.0), mark(20, 2.5)], "marks");
    ensure_eq!(after.last_mark, Some(mark(20, 2.5)), "the latest mark");
    ensure!(at.store().trade(&unknown.id).await.kept("reading")?.is_none(), "a mark made a trade");
    Ok(())
}

/// An ignored trade goes on, but nothing more is told of it: what waits unclaimed is dropped too.
pub async fn an_ignored_trade_tells_nothing_more(at: &dyn StoreFixture) -> Result<(), String> {
    let nobody = TradeId::from_user("nobody");
    let answer = at.store().ignore_trade(&nobody).await;
    ensure!(matches!(answer, Err(StoreError::NotFound(_))), "ignoring a trade that does not exist: {answer:?}");
    let record = trade(&scan_id("0930"), CONTRACT, 19, 0);
    taken(at, "0930", |_, commit| commit.trades.push(record.clone())).await?;
    taken(at, "1000", |_, commit| commit.transitions.push(filled(&record, 10))).await?;
    let ignored = at.store().ignore_trade(&record.id).await.kept("ignoring a trade")?;
    ensure!(ignored.ignored && stored(at, &record.id).await?.ignored, "the trade is not marked as ignored");
    at.store().ignore_trade(&record.id).await.kept("ignoring a trade again")?;
    taken(at, "1030", |_, commit| commit.transitions.push(closed(&record, 20))).await?;
    ensure_eq!(stored(at, &record.id).await?.state, TradeState::Closed, "an ignored trade's state");
    let claim = NoticeClaim { max: 10, lasts: at.beat(), as_of: minute(0) };
    let claimed = at.store().claim_notices(&holder("a"), &claim).await.kept("claiming")?;
    ensure_eq!(claimed.len(), 0, "notices of an ignored trade");
    Ok(())
}

/// A person may close an open trade, once; any other state is a conflict.
pub async fn a_person_closes_an_open_trade_only(at: &dyn StoreFixture) -> Result<(), String> {
    let record = trade(&scan_id("0930"), CONTRACT, 19, 0);
    let by_hand = exit(&record, 20, ExitReason::Manual);
    let close = async || at.store().close_trade(&record.id, &by_hand).await;
    let answer = close().await;
    ensure!(matches!(answer, Err(StoreError::NotFound(_))), "closing a trade that does not exist: {answer:?}");
    taken(at, "0930", |_, commit| commit.trades.push(record.clone())).await?;
    let answer = close().await;
    ensure!(matches!(answer, Err(StoreError::Conflict(_))), "closing a pending trade: {answer:?}");
    taken(at, "1000", |_, commit| commit.transitions.push(filled(&record, 10))).await?;
    let sold = close().await.kept("closing an open trade")?;
    ensure_eq!((sold.state, sold.exit.clone()), (TradeState::Closed, Some(by_hand.clone())), "the closed trade");
    ensure_eq!(stored(at, &record.id).await?, sold, "the closed trade as stored");
    let answer = close().await;
    ensure!(matches!(answer, Err(StoreError::Conflict(_))), "closing a closed trade: {answer:?}");
    Ok(())
}

/// Every field of the filter narrows; newest signal first, then by id; controls only when asked for.
pub async fn trades_are_filtered_and_ordered(at: &dyn StoreFixture) -> Result<(), String> {
    let scan = scan_id("0930");
    let old = trade(&scan, CONTRACT, 19, 0);
    let new = trade(&scan, "AAPL270319C00200000", 20, 400);
    let mut twins = [trade(&scan, "TSLA270319C00460000", 20, 400), trade(&scan, "TSLA270319C00470000", 20, 400)];
    let shadow = control(&new);
    taken(at, "0930", |_, commit| {
        commit.trades = vec![old.clone(), twins[1].clone(), new.clone(), twins[0].clone(), shadow.clone()];
    })
    .await?;
    taken(at, "1000", |_, commit| commit.transitions = vec![filled(&old, 410), lapsed(&new, 410)]).await?;
    let capped = trade(&scan_id("1030"), "TSLA270319C00480000", 18, -700);
    let lease = one_scan(at, "1030", |_, commit| commit.trades.push(capped.clone())).await?;
    settled(at, &lease, &PortfolioDecision { capped: vec![capped.id.clone()], ..Default::default() }).await?;
    twins.sort_by(|a, b| a.id.cmp(&b.id));
    let mut of_the_20th = vec![new.id.clone(), twins[0].id.clone(), twins[1].id.clone()];
    of_the_20th.sort();
    let all = [of_the_20th.clone(), vec![old.id.clone(), capped.id.clone()]].concat();
    let with_controls = {
        let mut first = [of_the_20th.clone(), vec![shadow.id.clone()]].concat();
        first.sort();
        [first, vec![old.id.clone(), capped.id.clone()]].concat()
    };
    let any = TradeFilter::default;
    let twin_ids: Vec<TradeId> = twins.iter().map(|twin| twin.id.clone()).collect();
    let live = [twin_ids.clone(), vec![old.id.clone()]].concat();
    let cases = [
        ("all", any(), all.clone()),
        ("with controls", TradeFilter { controls: true, ..any() }, with_controls),
        ("open", TradeFilter { state: Some(TradeState::Open), ..any() }, vec![old.id.clone()]),
        ("lapsed", TradeFilter { state: Some(TradeState::Lapsed), ..any() }, vec![new.id.clone()]),
        ("capped", TradeFilter { state: Some(TradeState::Capped), ..any() }, vec![capped.id.clone()]),
        ("of a scan", TradeFilter { scan: Some(scan_id("1030")), ..any() }, vec![capped.id.clone()]),
        ("live", TradeFilter { live: true, ..any() }, live),
        ("of TSLA", TradeFilter { underlying: Some(ticker("TSLA")), live: true, limit: 2, ..any() }, twin_ids),
        ("of the 20th", TradeFilter { entry_session: Some(session(20)), ..any() }, of_the_20th),
        ("the newest two", TradeFilter { limit: 2, ..any() }, all[..2].to_vec()),
    ];
    for (what, filter, wanted) in cases {
        let got = at.store().trades(&filter).await.kept("reading trades")?;
        ensure_eq!(got.into_iter().map(|trade| trade.id).collect::<Vec<_>>(), wanted, "trades, {what}");
    }
    Ok(())
}

/// Each underlying with a pending or open trade once, in order; a control's too.
pub async fn underlyings_of_live_trades_are_named_in_order(at: &dyn StoreFixture) -> Result<(), String> {
    let scan = scan_id("0930");
    let of = |symbol| trade(&scan, symbol, 19, 0);
    let ended = of("MSFT270319C00450000");
    let shadow = control(&of("AAPL270319C00200000"));
    taken(at, "0930", |_, commit| {
        commit.trades = vec![of(CONTRACT), of("TSLA270319C00460000"), ended.clone(), shadow];
    })
    .await?;
    taken(at, "1000", |_, commit| commit.transitions = vec![lapsed(&ended, 10)]).await?;
    let live = at.store().live_underlyings().await.kept("asking for live underlyings")?;
    ensure_eq!(live, [ticker("AAPL"), ticker("TSLA")], "underlyings with a live trade");
    Ok(())
}
