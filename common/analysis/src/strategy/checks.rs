//! Checks that several strategies make, so that the same question has the same name everywhere.

use fleet_core::domain::{Check, Operator, OptionKind, Verdict};

use super::{ContractView, UnderlyingView, holds};

/// `is_call` or `is_put`.
pub(super) fn kind(contract: &ContractView<'_>, wanted: OptionKind) -> Check {
    let name = match wanted {
        OptionKind::Call => "is_call",
        OptionKind::Put => "is_put",
    };
    Check::new(name, Some(holds(contract.quote.symbol.kind == wanted)), Operator::AtLeast, 1.0)
}

/// `dte_min`, `dte_max`.
pub(super) fn dte(contract: &ContractView<'_>, [from, to]: [i32; 2]) -> [Check; 2] {
    let dte = Some(f64::from(contract.dte));
    [
        Check::new("dte_min", dte, Operator::AtLeast, from.into()),
        Check::new("dte_max", dte, Operator::AtMost, to.into()),
    ]
}

/// `delta_min`, `delta_max`: of calls.
pub(super) fn delta(contract: &ContractView<'_>, [from, to]: [f64; 2]) -> [Check; 2] {
    [
        Check::new("delta_min", contract.delta, Operator::AtLeast, from),
        Check::new("delta_max", contract.delta, Operator::AtMost, to),
    ]
}

/// `abs_delta_min`, `abs_delta_max`: delta without its sign.
pub(super) fn abs_delta(contract: &ContractView<'_>, [from, to]: [f64; 2]) -> [Check; 2] {
    let delta = contract.delta.map(f64::abs);
    [
        Check::new("abs_delta_min", delta, Operator::AtLeast, from),
        Check::new("abs_delta_max", delta, Operator::AtMost, to),
    ]
}

/// `earnings_before_expiration`: 0 where the company does not report from today to the expiration.
pub(super) fn no_earnings(contract: &ContractView<'_>, underlying: &UnderlyingView<'_>) -> Check {
    let reports = underlying.earnings.until(contract.quote.symbol.expiration);
    Check::new("earnings_before_expiration", reports, Operator::AtMost, 0.0)
}

/// A check that only scores.
pub(super) fn scored(check: Check) -> Check {
    Check { mandatory: false, ..check }
}

/// One of two is enough: 1 where one holds, 0 where neither does, unknown where that hangs on an unknown one. The two
/// stand before it, for people.
pub(super) fn either(name: &'static str, one: Check, other: Check) -> [Check; 3] {
    let verdicts = [one.verdict, other.verdict];
    let value = if verdicts.contains(&Verdict::Pass) {
        Some(1.0)
    } else if verdicts.contains(&Verdict::Unknown) {
        None
    } else {
        Some(0.0)
    };
    [scored(one), scored(other), Check::new(name, value, Operator::AtLeast, 1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_two_is_enough_and_an_unknown_one_may_be_the_one() {
        let check = |value| Check::new("x", value, Operator::AtLeast, 1.0);
        let of = |a, b| either("either", check(a), check(b))[2].verdict;
        assert_eq!(of(Some(1.0), None), Verdict::Pass);
        assert_eq!(of(None, Some(2.0)), Verdict::Pass);
        assert_eq!(of(Some(0.0), Some(0.0)), Verdict::Fail);
        assert_eq!(of(Some(0.0), None), Verdict::Unknown);
        assert_eq!(of(None, None), Verdict::Unknown);
        assert!(!either("either", check(None), check(None))[0].mandatory);
    }
}
