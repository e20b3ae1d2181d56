//! One random call of a coordinator, a worker or a person.

use std::time::Duration;

use fleet_core::domain::*;
use fleet_core::seams::*;
use jiff::SignedDuration;
use rand::RngExt;

use super::values::{self, chance, one_of};
use super::{Difference, History};

impl History {
    /// Plays one call: the next sensible one of a scan, or any.
    pub(super) async fn call(&mut self) -> Result<(), Difference> {
        if chance(&mut self.rng, 45) {
            return self.go_on().await;
        }
        match self.rng.random_range(0..100) {
            0..8 => self.let_time_pass(),
            8..14 => self.open().await,
            14..22 => self.take_lease().await,
            22..26 => self.keep_or_return_lease().await,
            26..32 => self.freeze().await,
            32..35 => self.advance().await,
            35..43 => self.attempt().await,
            43..62 => self.commit().await,
            62..66 => self.seal().await,
            66..73 => self.settle().await,
            73..75 => self.note_requests().await,
            75..78 => self.prune().await,
            78..83 => self.trade().await,
            83..93 => self.notice().await,
            93..95 => self.budget().await,
            95..97 => self.cache().await,
            _ => self.roster().await,
        }
    }

    /// Usually the newest lease of some scan, which may still be good; sometimes an older one, or a forged one.
    fn lease(&mut self) -> Lease {
        let scan = values::scan(&mut self.rng);
        let newest = self.leases.iter().rev().find(|lease| lease.scan == scan).cloned();
        let forged = Lease { scan, epoch: self.rng.random_range(0..3), holder: values::holder(&mut self.rng) };
        if self.leases.is_empty() || chance(&mut self.rng, 4) {
            return forged;
        }
        if chance(&mut self.rng, 8) {
            let n = self.rng.random_range(0..self.leases.len());
            return self.leases[n].clone();
        }
        newest.unwrap_or(forged)
    }

    fn let_time_pass(&mut self) -> Result<(), Difference> {
        let micros = match self.rng.random_range(0..4) {
            0 => self.rng.random_range(1..50_000),
            1 => self.rng.random_range(50_000..2_000_000),
            2 => self.rng.random_range(1..9) * 1_000_000,
            _ => self.rng.random_range(9..90) * 1_000_000,
        };
        self.clock.advance(SignedDuration::from_micros(micros));
        self.trail.push(format!("{micros} us pass"));
        Ok(())
    }

    async fn open(&mut self) -> Result<(), Difference> {
        let scan = values::scan(&mut self.rng);
        let hash = if chance(&mut self.rng, 90) { "c0ffee" } else { "decade" };
        self.act(format!("open {scan} {hash}"), async |store| store.open_scan(&scan, hash).await).await.map(drop)
    }

    async fn take_lease(&mut self) -> Result<(), Difference> {
        let scan = values::scan(&mut self.rng);
        self.take_lease_of(scan).await
    }

    pub(super) async fn take_lease_of(&mut self, scan: ScanId) -> Result<(), Difference> {
        let holder = values::holder(&mut self.rng);
        let ttl = Duration::from_millis(self.rng.random_range(0..40_000));
        let what = format!("{} takes the lease of {scan} for {ttl:?}", holder.0);
        if let Some(LeaseAnswer::Taken(lease)) =
            self.act(what, async |store| store.take_lease(&scan, &holder, ttl).await).await?
        {
            self.leases.push(lease);
        }
        Ok(())
    }

    async fn keep_or_return_lease(&mut self) -> Result<(), Difference> {
        let lease = self.lease();
        if chance(&mut self.rng, 60) {
            let ttl = Duration::from_secs(15);
            return self
                .act(format!("renew {lease:?}"), async |store| store.renew_lease(&lease, ttl).await)
                .await
                .map(drop);
        }
        self.act(format!("release {lease:?}"), async |store| store.release_lease(&lease).await).await.map(drop)
    }

