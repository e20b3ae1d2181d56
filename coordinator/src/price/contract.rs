//! The texts of a row become one contract, or the reason why not. Every number's range is fleet-pricing's; what is more likely
//! a slip than a market (a rate of 450 %) is refused as well, because a wrong number is worse than none.

use std::ops::RangeInclusive;

use fleet_core::domain::{ExerciseStyle, OccSymbol, OptionKind, Root, Strike, calendar};
use fleet_pricing::black::IMPLIED;
use fleet_pricing::{Kind, Terms, VOL};
use jiff::civil::Date;

use super::heading::{Input, Texts};
use super::lines::shown;
use super::setting::{Setting, plain_date};

/// Above, a rate or a yield is likelier a percentage than a fraction.
const HIGHEST_RATE: f64 = 1.0;
/// Volatilities that are let in: from the lowest that is computed with to the highest that a price is ever taken to imply.
/// Beyond, a percentage was meant.
const VOLS: RangeInclusive<f64> = VOL.0..=*IMPLIED.end();
/// Root of a contract of which only the expiration is told: any that is settled at the close.
const ANY_ROOT: &str = "X";

/// One contract to price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contract {
    /// When it may be exercised.
    pub style: ExerciseStyle,
    /// Everything but the volatility. With a forward given, the spot is what it implies.
    pub terms: Terms,
    /// The volatility given.
    pub vol: Option<f64>,
    /// The price given, of which the volatility is sought.
    pub price: Option<f64>,
    /// Its expiration, where nothing expires on that date.
    pub unlisted: Option<Date>,
}

impl Contract {
    /// F = (S − Σ Dᵢ·e^(−(r − q)tᵢ))·e^((r − q)T) over the cash dividends before settlement, dollars.
    #[must_use]
    pub fn forward(&self, setting: &Setting) -> f64 {
        let Terms { spot, years, rate, yield_, .. } = self.terms;
        (spot - setting.worth_of_dividends(&self.terms)) * ((rate - yield_) * years).exp()
    }
}

/// Reads a row.
///
/// # Errors
/// What is missing, no number, out of range or contradicts itself, in words.
pub fn read(texts: &Texts, setting: &Setting) -> Result<Contract, String> {
    let symbol = symbol(texts)?;
    let kind = kind(texts, symbol.as_ref())?;
    let strike = strike(texts, symbol.as_ref())?;
    let root = root(texts, symbol.as_ref())?;
    let style = style(texts, root)?;
    let (years, unlisted) = years(texts, symbol.as_ref(), root, setting)?;
    if style == ExerciseStyle::European && setting.dividends_before(years).next().is_some() {
        return Err("cash dividends are for American contracts; give a European one its forward, or a yield".to_owned());
    }
    let rate = fraction(texts, Input::Rate)?.ok_or("no rate")?;
    let told_yield = fraction(texts, Input::Yield)?;
    let (spot, yield_) = spot_and_yield(texts, years, rate, told_yield)?;
    let vol = number(texts, Input::Vol)?;
    if let Some(vol) = vol.filter(|vol| !VOLS.contains(vol)) {
        return Err(format!("vol is {vol}, outside {} to {}; 25 % is 0.25", VOLS.start(), VOLS.end()));
    }
    let price = number(texts, Input::Price)?;
    if price.is_some_and(|price| price < 0.0) {
        return Err("the price is negative".to_owned());
    }
    if vol.is_none() && price.is_none() {
        return Err("neither vol nor price".to_owned());
    }
    let terms = Terms { kind, spot, strike, years, rate, yield_ };
    terms.check().map_err(|refused| refused.to_string())?;
    let contract = Contract { style, terms, vol, price, unlisted };
    setting.check_dividends(&contract.terms)?;
    Ok(contract)
}

fn number(texts: &Texts, input: Input) -> Result<Option<f64>, String> {
    let Some(text) = texts.get(input) else { return Ok(None) };
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    let number = number.ok_or_else(|| format!("`{}` is no {}: a number is wanted", shown(text), input.word()))?;
    Ok(Some(number))
}

fn fraction(texts: &Texts, input: Input) -> Result<Option<f64>, String> {
    let told = number(texts, input)?;
    match told {
        Some(rate) if rate.abs() > HIGHEST_RATE => {
            Err(format!("{} is {rate}, more than 100 % a year; 4.5 % is 0.045", input.word()))
        }
        Some(_) | None => Ok(told),
    }
}

fn symbol(texts: &Texts) -> Result<Option<OccSymbol>, String> {
    texts.get(Input::Symbol).map(|text| OccSymbol::parse(text).map_err(|bad| bad.to_string())).transpose()
}

