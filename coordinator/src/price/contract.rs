//! The texts of a row become one contract, or the reason why not. Every number's range is fleet-pricing's; what is more likely
//! a slip than a market (a rate of 450 %) is refused as well, because a wrong number is worse than none.

use fleet_core::domain::{ExerciseStyle, OccSymbol, OptionKind, Root, Strike, calendar};
use fleet_pricing::dividends::Dividend;
use fleet_pricing::{Kind, Terms};
use jiff::Timestamp;
use jiff::civil::Date;

use super::heading::{Input, Texts};
use super::lines::shown;

/// Above, a rate or a yield is likelier a percentage than a fraction.
const HIGHEST_RATE: f64 = 1.0;
/// The highest volatility an option's price is ever taken to imply; beyond, a percentage was meant.
const HIGHEST_VOL: f64 = 5.0;
/// Seconds of a year of 365 days.
const YEAR_SECS: f64 = 31_536_000.0;
/// Root of a contract of which only the expiration is told: any that is settled at the close.
const ANY_ROOT: &str = "X";

/// What holds for every row.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// From when the years to an expiration count.
    pub as_of: Timestamp,
    /// A price within so many dollars of its lower bound tells no volatility.
    pub tick: f64,
    /// Cash dividends of the underlying; with any, American contracts are priced by finite differences.
    pub dividends: Vec<Dividend>,
}

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
}

impl Contract {
    /// F = S·e^((r − q)T).
    #[must_use]
    pub fn forward(&self) -> f64 {
        let Terms { spot, years, rate, yield_, .. } = self.terms;
        spot * ((rate - yield_) * years).exp()
    }
}

/// A cash dividend as it is typed, `2026-12-10:0.25`: the ex-date and dollars per share.
///
/// # Errors
/// What is no such thing, or lies before `as_of`.
pub fn dividend(text: &str, as_of: Timestamp) -> Result<Dividend, String> {
    let wanted = || format!("`{}` is no dividend such as 2026-12-10:0.25", shown(text));
    let (date, cash) = text.split_once(':').ok_or_else(wanted)?;
    let date = plain_date(date).ok_or_else(wanted)?;
    let cash: f64 = cash.trim().parse().map_err(|_| wanted())?;
    if !cash.is_finite() || cash < 0.0 {
        return Err(wanted());
    }
    // The price falls at the open of the ex-date.
    let years = calendar::at_new_york(date, 9, 30, 0).duration_since(as_of).as_secs_f64() / YEAR_SECS;
    if years <= 0.0 {
        return Err(format!("the dividend of {date} lies before the instant of the analysis, {as_of}"));
    }
    Ok(Dividend { years, cash })
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
    if style == ExerciseStyle::European && !setting.dividends.is_empty() {
        return Err("cash dividends are for American contracts; give a European one its forward, or a yield".to_owned());
    }
    let years = years(texts, symbol.as_ref(), root, setting)?;
    let rate = fraction(texts, Input::Rate)?.ok_or("no rate")?;
    let told_yield = fraction(texts, Input::Yield)?;
    let (spot, yield_) = spot_and_yield(texts, years, rate, told_yield)?;
    let vol = number(texts, Input::Vol)?;
    if let Some(vol) = vol {
        if vol > HIGHEST_VOL {
            return Err(format!("vol is {vol}, more than {HIGHEST_VOL}; 25 % is 0.25"));
        }
        fleet_pricing::check_vol(vol).map_err(|refused| refused.to_string())?;
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
    Ok(Contract { style, terms, vol, price })
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

fn years(texts: &Texts, symbol: Option<&OccSymbol>, root: Option<Root>, setting: &Setting) -> Result<f64, String> {
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
        (Some(years), None) => Ok(years),
        (Some(years), Some(_)) if texts.get(Input::Expiration).is_none() => Ok(years),
        (Some(_), Some(_)) => Err("years and an expiration: one of them is wanted".to_owned()),
        (None, None) => Err("neither years nor an expiration".to_owned()),
        (None, Some(expiration)) => {
            let root = root.or_else(|| Root::parse(ANY_ROOT)).ok_or("no root")?;
            let symbol = OccSymbol { root, expiration, kind: OptionKind::Call, strike: ONE };
            let settles = calendar::settlement_instant(&symbol).ok_or_else(|| {
                format!("the settlement of {expiration} is outside the calendar, which ends with {}", calendar::LAST)
            })?;
            calendar::years_to_settlement(setting.as_of, &symbol).ok_or_else(|| {
                format!("it settled at {settles}, before the instant of the analysis, {}", setting.as_of)
            })
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

/// Reads `2026-11-20`, and nothing else that could be taken for a date.
fn plain_date(text: &str) -> Option<Date> {
    let text = text.trim();
    let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
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
        let contract = Contract { style: ExerciseStyle::American, terms, vol: Some(0.3), price: None };
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
        assert!((forward.forward() - 101.0).abs() < 1e-12 && forward.terms.spot < 100.0);
        let both = check("kind=put spot=100 forward=101 strike=95 years=.5 vol=.3 rate=.04");
        assert!((both.forward() - 101.0).abs() < 1e-12 && (both.terms.yield_ - 0.0201).abs() < 1e-4);
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
        check_refused("vol=30", "25 % is 0.25");
        check_refused("vol=0", "volatility is 0, outside 0.0001");
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
    fn dividends_fall_at_the_open_of_their_date() {
        let as_of = setting().as_of;
        let told = dividend("2026-12-10:0.25", as_of).unwrap();
        // 20 days less an hour.
        assert!((told.years - (20.0 * 24.0 - 1.0) / 8760.0).abs() < 1e-12 && told.cash == 0.25);
        for bad in ["2026-12-10", "10.12.2026:1", "2026-12-10:x", "2026-12-10:-1", "2026-12-10:nan"] {
            assert!(dividend(bad, as_of).unwrap_err().contains("is no dividend such as"), "{bad}");
        }
        assert!(dividend("2026-11-20:1", as_of).unwrap_err().contains("lies before the instant"));
    }
}