    async fn freeze(&mut self) -> Result<(), Difference> {
        let lease = self.lease();
        self.freeze_under(lease).await
    }

    pub(super) async fn freeze_under(&mut self, lease: Lease) -> Result<(), Difference> {
        let manifest = values::manifest(&mut self.rng, &lease.scan);
        let what = format!("freeze {:?} under {lease:?}", manifest.tickers);
        self.act(what, async |store| store.freeze_manifest(&lease, &manifest).await).await.map(drop)
    }

    async fn advance(&mut self) -> Result<(), Difference> {
        let lease = self.lease();
        let to = one_of(
            &mut self.rng,
            &[ScanState::Publishing, ScanState::Running, ScanState::Sealed, ScanState::Done, ScanState::Done],
        );
        self.act(format!("advance {lease:?} to {to:?}"), async |store| store.advance(&lease, to).await).await.map(drop)
    }

    async fn attempt(&mut self) -> Result<(), Difference> {
        let (scan, ticker) = (values::scan(&mut self.rng), values::ticker(&mut self.rng));
        // Each store has stamps of its own.
        let is_stale = chance(&mut self.rng, 10);
        let stamp = async |store: &dyn Store| {
            if is_stale { Ok(Some(ScanStamp("stale".to_owned()))) } else { store.scan_stamp(&scan).await }
        };
        if chance(&mut self.rng, 25) {
            let what = format!("forgive {ticker} of {scan}, stale: {is_stale}");
            let forgive =
                async |store: &dyn Store| store.forgive_attempt(&scan, stamp(store).await?.as_ref(), &ticker).await;
            return self.act(what, forgive).await.map(drop);
        }
        let what = format!("begin {ticker} of {scan}, stale: {is_stale}");
        let begin = async |store: &dyn Store| store.begin_attempt(&scan, stamp(store).await?.as_ref(), &ticker).await;
        if let Some(Begun { attempt, live }) = self.act(what, begin).await? {
            let word: String = format!("{attempt:?}").chars().take_while(|c| c.is_alphabetic()).collect();
            self.reach(format!("begun {word}"));
            if live.is_ok_and(|live| !live.is_empty()) {
                self.reach("begun with live trades".to_owned());
            }
        }
        Ok(())
    }

    /// Trades that are there, and one that may not be.
    pub(super) async fn some_trades(&mut self) -> Result<Vec<TradeRecord>, Difference> {
        let mut some = Vec::new();
        for state in [None, Some(TradeState::Proposed)] {
            let filter = TradeFilter { state, controls: true, ..TradeFilter::default() };
            let trades = self.ask("all trades", async |store| store.trades(&filter).await).await?;
            for trade in trades.unwrap_or_default() {
                self.reach(format!("trade {}", trade.state.word()));
                some.push(trade);
            }
        }
        let ticker = values::ticker(&mut self.rng);
        some.push(values::trade(&mut self.rng, &ticker));
        Ok(some)
    }

    async fn commit(&mut self) -> Result<(), Difference> {
        let (scan, ticker) = (values::scan(&mut self.rng), values::ticker(&mut self.rng));
        self.commit_of(scan, ticker).await
    }

