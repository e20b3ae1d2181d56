//! How much a contract and a chain are traded, beside what is usual and what is open.
//!
//! Promises: open interest is that of the previous session's close (it is published once a day), volume is today's so
//! far. Refuses: to divide by nothing; a count that is not known makes its ratio `None`.

use fleet_core::domain::OptionKind;

use super::{finite, positive};
use crate::bars::median;

/// Usual volume is the median, or mean, of so many sessions before today.
pub const USUAL_SESSIONS: usize = 20;
/// Put/call ratios look so many calendar days ahead unless configured: old open interest in far expirations says nothing
/// of today.
pub const PUT_CALL_DTE: i32 = 60;

/// Volume against open interest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum VolumeToOpenInterest {
    /// Today's volume over the open interest, 0 or more.
    Ratio(f64),
    /// Traded today with nothing open before: it is new.
    New,
}

impl VolumeToOpenInterest {
    /// `None` where a count is not known, or nothing is open and nothing traded.
    #[must_use]
    pub fn of(volume: Option<u64>, open_interest: Option<u64>) -> Option<Self> {
        match (volume?, open_interest?) {
            (0, 0) => None,
            (_, 0) => Some(Self::New),
            (volume, open) => Some(Self::Ratio(volume as f64 / open as f64)),
        }
    }

    /// The ratio; `None` for a new contract.
    #[must_use]
    pub const fn ratio(self) -> Option<f64> {
        match self {
            Self::Ratio(ratio) => Some(ratio),
            Self::New => None,
        }
    }
}

/// Today's volume of one contract beside what is usual.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RelativeVolume {
    /// Over the contract's own median volume of the 20 sessions before today.
    pub to_own_median: Option<f64>,
    /// Over the mean daily volume of all the underlying's options in the 20 sessions before today.
    pub to_underlying_mean: Option<f64>,
}

impl RelativeVolume {
    /// From volumes by session, oldest first, the running session's not among them. A session in which a contract was
    /// not traded is a 0. Fewer than 20 sessions tell no usual volume, and a usual volume of 0 no ratio.
    #[must_use]
    pub fn of(volume: Option<u64>, own: &[u64], underlying_options: &[u64]) -> Self {
        let Some(volume) = volume.map(|volume| volume as f64) else { return Self::default() };
        let over = |usual: f64| finite(volume / positive(usual)?);
        Self {
            to_own_median: usual(own).and_then(|mut own| median(&mut own)).and_then(over),
            to_underlying_mean: usual(underlying_options)
                .map(|all| all.iter().sum::<f64>() / USUAL_SESSIONS as f64)
                .and_then(over),
        }
    }
}

fn usual(volumes: &[u64]) -> Option<Vec<f64>> {
    let start = volumes.len().checked_sub(USUAL_SESSIONS)?;
    Some(volumes[start..].iter().map(|volume| *volume as f64).collect())
}

/// One contract's share in the ratios of its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// Call or put.
    pub kind: OptionKind,
    /// Calendar days to expiration.
    pub dte: i32,
    /// Contracts today; `None` where not known.
    pub volume: Option<u64>,
    /// Contracts open; `None` where not known.
    pub open_interest: Option<u64>,
}

/// Puts over calls, ratios of 0 or more.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PutCall {
    /// Σ put volume / Σ call volume. `None` where no call is known to have traded.
    pub volume: Option<f64>,
    /// Σ put open interest / Σ call open interest. `None` where no call is known to be open.
    pub open_interest: Option<f64>,
}

/// Contracts traded and open; `None` where no count was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Total {
    /// Traded today.
    pub volume: Option<u64>,
    /// Open.
    pub open_interest: Option<u64>,
}

/// The counts of a chain, summed in one pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// All calls, whatever their expiration.
    pub all_calls: Total,
    /// All puts.
    pub all_puts: Total,
    /// Calls near enough for the ratios.
    pub near_calls: Total,
    /// Puts near enough.
    pub near_puts: Total,
}

impl Total {
    fn add(&mut self, contract: &Activity) {
        let add = |sum: &mut Option<u64>, count: Option<u64>| {
            if let Some(count) = count {
                *sum = Some(sum.unwrap_or(0).saturating_add(count));
            }
        };
        add(&mut self.volume, contract.volume);
        add(&mut self.open_interest, contract.open_interest);
    }
}

