//! Black prices and implied volatilities on the whole reference grid.

use fleet_pricing::{Kind, black};

use crate::files::shared;

/// Times the error that rounding of the price alone makes unavoidable.
const ATTAINABLE: f64 = 4.0;

#[test]
fn every_volatility_of_the_reference_grid_comes_back() {
    let Some(rows) = shared("reference/european-grid.csv") else { return };
    assert_eq!(rows.len(), 1536);
    let mut inverted = 0;
    for row in rows {
        let [forward, strike, years, vol, is_call, price, otm_price, vega] = row[..] else { panic!("{row:?}") };
        let kind = if is_call == 1.0 { Kind::Call } else { Kind::Put };
        let got = black::on_forward(kind, forward, strike, years, vol);
        assert!(
            (got - price).abs() <= 1e-13 * price.max(forward),
            "{kind:?} {strike} {years} {vol}: {got}, not {price}"
        );
        let otm = if strike >= forward { Kind::Call } else { Kind::Put };
        let ulp = f64::EPSILON;
        let attainable = (ulp * vol).max(ulp * otm_price / vega);
        let got = black::vol_on_forward(otm, forward, strike, years, otm_price)
            .unwrap_or_else(|| panic!("no volatility: {otm:?} {strike} {years} {vol}"));
        let error = (got - vol).abs();
        assert!(error <= ATTAINABLE * attainable, "{otm:?} {strike} {years} {vol}: {error:e} of {attainable:e}");
        inverted += 1;
    }
    assert_eq!(inverted, 1536);
}