/// What a symbol says against what the row says.
fn agreeing<T: PartialEq>(what: Input, of_symbol: Option<T>, told: Option<T>) -> Result<Option<T>, String> {
    match (of_symbol, told) {
        (Some(of_symbol), Some(told)) if of_symbol != told => {
            Err(format!("the symbol and the {} contradict each other", what.word()))
        }
        (of_symbol, told) => Ok(told.or(of_symbol)),
    }
}

fn kind(texts: &Texts, symbol: Option<&OccSymbol>) -> Result<Kind, String> {
    let told = match texts.get(Input::Kind) {
        None => None,
        Some(text) => Some(match text.to_ascii_lowercase().as_str() {
            "call" | "c" | "1" | "true" => Kind::Call,
            "put" | "p" | "0" | "false" => Kind::Put,
            _ => return Err(format!("`{}` is no kind: call or put is wanted", shown(text))),
        }),
    };
    let of_symbol = symbol.map(|symbol| match symbol.kind {
        OptionKind::Call => Kind::Call,
        OptionKind::Put => Kind::Put,
    });
    agreeing(Input::Kind, of_symbol, told)?.ok_or_else(|| "no kind: call or put is wanted".to_owned())
}

fn strike(texts: &Texts, symbol: Option<&OccSymbol>) -> Result<f64, String> {
    let told = number(texts, Input::Strike)?;
    agreeing(Input::Strike, symbol.map(|symbol| symbol.strike.dollars()), told)?.ok_or_else(|| "no strike".to_owned())
}

fn root(texts: &Texts, symbol: Option<&OccSymbol>) -> Result<Option<Root>, String> {
    let told = texts.get(Input::Root).map(|text| {
        Root::parse(text).ok_or_else(|| format!("`{}` is no root: 1 to 6 capitals or digits are wanted", shown(text)))
    });
    agreeing(Input::Root, symbol.map(|symbol| symbol.root), told.transpose()?)
}

fn style(texts: &Texts, root: Option<Root>) -> Result<ExerciseStyle, String> {
    match texts.get(Input::Style).map(str::to_ascii_lowercase).as_deref() {
        Some("american" | "a") => Ok(ExerciseStyle::American),
        Some("european" | "e") => Ok(ExerciseStyle::European),
        Some(text) => Err(format!("`{}` is no style: american or european is wanted", shown(text))),
        None => {
            let any = |root| OccSymbol { root, expiration: calendar::FIRST, kind: OptionKind::Call, strike: ONE };
            Ok(root.map_or(ExerciseStyle::American, |root| any(root).style()))
        }
    }
}

/// A strike for symbols of which only root and expiration matter.
const ONE: Strike = match Strike::from_thousandths(1000) {
    Some(strike) => strike,
    None => panic!("a dollar is a strike"),
};

/// The years, and the expiration they come from where nothing expires on that date.
fn years(
    texts: &Texts,
    symbol: Option<&OccSymbol>,
    root: Option<Root>,
    setting: &Setting,
) -> Result<(f64, Option<Date>), String> {
    let told = number(texts, Input::Years)?;
    let expiration = match texts.get(Input::Expiration) {
        None => None,
        Some(text) => {
            let date = plain_date(text);
            Some(date.ok_or_else(|| format!("`{}` is no expiration such as 2026-12-18", shown(text)))?)
        }
    };
    let expiration = agreeing(Input::Expiration, symbol.map(|symbol| symbol.expiration), expiration)?;
    match (told, expiration) {
        // A symbol beside the years says what the contract is, the years how long it has.
        (Some(years), None) => Ok((years, None)),
        (Some(years), Some(_)) if texts.get(Input::Expiration).is_none() => Ok((years, None)),
        (Some(_), Some(_)) => Err("years and an expiration: one of them is wanted".to_owned()),
        (None, None) => Err("neither years nor an expiration".to_owned()),
        (None, Some(expiration)) => {
            let root = root.or_else(|| Root::parse(ANY_ROOT)).ok_or("no root")?;
            let symbol = OccSymbol { root, expiration, kind: OptionKind::Call, strike: ONE };
            let settles = calendar::settlement_instant(&symbol).ok_or_else(|| {
                format!("the settlement of {expiration} is outside the calendar, which ends with {}", calendar::LAST)
            })?;
            let years = calendar::years_to_settlement(setting.as_of, &symbol).ok_or_else(|| {
                format!("it settled at {settles}, before the instant of the analysis, {}", setting.as_of)
            })?;
            let is_listed = calendar::expirations(expiration, expiration).next().is_some();
            Ok((years, (!is_listed).then_some(expiration)))
        }
    }
}

