//! The arithmetic of request budgets: a generic cell rate algorithm without burst. Pure, so that every store (SQL
//! here, a script elsewhere) draws by the same rule, and so that the rule can be checked without a store.
//!
//! The promise: in any window of ten seconds at most `10 × per_sec` requests leave, over all callers. Permits that
//! are exactly `1 / per_sec` apart would break it: eleven posts stand on ten metres of fence. So the spacing is
//! chosen such that ten seconds *and some* pass between a request and the N-th after it, N = ⌊10 × per_sec⌋:
//!
//! ```text
//! spacing = (10 s + JITTER) / N        (N ≥ 1)
//! spacing = (1 s + JITTER / 10) / per_sec   (N = 0: slower than one request in ten seconds)
//! ```
//!
//! `JITTER` (0.3 s) is what a request may be late against its permit relative to the N-th after it: a connection
//! set-up, a busy scheduler. It costs 3 % of the throughput. A process that stands still for longer must not send
//! what it then holds all at once: the caller keeps `spacing` between its own requests as they really leave.
//!
//! Permits lie at most [`HORIZON`] ahead (or one spacing, where that is longer), so that a vendor's "stop" reaches
//! everybody within about a second. Whoever asks when that much is handed out is told to ask again: nothing is
//! reserved for it.

use std::time::Duration;

use fleet_core::domain::Vendor;
use fleet_core::seams::{BudgetAnswer, BudgetStand};

/// How far ahead permits are handed out.
pub const HORIZON: Duration = Duration::from_secs(1);
/// The window of the promise.
pub const WINDOW: Duration = Duration::from_secs(10);
/// Lateness between two requests a window apart that is allowed for.
pub const JITTER: Duration = Duration::from_millis(300);
/// A vendor's "stop" is believed for at most a day: more is a unit error of theirs, or our clock was set back.
pub const MAX_BLOCK: Duration = Duration::from_secs(24 * 3600);
/// Faster budgets are refused; no vendor of ours allows a hundredth of it.
pub const MAX_PER_SEC: f64 = 10_000.0;
/// Slower budgets are refused: less than one request in a day is no budget but "never".
pub const MIN_PER_SEC: f64 = 1.0 / 86_400.0;

/// What a store keeps for one vendor. Instants are microseconds of the store's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BudgetState {
    /// The next permit may leave then.
    pub next_us: i64,
    /// Nobody draws before.
    pub blocked_until_us: i64,
}

/// The budget asked for is no rate we can keep.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a budget of {0} requests a second cannot be kept; it must be above one a day and at most {MAX_PER_SEC}")]
pub struct BadBudget(pub f64);

/// Time between two permits.
pub fn spacing(per_sec: f64) -> Result<Duration, BadBudget> {
    if !(MIN_PER_SEC..=MAX_PER_SEC).contains(&per_sec) {
        return Err(BadBudget(per_sec));
    }
    // 0.3 × 10 is 2.999…: a hair is added before rounding down.
    let in_window = (WINDOW.as_secs_f64() * per_sec + 1e-9).floor();
    let stretched = (WINDOW + JITTER).as_secs_f64();
    let secs = if in_window >= 1.0 { stretched / in_window } else { stretched / (WINDOW.as_secs_f64() * per_sec) };
    Ok(Duration::from_micros((secs * 1e6).ceil() as u64))
}

/// Draws up to `want` permits (at least one, at most a second's worth) at `now_us`; the state to keep, and the answer.
pub fn draw(
    state: BudgetState,
    now_us: i64,
    per_sec: f64,
    want: u32,
) -> Result<(BudgetState, BudgetAnswer), BadBudget> {
    let spacing = spacing(per_sec)?;
    let step = micros(spacing);
    let horizon = micros(HORIZON).max(step);
    // Both bounds only bite when the clock was set back, or a slower budget was in force before.
    let blocked_until_us = state.blocked_until_us.min(now_us.saturating_add(micros(MAX_BLOCK)));
    let start = state.next_us.clamp(now_us, now_us.saturating_add(horizon + step));
    let kept = BudgetState { next_us: start, blocked_until_us };
    if blocked_until_us > now_us {
        return Ok((kept, BudgetAnswer::Blocked { retry_in: duration(blocked_until_us - now_us) }));
    }
    let lead = start - now_us;
    if lead > horizon {
        // At least a millisecond, so that nobody spins on a rounding.
        return Ok((kept, BudgetAnswer::Blocked { retry_in: duration((lead - horizon).max(1_000)) }));
    }
    let fits = 1 + (horizon - lead) / step;
    let one_second = (per_sec.floor() as i64).max(1);
    let permits = i64::from(want.max(1)).min(fits).min(one_second);
    let next = BudgetState { next_us: start + permits * step, blocked_until_us };
    let granted = BudgetAnswer::Granted { permits: permits as u32, start_in: duration(lead), spacing };
    Ok((next, granted))
}

