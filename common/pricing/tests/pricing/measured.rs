//! What the engine promises over wide ranges, measured on the same random contracts in each run: each test says its worst case
//! (`cargo nextest run -p fleet-pricing measured --no-capture`).

use fleet_pricing::american::{Smile, greeks, implied_vol, price};
use fleet_pricing::{Kind, Point, Quoted, Refused, Terms, black};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// Price tolerance at spot 100, dollars (ANALYTICS section 3).
const TOLERANCE: f64 = 0.002;

fn kind() -> impl Strategy<Value = Kind> {
    proptest::prop_oneof![proptest::strategy::Just(Kind::Put), proptest::strategy::Just(Kind::Call)]
}

/// A number whose logarithm is even over a range.
fn decades(low: f64, high: f64) -> impl Strategy<Value = f64> {
    (low.ln()..high.ln()).prop_map(f64::exp)
}

/// A day to three years, volatility .1 to 1.5, strikes 40 % to 250 %, rates and yields of −.5 to 10 %.
fn market() -> impl Strategy<Value = (Terms, f64)> {
    let rates = (-0.005..0.1_f64, 0.0..0.1_f64);
    (kind(), decades(40.0, 250.0), decades(1.0 / 365.0, 3.0), rates, decades(0.1, 1.5)).prop_map(
        |(kind, strike, years, (rate, yield_), vol)| (Terms { kind, spot: 100.0, strike, years, rate, yield_ }, vol),
    )
}

/// The same contracts in each run.
fn drawn<T>(count: usize, strategy: impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("a value").current()).collect()
}

/// The largest of what was measured, with where it was.
struct Worst<T>(f64, Option<T>);

impl<T: std::fmt::Debug> Worst<T> {
    fn new() -> Self {
        Self(0.0, None)
    }

    fn note(&mut self, value: f64, at: T) {
        assert!(value.is_finite(), "{value} at {at:?}");
        if value > self.0 {
            *self = Self(value, Some(at));
        }
    }

    #[track_caller]
    fn check(&self, what: &str, most: f64) {
        eprintln!("{what}: {:.3e} (at most {most:.1e}) at {:?}", self.0, self.1);
        assert!(self.0 <= most, "{what}: {:e} at {:?}", self.0, self.1);
    }
}

/// No refusal: the market's yields are never below its negative rates.
fn priced(terms: Terms, vol: f64) -> f64 {
    price(&terms, vol).unwrap_or_else(|refused| panic!("{terms:?} {vol}: {refused}"))
}

/// An American contract on a binomial tree (Cox, Ross and Rubinstein 1979) whose last step is Black and Scholes', from n and
/// 2n steps extrapolated (Broadie and Detemple 1996). A call is a call here: nothing is swapped, no boundary is solved.
fn tree(terms: &Terms, vol: f64) -> f64 {
    2.0 * binomial(terms, vol, 600) - binomial(terms, vol, 300)
}

fn binomial(terms: &Terms, vol: f64, steps: u32) -> f64 {
    let Terms { spot, strike, years, rate, yield_, .. } = *terms;
    let step = years / f64::from(steps);
    let (up, discount) = ((vol * step.sqrt()).exp(), (-rate * step).exp());
    let chance = (((rate - yield_) * step).exp() - 1.0 / up) / (up - 1.0 / up);
    assert!((0.0..=1.0).contains(&chance), "{terms:?} {vol}");
    let (rise, fall) = (discount * chance, discount * (1.0 - chance));
    let sign = terms.kind.sign();
    let at = |level: u32, ups: u32| spot * up.powi(2 * ups as i32 - level as i32);
    let (asset, cash) = ((-yield_ * step).exp(), strike * discount);
    // Where no price is that low or high it is worth its bound.
    let bound = |spot: f64| (sign * (spot * asset - cash)).max(0.0);
    let held = |spot: f64| black::price(&Terms { spot, years: step, ..*terms }, vol).unwrap_or_else(|_| bound(spot));
    let last = (0..steps).map(|ups| at(steps - 1, ups));
    let mut values: Vec<f64> = last.map(|spot| held(spot).max(sign * (spot - strike))).collect();
    for level in (0..steps - 1).rev() {
        let mut here = at(level, 0);
        for ups in 0..=level as usize {
            values[ups] = (fall * values[ups] + rise * values[ups + 1]).max(sign * (here - strike));
            here *= up * up;
        }
    }
    values[0]
}

/// The engine solves puts alone and takes a call for the put with spot and strike, rate and yield exchanged. Whether that is
/// so, and whether it exchanges them rightly, an engine must say that does not.
#[test]
fn calls_and_puts_are_what_a_tree_says_that_swaps_nothing() {
    let (mut calls, mut puts) = (Worst::new(), Worst::new());
    let mut early = [0, 0];
    for (terms, vol) in drawn(300, market()) {
        let (engine, tree) = (priced(terms, vol), tree(&terms, vol));
        // A tree's error grows with the spread of what may come.
        let scale = (vol * terms.years.sqrt()).max(1.0);
        let is_call = terms.kind == Kind::Call;
        let worst = if is_call { &mut calls } else { &mut puts };
        worst.note((engine - tree).abs() / scale, (terms, vol));
        early[usize::from(is_call)] += usize::from(tree > black::price(&terms, vol).expect("a price") + 0.01);
    }
    assert!(early.iter().all(|n| *n > 30), "{early:?} puts and calls are worth exercising early");
    calls.check("calls against a tree, dollars over max(1, standard deviations)", TOLERANCE);
    puts.check("puts against a tree, dollars over max(1, standard deviations)", TOLERANCE);
}