/// With both a spot and a forward the yield is what brings one to the other.
fn spot_and_yield(texts: &Texts, years: f64, rate: f64, told: Option<f64>) -> Result<(f64, f64), String> {
    let positive = |input: Input| match number(texts, input)? {
        Some(price) if price <= 0.0 => Err(format!("the {} is {price}; it must be above 0", input.word())),
        price => Ok(price),
    };
    match (positive(Input::Spot)?, positive(Input::Forward)?) {
        (None, None) => Err("neither spot nor forward".to_owned()),
        (Some(spot), None) => Ok((spot, told.unwrap_or(0.0))),
        (None, Some(forward)) => {
            let yield_ = told.unwrap_or(0.0);
            Ok((forward * ((yield_ - rate) * years).exp(), yield_))
        }
        (Some(_), Some(_)) if told.is_some() => {
            Err("a spot, a forward and a yield: any two of them tell the third".to_owned())
        }
        (Some(_), Some(_)) if years <= 0.0 => Err("a spot and a forward without time between them".to_owned()),
        (Some(spot), Some(forward)) => Ok((spot, rate - (forward / spot).ln() / years)),
    }
}

#[cfg(test)]
mod tests {
    use fleet_pricing::dividends::Dividend;

    use super::super::setting::YEAR_SECS;
    use super::*;

    fn setting() -> Setting {
        Setting { as_of: "2026-11-20T15:30:00Z".parse().unwrap(), tick: 0.01, dividends: Vec::new() }
    }

    /// `strike=95 kind=put`
    fn texts(line: &str) -> Texts {
        let mut texts = Texts::default();
        for word in line.split(' ') {
            let (name, text) = word.split_once('=').unwrap();
            let input = Input::ALL.into_iter().find(|input| input.word() == name).unwrap();
            texts.set(input, text);
        }
        texts
    }

    const WHOLE: &str = "kind=put spot=100 strike=95 years=.25 vol=.3 rate=.04";

    fn check(line: &str) -> Contract {
        read(&texts(line), &setting()).unwrap()
    }

    #[track_caller]
    fn check_refused(change: &str, told: &str) {
        let refused = read(&texts(&format!("{WHOLE} {change}")), &setting()).unwrap_err();
        assert!(refused.contains(told), "{refused}");
    }

    #[test]
    fn a_row_is_a_contract() {
        let terms = Terms { kind: Kind::Put, spot: 100.0, strike: 95.0, years: 0.25, rate: 0.04, yield_: 0.0 };
        let contract = Contract { style: ExerciseStyle::American, terms, vol: Some(0.3), price: None, unlisted: None };
        assert_eq!(check(WHOLE), contract);
        assert_eq!(check(&format!("{WHOLE} root=SPXW")).style, ExerciseStyle::European);
        assert_eq!(check(&format!("{WHOLE} root=SPX style=american")).style, ExerciseStyle::American);
        assert_eq!(check(&format!("{WHOLE} kind=1 style=E")).terms.kind, Kind::Call);
    }

    #[test]
    fn a_symbol_tells_four_things_and_the_calendar_the_time() {
        let rest = "spot=6500 price=120 rate=.04";
        let monthly = check(&format!("symbol=SPX261218C06500000 {rest}"));
        let weekly = check(&format!("symbol=SPXW261218C06500000 {rest}"));
        assert_eq!((monthly.terms.strike, monthly.style), (6500.0, ExerciseStyle::European));
        // Open against close of the same day.
        assert!((weekly.terms.years - monthly.terms.years - 6.5 * 3600.0 / YEAR_SECS).abs() < 1e-12);
        // 28 days and five and a half hours to the close.
        let wanted = (28.0 * 24.0 + 5.5) / (365.0 * 24.0);
        assert!((weekly.terms.years - wanted).abs() < 1e-12, "{}", weekly.terms.years);
        let dated = check("kind=call spot=6500 strike=6500 expiration=2026-12-18 vol=.2 rate=.04");
        assert_eq!(dated.terms.years, weekly.terms.years);
        assert_eq!(check(&format!("symbol=SPX261218C06500000 {rest} years=.5")).terms.years, 0.5);
    }

    #[test]
    fn a_forward_tells_the_spot_and_both_the_yield() {
        let forward = check("kind=put forward=101 strike=95 years=.5 vol=.3 rate=.04 yield=.01");
        assert!((forward.forward(&setting()) - 101.0).abs() < 1e-12 && forward.terms.spot < 100.0);
        let both = check("kind=put spot=100 forward=101 strike=95 years=.5 vol=.3 rate=.04");
        assert!((both.forward(&setting()) - 101.0).abs() < 1e-12 && (both.terms.yield_ - 0.0201).abs() < 1e-4);
    }