/// The state after a vendor said "stop" at `now_us`: the longest wait wins.
#[must_use]
pub fn block(state: BudgetState, now_us: i64, wait: Duration) -> BudgetState {
    let until = now_us.saturating_add(micros(wait.min(MAX_BLOCK)));
    BudgetState { blocked_until_us: state.blocked_until_us.max(until), ..state }
}

/// Where a budget stands at `now_us`, for people who ask.
#[must_use]
pub fn stand(vendor: Vendor, state: BudgetState, now_us: i64) -> BudgetStand {
    BudgetStand {
        vendor,
        next_in: duration(state.next_us.saturating_sub(now_us)),
        blocked_for: duration(state.blocked_until_us.saturating_sub(now_us)),
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that leaves in `secs` seconds when greedy callers ask at once whenever they may.
    fn leaves(per_sec: f64, secs: i64) -> Vec<i64> {
        let (mut state, mut now, mut out) = (BudgetState::default(), 1_000_000_000, Vec::new());
        let end = now + secs * 1_000_000;
        while now < end {
            let (next, answer) = draw(state, now, per_sec, 7).unwrap();
            state = next;
            match answer {
                BudgetAnswer::Granted { permits, start_in, spacing } => {
                    out.extend((0..i64::from(permits)).map(|i| now + micros(start_in) + i * micros(spacing)));
                }
                BudgetAnswer::Blocked { retry_in } => now += micros(retry_in),
            }
        }
        out
    }

    #[test]
    fn no_window_of_ten_seconds_holds_more_than_the_budget() {
        for per_sec in [0.01, 0.05, 0.1, 0.15, 0.25, 0.3, 0.99, 1.0, 1.5, 2.0, 3.3, 10.0, 20.0, 100.0] {
            let secs = if per_sec < 1.0 { 400 } else { 60 };
            let leaves = leaves(per_sec, secs);
            let allowed = ((10.0 * per_sec + 1e-9).floor() as usize).max(1);
            let widest = micros(WINDOW + JITTER) - 1;
            for (i, first) in leaves.iter().enumerate() {
                let inside = leaves[i..].iter().take_while(|at| **at <= first + widest).count();
                assert!(inside <= allowed, "{inside} requests in a window at {per_sec}/s");
            }
            let rate = leaves.len() as f64 / secs as f64;
            assert!(leaves.len() >= 2 && (per_sec < 1.0 || rate > per_sec * 0.9), "{rate}/s of {per_sec}/s left");
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for per_sec in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-9, 1e9] {
            assert!(draw(BudgetState::default(), 0, per_sec, 1).is_err(), "{per_sec} was taken for a rate");
        }
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_budget() {
        let state = BudgetState { next_us: 9_000_000_000, blocked_until_us: 0 };
        let (_, answer) = draw(state, 0, 1.0, 1).unwrap();
        assert!(
            matches!(answer, BudgetAnswer::Blocked { retry_in } if retry_in < Duration::from_secs(2)),
            "{answer:?}"
        );
    }

    #[test]
    fn the_longest_block_wins() {
        let state = block(block(BudgetState::default(), 0, Duration::from_secs(30)), 0, Duration::from_secs(3));
        let (state, answer) = draw(state, 1_000_000, 5.0, 1).unwrap();
        assert_eq!(answer, BudgetAnswer::Blocked { retry_in: Duration::from_secs(29) });
        assert!(matches!(draw(state, 30_000_000, 5.0, 1).unwrap().1, BudgetAnswer::Granted { permits: 1, .. }));
    }
}