#[test]
fn early_exercise_is_never_worth_less_than_nothing() {
    let (mut below_european, mut below_exercise) = (Worst::new(), Worst::new());
    let mut early = 0;
    for (terms, vol) in drawn(3000, market()) {
        let (american, european) = (priced(terms, vol), black::price(&terms, vol).expect("a price"));
        below_european.note((european - american).max(0.0), (terms, vol));
        below_exercise.note((terms.intrinsic() - american).max(0.0), (terms, vol));
        early += usize::from(american > european + 0.01);
    }
    assert!(early > 800, "{early} of 3000 are worth exercising early");
    below_european.check("European above American, dollars", 1e-12);
    below_exercise.check("exercise above American, dollars", 0.0);
}

#[test]
fn prices_rise_and_bend_as_they_must() {
    let mut worst = Worst::new();
    for (terms, vol) in drawn(1500, market()) {
        let sign = terms.kind.sign();
        let here = priced(terms, vol);
        // Steps from a part of the money to a part of a standard deviation.
        for step in [0.25, 1.0, 4.0] {
            let spot = |by: f64| priced(Terms { spot: terms.spot + by, ..terms }, vol);
            let strike = |by: f64| priced(Terms { strike: terms.strike + by, ..terms }, vol);
            let (up, down) = (spot(step), spot(-step));
            let (above, below) = (strike(step), strike(-step));
            for wrong in [
                sign * (here - up),
                sign * (down - here),
                2.0 * here - up - down,
                sign * (above - here),
                sign * (here - below),
                2.0 * here - above - below,
                // No slope is steeper than exercise.
                (up - here).abs() - step,
                (above - here).abs() - step,
            ] {
                worst.note(wrong.max(0.0), (terms, vol));
            }
        }
        worst.note((here - priced(terms, vol * 1.03)).max(0.0), (terms, vol));
        worst.note((here - priced(Terms { years: terms.years * 1.03, ..terms }, vol)).max(0.0), (terms, vol));
    }
    worst.check("monotone and convex, dollars", 2.0 * TOLERANCE);
}

#[test]
fn greeks_are_the_slopes_of_the_price() {
    let (mut delta, mut gamma, mut theta, mut vega, mut rho) =
        (Worst::new(), Worst::new(), Worst::new(), Worst::new(), Worst::new());
    for (terms, vol) in drawn(600, market()) {
        let spread = vol * terms.years.sqrt();
        // At a day, or far from the money, the second difference is all rounding; the boundary is a kink of gamma and theta.
        let got = greeks(&terms, vol).unwrap_or_else(|refused| panic!("{terms:?} {vol}: {refused}"));
        let near_boundary = priced(terms, vol) - terms.intrinsic() < 0.02;
        if near_boundary || spread < 0.03 || terms.rate < 0.0 {
            continue;
        }
        let slope = |f: &dyn Fn(f64) -> f64, step: f64| (f(step) - f(-step)) / (2.0 * step);
        let spot = |by: f64| priced(Terms { spot: terms.spot + by, ..terms }, vol);
        let step = 10.0 * spread.min(0.1);
        delta.note((got.delta - slope(&spot, 0.1 * step)).abs(), (terms, vol));
        let curvature = (spot(step) - 2.0 * spot(0.0) + spot(-step)) / (step * step);
        // Per standard deviation, so that a day and three years are alike.
        gamma.note((got.gamma - curvature).abs() * 100.0 * spread, (terms, vol));
        let by_time = |by: f64| priced(Terms { years: terms.years + by, ..terms }, vol);
        let a_day = -slope(&by_time, 0.02 * terms.years) / 365.0;
        theta.note((got.theta_per_day - a_day).abs() / (0.01 + a_day.abs()), (terms, vol));
        let by_vol = |by: f64| priced(terms, vol + by);
        let a_point = slope(&by_vol, 2e-3) / 100.0;
        vega.note((got.vega_per_point - a_point).abs() / (0.01 + a_point.abs()), (terms, vol));
        let by_rate = |by: f64| priced(Terms { rate: terms.rate + by, ..terms }, vol);
        let of_rate = slope(&by_rate, 3e-4) / 100.0;
        rho.note((got.rho_per_point - of_rate).abs() / (0.01 + of_rate.abs()), (terms, vol));
    }
    delta.check("delta", 1.5e-4);
    gamma.check("gamma, per standard deviation", 5e-3);
    theta.check("theta, relative above a cent a day", 2e-3);
    vega.check("vega, relative above a cent", 5e-3);
    rho.check("rho, relative above a cent", 1e-3);
}

