//! Bars that came over gateways and wait until a canary vouches for them.
//!
//! What the store keeps is read by every worker and by later scans of the session, and a gateway that serves old data is
//! found out only later. So bars that came over one are not given to the store when they arrive, but when a canary that
//! left later over the same gateway was fine; what is in doubt by then is forgotten, and fetched anew by whoever wants it.
//! Until then only their own ticker's next delivery uses them, under the same doubt. Refuses: to hold more than
//! 512 series, or to outlive the scan: what nobody vouched for by its end is asked for again.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fleet_core::domain::{BarSeries, Instrument, KeptBars};
use fleet_core::seams::{GatewayPass, MarketData, Trust};
use jiff::civil::Date;

/// Series held. Canaries come within a minute or so, in which a process fetches a few hundred; of a contract a series has
/// some 20 kB, so that these are about 10 MB. The oldest go first.
const MOST: usize = 512;
/// Series given to the store at the end of one ticker: none waits long for what others fetched, and each leaves more
/// than one ticker adds.
const AT_ONCE: usize = 32;

/// What waits. One of these a scan and process.
#[derive(Debug, Default)]
pub struct Unvouched(Mutex<VecDeque<Waiting>>);

#[derive(Debug)]
struct Waiting {
    session: Date,
    bars: KeptBars,
    passes: Vec<GatewayPass>,
}

impl Waiting {
    fn is_of(&self, instrument: &Instrument, session: Date) -> bool {
        self.session == session && self.bars.series.instrument == *instrument
    }
}

impl Unvouched {
    /// Holds bars that came by these ways, in place of any held before for the same session.
    pub(crate) fn put(&self, session: Date, bars: KeptBars, passes: Vec<GatewayPass>) {
        let mut waiting = self.lock();
        waiting.retain(|held| !held.is_of(&bars.series.instrument, session));
        while waiting.len() >= MOST {
            waiting.pop_front();
        }
        waiting.push_back(Waiting { session, bars, passes });
    }

    /// Bars held for a session, and the ways they came by; none that are in doubt.
    pub(crate) fn find(
        &self,
        market: &dyn MarketData,
        instrument: &Instrument,
        session: Date,
    ) -> Option<(BarSeries, Vec<GatewayPass>)> {
        let waiting = self.lock();
        let held = waiting.iter().find(|held| held.is_of(instrument, session))?;
        (market.trust(&held.passes) != Trust::Never).then(|| (held.bars.series.clone(), held.passes.clone()))
    }

    /// Takes out what is vouched for by now, some of it at a time, and forgets what never will be.
    pub(crate) fn vouched(&self, market: &dyn MarketData) -> Vec<(Date, KeptBars)> {
        let mut waiting = self.lock();
        let (mut vouched, mut rest) = (Vec::new(), VecDeque::with_capacity(waiting.len()));
        for held in waiting.drain(..) {
            match market.trust(&held.passes) {
                Trust::Vouched if vouched.len() < AT_ONCE => vouched.push((held.session, held.bars)),
                Trust::Vouched | Trust::Open => rest.push_back(held),
                Trust::Never => {}
            }
        }
        *waiting = rest;
        vouched
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