    pub(super) async fn commit_of(&mut self, scan: ScanId, ticker: Ticker) -> Result<(), Difference> {
        let known = self.some_trades().await?;
        let rng = &mut self.rng;
        // Mostly trades that are live, because most others refuse.
        let live: Vec<&TradeRecord> = known.iter().filter(|trade| trade.state.is_live()).collect();
        let some = |rng: &mut _| -> Vec<&TradeRecord> {
            let one = |rng: &mut _| match live.len() {
                lives if lives > 0 && chance(rng, 70) => live[up_to(rng, lives - 1)],
                _ => &known[up_to(rng, known.len() - 1)],
            };
            (0..up_to(rng, 3)).map(|_| one(rng)).collect()
        };
        let (marked, changed) = (some(rng), some(rng));
        let commit = Commit {
            scan,
            stamp: None,
            outcome: values::outcome(rng),
            worker: one_of(rng, &values::WORKERS).to_owned(),
            attempt: rng.random_range(1..5),
            trades: (0..up_to(rng, 4)).map(|_| values::trade(rng, &ticker)).collect(),
            transitions: changed.into_iter().map(|trade| values::transition(rng, trade)).collect(),
            marks: marked.into_iter().map(|trade| (trade.id.clone(), values::mark(rng))).collect(),
            explanations: if chance(rng, 50) { vec![0, rng.random(), 255] } else { Vec::new() },
            summary: chance(rng, 70).then(|| values::summary(rng)),
            ticker,
        };
        let ids: Vec<&str> = commit.trades.iter().map(|trade| trade.id.as_str()).collect();
        let what = format!("commit {} of {} with {ids:?}, {:?}", commit.ticker, commit.scan, commit.transitions);
        self.act(what, async |store| store.commit(&commit).await).await.map(drop)
    }

    async fn seal(&mut self) -> Result<(), Difference> {
        let lease = self.lease();
        self.seal_under(lease).await
    }

    pub(super) async fn seal_under(&mut self, lease: Lease) -> Result<(), Difference> {
        self.act(format!("seal {lease:?}"), async |store| store.seal(&lease).await).await.map(drop)
    }

    async fn settle(&mut self) -> Result<(), Difference> {
        let lease = self.lease();
        self.settle_under(lease).await
    }

    pub(super) async fn settle_under(&mut self, lease: Lease) -> Result<(), Difference> {
        let version = self.ask("portfolio version", async |store| store.portfolio_version().await).await?;
        let basis = version.unwrap_or(0).saturating_sub(u64::from(chance(&mut self.rng, 10)));
        let mut decision = PortfolioDecision { basis, ..PortfolioDecision::default() };
        for trade in self.some_trades().await? {
            let id = trade.id;
            let rng = &mut self.rng;
            if chance(rng, 60) {
                decision.taken.push(id.clone());
            }
            if chance(rng, 30) {
                decision.capped.push(id.clone());
            }
            if chance(rng, 60) {
                decision.notices.push(values::notice(rng, &id, NoticeKind::Buy));
            }
        }
        let what = format!("settle {lease:?}: {:?}, {:?} on {basis}", decision.taken, decision.capped);
        self.act(what, async |store| store.settle(&lease, &decision).await).await.map(drop)
    }

    async fn note_requests(&mut self) -> Result<(), Difference> {
        let lease = self.lease();
        let vendor = one_of(&mut self.rng, &Vendor::ALL);
        let requests = RequestCounts::of([(vendor, self.rng.random_range(0..9))]);
        let what = format!("note {requests:?} for {lease:?}");
        self.act(what, async |store| store.note_requests(&lease, &requests).await).await.map(drop)
    }

    pub(super) async fn prune(&mut self) -> Result<(), Difference> {
        let before = self.clock.now() - SignedDuration::from_secs(self.rng.random_range(0..200));
        let at_most = one_of(&mut self.rng, &[0, 1, u64::MAX]);
        let what = format!("prune {at_most} before {before}");
        self.act(what, async |store| store.prune_scans(before, at_most).await).await.map(|pruned| {
            self.reach(format!("pruned {}", pruned.unwrap_or(0)));
        })
    }

    async fn trade(&mut self) -> Result<(), Difference> {
        let trades = self.some_trades().await?;
        let mut id = trades[up_to(&mut self.rng, trades.len() - 1)].id.clone();
        // Often one that somebody was, or is being, told of.
        if chance(&mut self.rng, 40)
            && let Some((_, key)) = self.some_claim()
        {
            id = TradeId::from_user(key.split('|').next().unwrap_or_default());
        }
        if chance(&mut self.rng, 35) {
            return self.act(format!("ignore {id}"), async |store| store.ignore_trade(&id).await).await.map(drop);
        }
        let exit = values::exit(&mut self.rng);
        self.act(format!("close {id}"), async |store| store.close_trade(&id, &exit).await).await.map(drop)
    }