#[test]
fn a_smile_prices_as_its_contracts_do_alone() {
    let rates = (-0.005..0.1_f64, 0.0..0.1_f64);
    let shape = (0.1..1.5_f64, -0.8..0.4_f64, 0.0..1.0_f64);
    let smiles = (kind(), decades(1.0 / 365.0, 3.0), rates, shape);
    let (mut worst, mut worst_vol) = (Worst::new(), Worst::new());
    let (mut shared, mut told) = (0, 0);
    for (kind, years, (rate, yield_), (level, skew, bend)) in drawn(60, smiles) {
        let at = Terms { kind, spot: 100.0, strike: 100.0, years, rate, yield_ };
        let points: Vec<Point> = (0..41)
            .map(|n| {
                let strike = 50.0 + 2.5 * f64::from(n);
                let x = (strike / 100.0_f64).ln();
                Point { strike, vol: (level + skew * x + bend * x * x).clamp(0.1, 1.5) }
            })
            .collect();
        let mut smile = Smile::new(&at).expect("no refusal");
        let prices = smile.prices(&points);
        for (point, together) in points.iter().zip(&prices) {
            let terms = Terms { strike: point.strike, ..at };
            let (alone, together) = (priced(terms, point.vol), together.expect("a price"));
            shared += usize::from(alone != together);
            worst.note((alone - together).abs(), (terms, point.vol));
            let tells =
                alone - terms.intrinsic() >= 0.01 && greeks(&terms, point.vol).is_ok_and(|g| g.vega_per_point >= 2e-4);
            if tells {
                told += 1;
                let quoted = Quoted { strike: point.strike, price: alone, tick: 0.0 };
                let iv = smile.implied_vol(quoted).expect("no refusal").expect("a volatility");
                worst_vol.note((iv - point.vol).abs(), (terms, point.vol));
                let own = implied_vol(&terms, alone, 0.0).expect("no refusal").expect("a volatility");
                assert!((own - point.vol).abs() <= 1e-6, "{terms:?} {}: {own}", point.vol);
            }
        }
    }
    assert!(shared > 500 && told > 1000, "{shared} prices by shared boundaries, {told} tell their volatility");
    worst.check("shared against alone, dollars", 3e-4);
    worst_vol.check("volatility by shared boundaries of a price alone", 2e-4);
}

/// Every number the types let in, to the ends of their ranges.
#[test]
fn nothing_that_is_let_in_comes_out_as_no_number() {
    let ends = |low: f64, high: f64| {
        proptest::prop_oneof![
            1 => proptest::strategy::Just(low),
            1 => proptest::strategy::Just(high),
            6 => decades(low, high),
        ]
    };
    let rate = || {
        proptest::prop_oneof![
            1 => proptest::strategy::Just(-0.5),
            1 => proptest::strategy::Just(3.0),
            1 => proptest::strategy::Just(0.0),
            2 => -0.5..0.0_f64,
            4 => 0.0..3.0_f64,
        ]
    };
    let years = proptest::prop_oneof![1 => proptest::strategy::Just(0.0), 1 => proptest::strategy::Just(30.0), 6 => decades(1e-300, 30.0)];
    let all = (kind(), ends(1e-4, 1e8), ends(1e-4, 1e8), years, (rate(), rate()), ends(1e-4, 10.0));
    let (mut priced, mut refused_two) = (0, 0);
    for (kind, spot, strike, years, (rate, yield_), vol) in drawn(6000, all) {
        let terms = Terms { kind, spot, strike, years, rate, yield_ };
        let european = black::price(&terms, vol).expect("every number is in its range");
        assert!(european.is_finite() && european >= 0.0, "{terms:?} {vol}: {european}");
        match price(&terms, vol) {
            Ok(price) => {
                priced += 1;
                assert!(price.is_finite() && price >= terms.intrinsic(), "{terms:?} {vol}: {price}");
                let iv = implied_vol(&terms, price, 0.0).expect("no refusal");
                assert!(iv.is_none_or(|iv| black::IMPLIED.contains(&iv)), "{terms:?} {vol}: {iv:?}");
            }
            Err(refused) => {
                refused_two += 1;
                assert!(matches!(refused, Refused::TwoBoundaries { .. }), "{terms:?} {vol}: {refused}");
            }
        }
        match greeks(&terms, vol) {
            Ok(g) => {
                let all = [g.delta, g.gamma, g.theta_per_day, g.vega_per_point, g.rho_per_point];
                assert!(all.iter().all(|x| x.is_finite()), "{terms:?} {vol}: {g:?}");
            }
            Err(refused) => {
                let two = matches!(refused, Refused::TwoBoundaries { .. });
                assert!(two || (refused == Refused::Expired && years == 0.0), "{terms:?} {vol}: {refused}");
            }
        }
        for probability in [black::prob_itm(&terms, vol), black::prob_touch(&terms, vol)] {
            assert!(probability.map_or(years == 0.0, |p| (0.0..=1.0).contains(&p)), "{terms:?} {vol}: {probability:?}");
        }
    }
    eprintln!("{priced} priced, {refused_two} refused for two boundaries");
    assert!(priced > 4000 && refused_two > 50);
}