impl Counted {
    /// Takes in one contract; at most `max_dte` calendar days from expiration, and not expired, it counts as near.
    pub fn count(&mut self, contract: &Activity, max_dte: i32) {
        let (all, near) = match contract.kind {
            OptionKind::Call => (&mut self.all_calls, &mut self.near_calls),
            OptionKind::Put => (&mut self.all_puts, &mut self.near_puts),
        };
        all.add(contract);
        if (0..=max_dte).contains(&contract.dte) {
            near.add(contract);
        }
    }

    /// Near puts over near calls. A count that is not known takes no part; where none of a chain's puts is known, there is no
    /// ratio either.
    #[must_use]
    pub fn ratios(&self) -> PutCall {
        let ratio = |puts: Option<u64>, calls: Option<u64>| finite(puts? as f64 / positive(calls? as f64)?);
        PutCall {
            volume: ratio(self.near_puts.volume, self.near_calls.volume),
            open_interest: ratio(self.near_puts.open_interest, self.near_calls.open_interest),
        }
    }
}

#[cfg(test)]
mod tests {
    use OptionKind::{Call, Put};

    use super::*;

    #[test]
    fn volume_against_open_interest() {
        let of = VolumeToOpenInterest::of;
        // The example of the unusual-volume notice: 9,120 of an open interest of 7,296.
        assert_eq!(of(Some(9_120), Some(7_296)), Some(VolumeToOpenInterest::Ratio(1.25)));
        assert_eq!(of(Some(0), Some(50)).and_then(VolumeToOpenInterest::ratio), Some(0.0));
        assert_eq!(of(Some(3), Some(0)), Some(VolumeToOpenInterest::New));
        assert_eq!(VolumeToOpenInterest::New.ratio(), None);
        assert_eq!([of(Some(0), Some(0)), of(None, Some(5)), of(Some(5), None)], [None; 3]);
    }

    #[test]
    fn relative_volume_by_hand() {
        // Ten sessions of 10 and ten of 30: the median is 20; an older 9,999 is not read. The underlying's: 20 of 500.
        let mut own = vec![9_999];
        own.extend([10, 30].repeat(10));
        let relative = RelativeVolume::of(Some(50), &own, &[500; 20]);
        assert_eq!(relative, RelativeVolume { to_own_median: Some(2.5), to_underlying_mean: Some(0.1) });
    }

    #[test]
    fn nothing_usual_is_nothing_relative() {
        let none = RelativeVolume::default();
        assert_eq!(RelativeVolume::of(Some(50), &[10; 19], &[500; 19]), none);
        assert_eq!(RelativeVolume::of(Some(50), &[0; 20], &[0; 20]), none);
        assert_eq!(RelativeVolume::of(None, &[10; 20], &[500; 20]), none);
        assert_eq!(RelativeVolume::of(Some(0), &[10; 20], &[]).to_own_median, Some(0.0));
    }

    fn row(kind: OptionKind, dte: i32, volume: Option<u64>, open_interest: Option<u64>) -> Activity {
        Activity { kind, dte, volume, open_interest }
    }

    fn ratios(rows: &[Activity], max_dte: i32) -> PutCall {
        let mut counted = Counted::default();
        rows.iter().for_each(|row| counted.count(row, max_dte));
        counted.ratios()
    }

    #[test]
    fn put_call_by_hand() {
        // (30 + 45)/(100 + 50) and 600/1000; the far expiration and the expired one are not counted.
        let rows = [
            row(Put, 0, Some(30), Some(600)),
            row(Put, 60, Some(45), None),
            row(Call, 10, Some(100), Some(1000)),
            row(Call, 30, Some(50), Some(0)),
            row(Put, 61, Some(9_999), Some(9_999)),
            row(Call, -1, Some(9_999), Some(9_999)),
        ];
        let told = ratios(&rows, PUT_CALL_DTE);
        assert_eq!(told, PutCall { volume: Some(0.5), open_interest: Some(0.6) });
    }

    #[test]
    fn no_calls_no_ratio() {
        let told = ratios(&[row(Put, 5, Some(30), Some(6)), row(Call, 5, Some(0), None)], 60);
        assert_eq!(told, PutCall::default());
        let unknown_puts = ratios(&[row(Put, 5, None, Some(0)), row(Call, 5, Some(8), Some(8))], 60);
        assert_eq!(unknown_puts, PutCall { volume: None, open_interest: Some(0.0) });
    }
}