    #[test]
    fn slips_are_told() {
        check_refused("strike=x", "`x` is no strike: a number is wanted");
        check_refused("strike=1e999", "is no strike");
        check_refused("strike=nan", "is no strike");
        check_refused("strike=-5", "strike is -5, outside 0.0001 to 100000000");
        check_refused("strike=", "no strike");
        check_refused("kind=x", "`x` is no kind: call or put is wanted");
        check_refused("kind=", "no kind");
        check_refused("style=bermudan", "`bermudan` is no style");
        check_refused("root=spx", "`spx` is no root");
        check_refused("spot=", "neither spot nor forward");
        check_refused("spot=0", "the spot is 0; it must be above 0");
        check_refused("years=", "neither years nor an expiration");
        check_refused("years=45", "years is 45, outside 0 to 30");
        check_refused("expiration=2026-12-18", "years and an expiration");
        check_refused("years= expiration=18.12.2026", "`18.12.2026` is no expiration such as 2026-12-18");
        check_refused("years= expiration=2026-11-19", "it settled at 2026-11-19T21:00:00Z, before");
        check_refused("years= expiration=2036-12-18", "outside the calendar, which ends with 2035-12-31");
        check_refused("vol=", "neither vol nor price");
        check_refused("vol=30", "vol is 30, outside 0.0001 to 5; 25 % is 0.25");
        check_refused("vol=5.01", "vol is 5.01, outside 0.0001 to 5");
        check_refused("vol=0", "vol is 0, outside 0.0001 to 5; 25 % is 0.25");
        check_refused("price=-1", "the price is negative");
        check_refused("rate=4.5", "rate is 4.5, more than 100 % a year; 4.5 % is 0.045");
        check_refused("rate=", "no rate");
        check_refused("yield=2", "yield is 2, more than 100 %");
        check_refused("forward=101 yield=.01", "any two of them tell the third");
        check_refused("forward=101 years=0", "without time between them");
        check_refused("symbol=XYZ261218C00095000", "the symbol and the kind contradict each other");
        check_refused("symbol=XYZ261218P00090000", "the symbol and the strike contradict each other");
        check_refused("symbol=XYZ", "is not an OCC symbol");
        let paid = Setting { dividends: vec![Dividend { years: 0.1, cash: 1.0 }], ..setting() };
        assert!(read(&texts(WHOLE), &paid).is_ok());
        let refused = read(&texts(&format!("{WHOLE} root=SPX")), &paid).unwrap_err();
        assert!(refused.starts_with("cash dividends are for American contracts"), "{refused}");
    }

    #[test]
    fn an_expiration_on_which_nothing_expires_is_noticed() {
        let on = |more: &str| check(&format!("spot=6500 strike=6500 kind=call vol=.2 rate=.04 {more}"));
        assert_eq!(on("expiration=2026-11-21").unlisted, Some(jiff::civil::date(2026, 11, 21)));
        assert_eq!(on("expiration=2026-11-26 root=SPXW").unlisted, Some(jiff::civil::date(2026, 11, 26)));
        assert_eq!(on("expiration=2026-11-21").terms.years, on("expiration=2026-11-20").terms.years);
        assert_eq!(on("expiration=2026-12-18").unlisted, None);
        // Some underlyings have expirations on each day of the week.
        assert_eq!(on("expiration=2026-12-16").unlisted, None);
        assert_eq!(on("years=.5").unlisted, None);
    }

    #[test]
    fn an_underlying_does_not_pay_out_all_it_is_worth() {
        let paying = |dividends: &[(f64, f64)]| {
            let dividends = dividends.iter().map(|(years, cash)| Dividend { years: *years, cash: *cash }).collect();
            read(&texts(WHOLE), &Setting { dividends, ..setting() })
        };
        assert_eq!(paying(&[(0.1, 200.0)]).unwrap_err(), "the dividend of 200 dollars is not below the spot, 100");
        let two = paying(&[(0.1, 60.0), (0.2, 41.0)]).unwrap_err();
        assert!(two.starts_with("the 2 dividends before settlement are worth 100.43 dollars today"), "{two}");
        assert!(paying(&[(0.1, 60.0), (0.2, 39.0)]).is_ok());
        // Beyond settlement it is none of the contract's.
        assert!(paying(&[(0.25, 200.0)]).is_ok());
    }
}