    async fn notice(&mut self) -> Result<(), Difference> {
        let holder = values::holder(&mut self.rng);
        if chance(&mut self.rng, 50) {
            let claim = NoticeClaim {
                max: self.rng.random_range(0..4),
                lasts: Duration::from_secs(self.rng.random_range(0..60)),
                as_of: values::minute(self.rng.random_range(0..60)),
            };
            let what = format!("{} claims {claim:?}", holder.0);
            let claimed = self.act(what, async |store| store.claim_notices(&holder, &claim).await).await?;
            for notice in claimed.unwrap_or_default() {
                self.reach(format!("claimed {}", notice.notice.kind.word()));
                self.claims.push((holder.clone(), notice.key));
            }
            return Ok(());
        }
        let none = (holder, "no such key".to_owned());
        let (claimer, key) = self.some_claim().unwrap_or(none);
        if chance(&mut self.rng, 50) {
            return self.act(format!("confirm {key}"), async |store| store.confirm_notice(&key).await).await.map(drop);
        }
        let claimer = if chance(&mut self.rng, 80) { claimer } else { values::holder(&mut self.rng) };
        let what = format!("{} releases {key}", claimer.0);
        self.act(what, async |store| store.release_notice(&claimer, &key).await).await.map(drop)
    }

    /// Often the newest: it may still be good.
    fn some_claim(&mut self) -> Option<(Holder, String)> {
        let claims = self.claims.len();
        let place = if chance(&mut self.rng, 50) { claims.saturating_sub(1) } else { up_to(&mut self.rng, claims) };
        self.claims.get(place).cloned()
    }

    async fn budget(&mut self) -> Result<(), Difference> {
        let vendor = one_of(&mut self.rng, &Vendor::ALL);
        if chance(&mut self.rng, 20) {
            let wait = Duration::from_micros(self.rng.random_range(0..20_000_000));
            let what = format!("block {vendor} for {wait:?}");
            return self.act(what, async |store| store.block(vendor, wait).await).await.map(drop);
        }
        // Greedy: several draws at once, so that the horizon is reached.
        for _ in 0..self.rng.random_range(1..6) {
            let per_sec = one_of(&mut self.rng, &[0.0, 0.05, 0.3, 1.0, 3.3, 20.0, 9_999.0]);
            let want = one_of(&mut self.rng, &[0, 1, 7, 100_000]);
            let what = format!("draw {want} of {vendor} at {per_sec}/s");
            self.act(what, async |store| store.draw(vendor, per_sec, want).await).await?;
        }
        Ok(())
    }

    async fn cache(&mut self) -> Result<(), Difference> {
        let session = values::session(&mut self.rng);
        let (series, of) = (values::bars(&mut self.rng), values::instrument(&mut self.rng));
        let what = format!("keep bars of {} for {session}", series.instrument);
        let whole_in = chance(&mut self.rng, 50).then_some(session);
        let bars = KeptBars { series, whole_in };
        self.act(what, async |store| store.cache_bars(session, &bars).await).await?;
        let _ = self.ask("earlier bars", async |store| store.earlier_bars(&of, session).await).await?;
        self.ask("bars", async |store| store.cached_bars(&of, session).await).await.map(drop)
    }

    async fn roster(&mut self) -> Result<(), Difference> {
        let report = values::report(&mut self.rng);
        if chance(&mut self.rng, 30) {
            let name = report.name;
            return self.act(format!("{name} leaves"), async |store| store.check_out(&name).await).await.map(drop);
        }
        let lasts = Duration::from_secs(self.rng.random_range(0..60));
        let what = format!("{} is there for {lasts:?}", report.name);
        self.act(what, async |store| store.check_in(&report, lasts).await).await.map(drop)
    }
}

/// A number from 0 to this.
pub(super) fn up_to(rng: &mut rand_chacha::ChaCha8Rng, most: usize) -> usize {
    rng.random_range(0..=most)
}
