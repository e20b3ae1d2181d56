//! Plain mathematics of the oracle: slow, textbook, and nobody else's code.

/// erfc by the series of erf below 2 and by its continued fraction above; a few units in the last place.
pub fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    if x < 2.0 {
        // erf(x) = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)): every term is positive.
        let mut term = x;
        let mut sum = x;
        let mut n = 0.0;
        while term > sum * 1e-18 {
            n += 1.0;
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
        }
        return 1.0 - 2.0 / std::f64::consts::PI.sqrt() * (-x * x).exp() * sum;
    }
    // erfc(x) = e^(−x²)/√π · 1/(x + ½/(x + 1/(x + 3⁄2/(x + …)))), from the inside out.
    let mut tail = x;
    for n in (1..=200).rev() {
        tail = x + f64::from(n) / 2.0 / tail;
    }
    (-x * x).exp() / std::f64::consts::PI.sqrt() / tail
}

/// The normal distribution.
pub fn normal(x: f64) -> f64 {
    erfc(-x / std::f64::consts::SQRT_2) / 2.0
}

/// Black's price on a forward; `call` or put.
pub fn black(call: bool, forward: f64, strike: f64, years: f64, rate: f64, vol: f64) -> f64 {
    let (d1, d2) = d1_d2(forward, strike, years, vol);
    let discount = (-rate * years).exp();
    if call {
        discount * (forward * normal(d1) - strike * normal(d2))
    } else {
        discount * (strike * normal(-d2) - forward * normal(-d1))
    }
}

/// d1 and d2.
pub fn d1_d2(forward: f64, strike: f64, years: f64, vol: f64) -> (f64, f64) {
    let width = vol * years.sqrt();
    let d1 = ((forward / strike).ln() + width * width / 2.0) / width;
    (d1, d1 - width)
}

/// The volatility in [0.01, 5] at which Black's price is `price`, by bisection of the out-of-the-money side's price
/// (the in-the-money side's has no digits left of its time value). `None` outside the prices those two give.
pub fn implied_vol(call: bool, price: f64, forward: f64, strike: f64, years: f64, rate: f64) -> Option<f64> {
    let discount = (-rate * years).exp();
    let otm_is_call = strike >= forward;
    let otm = if call == otm_is_call {
        price
    } else if call {
        price - discount * (forward - strike)
    } else {
        price - discount * (strike - forward)
    };
    let (mut low, mut high) = (0.01, 5.0);
    let at = |vol| black(otm_is_call, forward, strike, years, rate, vol);
    if !(at(low) <= otm && otm <= at(high)) {
        return None;
    }
    while high - low > 1e-13 {
        let middle = (low + high) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if at(middle) < otm { low = middle } else { high = middle }
    }
    Some((low + high) / 2.0)
}

/// The lower median: of an even number the smaller of the middle two.
pub fn lower_median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod golden {
    use super::*;

    #[test]
    fn the_golden_values_of_the_analytics() {
        let day = 365.0;
        // (call, spot, strike, rate, yield, vol, days, price, delta)
        let cases = [
            (true, 100.0, 105.0, 0.04, 0.0, 0.30, 45.0, 2.419_380, 0.358_042),
            (false, 100.0, 95.0, 0.04, 0.0, 0.30, 45.0, 1.919_748, -0.278_793),
            (true, 279.0, 279.0, 0.0, 0.0, 0.15, 45.0, 5.861_586, 0.510_505),
            (false, 50.0, 45.0, 0.05, 0.02, 0.55, 30.0, 1.093_165, -0.222_464),
        ];
        for (call, spot, strike, rate, yield_, vol, days, price, delta) in cases {
            let years: f64 = days / day;
            let forward = spot * ((rate - yield_) * years).exp();
            let got = black(call, forward, strike, years, rate, vol);
            assert!((got - price).abs() < 6e-7, "{got} is not {price}");
            let (d1, _) = d1_d2(forward, strike, years, vol);
            let n = if call { normal(d1) } else { -normal(-d1) };
            assert!(((-yield_ * years).exp() * n - delta).abs() < 6e-7);
            let back = implied_vol(call, got, forward, strike, years, rate).unwrap();
            assert!((back - vol).abs() < 1e-11, "{back} is not {vol}");
        }
    }

    #[test]
    fn erfc_has_its_known_values() {
        // Abramowitz and Stegun, table 7.1 and 7.3.
        for (x, value) in [
            (0.5, 0.479_500_122_186_953),
            (1.0, 0.157_299_207_050_285_13),
            (2.0, 4.677_734_981_047_266e-3),
            (3.0, 2.209_049_699_858_544e-5),
            (5.0, 1.537_459_794_428_035e-12),
        ] {
            assert!((erfc(x) / value - 1.0).abs() < 1e-13, "erfc({x}) = {}", erfc(x));
        }
        assert!((erfc(-1.0) - 1.842_700_792_949_715).abs() < 1e-15);
    }
}
