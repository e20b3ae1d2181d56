//! Which column of a file is which input, and which inputs flags fix for every row.
//!
//! Nothing is guessed: an input that is named twice, by a column and a flag too, is a mistake, and so is a column whose name is
//! nearly that of an input the file lacks: with `yeild` passed over, every price would be one without dividends.

use thiserror::Error;

use super::lines;

/// What a row may tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input {
    /// An OCC symbol: root, expiration, kind and strike at once.
    Symbol,
    /// Call or put.
    Kind,
    /// American or European.
    Style,
    /// The root, which tells style and settlement.
    Root,
    /// Price of the underlying, dollars.
    Spot,
    /// Forward of the expiration, dollars.
    Forward,
    /// Dollars.
    Strike,
    /// Years of 365 days to settlement.
    Years,
    /// The date.
    Expiration,
    /// Annual fraction.
    Vol,
    /// Dollars per share.
    Price,
    /// Continuous risk-free rate, annual fraction.
    Rate,
    /// Continuous dividend yield, annual fraction.
    Yield,
}

impl Input {
    /// Every one.
    pub const ALL: [Self; 13] = [
        Self::Symbol,
        Self::Kind,
        Self::Style,
        Self::Root,
        Self::Spot,
        Self::Forward,
        Self::Strike,
        Self::Years,
        Self::Expiration,
        Self::Vol,
        Self::Price,
        Self::Rate,
        Self::Yield,
    ];

    /// Its name, as a column and as a flag.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Symbol => "symbol",
            Self::Kind => "kind",
            Self::Style => "style",
            Self::Root => "root",
            Self::Spot => "spot",
            Self::Forward => "forward",
            Self::Strike => "strike",
            Self::Years => "years",
            Self::Expiration => "expiration",
            Self::Vol => "vol",
            Self::Price => "price",
            Self::Rate => "rate",
            Self::Yield => "yield",
        }
    }

    /// Another name a column may have.
    const fn other_word(self) -> Option<&'static str> {
        match self {
            Self::Kind => Some("is_call"),
            Self::Yield => Some("dividend_yield"),
            Self::Expiration => Some("expiry"),
            Self::Symbol
            | Self::Style
            | Self::Root
            | Self::Spot
            | Self::Forward
            | Self::Strike
            | Self::Years
            | Self::Vol
            | Self::Price
            | Self::Rate => None,
        }
    }
}

/// The texts of a row by input; what is empty is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts([Option<String>; Input::ALL.len()]);

impl Texts {
    /// The text of an input.
    #[must_use]
    pub fn get(&self, input: Input) -> Option<&str> {
        self.0[input as usize].as_deref()
    }

    /// Sets a text; an empty one is none.
    pub fn set(&mut self, input: Input, text: &str) {
        self.0[input as usize] = Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
    }

    /// Whether nothing is told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

/// Why a file cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeadingError {
    /// Nothing in it.
    #[error("it is empty; its first line must name the columns, such as kind,spot,strike,years,vol,rate")]
    Empty,
    /// Its first line cannot be split.
    #[error("its first line cannot be read: {0}")]
    Unreadable(&'static str),
    /// No column is known.
    #[error("its first line names none of {}", words().join(", "))]
    NoInput,
    /// One input by two columns.
    #[error("its first line names `{0}` twice")]
    Twice(&'static str),
    /// One input by a column and a flag.
    #[error("the file has a column `{0}` and --{0} is given too")]
    AlsoFixed(&'static str),
    /// No row could be priced.
    #[error("neither a column nor a flag tells the {0}")]
    Lacks(&'static str),
    /// A name nearly that of an input.
    #[error("its column `{found}` is no input; did you mean `{meant}`?")]
    Misspelt {
        /// What stands there.
        found: String,
        /// What is nearly the same.
        meant: &'static str,
    },
}

fn words() -> [&'static str; Input::ALL.len()] {
    Input::ALL.map(Input::word)
}

/// Where each input stands in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    width: usize,
    places: Vec<(Input, usize)>,
    others: Vec<(usize, String)>,
    fixed: Texts,
}

/// A row, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it tells.
    pub texts: Texts,
    /// The fields of the columns that are no input, in the order of [`Heading::others`].
    pub others: Vec<String>,
}

impl Heading {
    /// Reads the first line of a file, beside what flags fix.
    ///
    /// # Errors
    /// [`HeadingError`].
    pub fn read(line: &str, fixed: &Texts) -> Result<Self, HeadingError> {
        let names = lines::fields(line).map_err(HeadingError::Unreadable)?;
        let mut this = Self { width: names.len(), places: Vec::new(), others: Vec::new(), fixed: fixed.clone() };
        for (place, name) in names.into_iter().enumerate() {
            let lower = name.to_ascii_lowercase();
            let known = |input: &Input| input.word() == lower || input.other_word() == Some(lower.as_str());
            let Some(input) = Input::ALL.into_iter().find(known) else {
                this.others.push((place, name));
                continue;
            };
            if this.has(input) {
                return Err(HeadingError::Twice(input.word()));
            }
            if fixed.get(input).is_some() {
                return Err(HeadingError::AlsoFixed(input.word()));
            }
            this.places.push((input, place));
        }
        if this.places.is_empty() {
            return Err(HeadingError::NoInput);
        }
        for (_, name) in &this.others {
            if let Some(meant) = this.meant(name) {
                return Err(HeadingError::Misspelt { found: lines::shown(name), meant: meant.word() });
            }
        }
        this.complete()?;
        Ok(this)
    }

    /// Whether a row can hold everything a price needs.
    fn complete(&self) -> Result<(), HeadingError> {
        let told = |inputs: &[Input]| inputs.iter().any(|input| self.has(*input) || self.fixed.get(*input).is_some());
        let needed = [
            ("kind (or a symbol)", &[Input::Kind, Input::Symbol][..]),
            ("spot or the forward", &[Input::Spot, Input::Forward]),
            ("strike (or a symbol)", &[Input::Strike, Input::Symbol]),
            ("years or the expiration (or a symbol)", &[Input::Years, Input::Expiration, Input::Symbol]),
            ("vol or the price", &[Input::Vol, Input::Price]),
            ("rate", &[Input::Rate]),
        ];
        match needed.into_iter().find(|(_, inputs)| !told(inputs)) {
            Some((what, _)) => Err(HeadingError::Lacks(what)),
            None => Ok(()),
        }
    }

    fn has(&self, input: Input) -> bool {
        self.places.iter().any(|(known, _)| *known == input)
    }

    /// The input a strange name nearly is, unless the file or a flag tells that input anyway.
    fn meant(&self, name: &str) -> Option<Input> {
        let lower = name.to_ascii_lowercase();
        let missing = Input::ALL.into_iter().filter(|input| !self.has(*input) && self.fixed.get(*input).is_none());
        missing
            .filter(|input| input.word().len() > 3 || lower.starts_with(input.word()))
            .find(|input| strsim::osa_distance(&lower, input.word()) == 1)
    }

    /// Names of the columns that are no input.
    pub fn others(&self) -> impl Iterator<Item = &str> {
        self.others.iter().map(|(_, name)| name.as_str())
    }

    /// Sorts a line.
    ///
    /// # Errors
    /// Another number of fields than the heading's, or what [`lines::fields`] refuses.
    pub fn row(&self, line: &str) -> Result<Row, String> {
        let fields = lines::fields(line)?;
        if fields.len() != self.width {
            return Err(format!("it has {} fields, the heading {}", fields.len(), self.width));
        }
        let mut texts = self.fixed.clone();
        for (input, place) in &self.places {
            texts.set(*input, &fields[*place]);
        }
        let others = self.others.iter().map(|(place, _)| fields[*place].clone()).collect();
        Ok(Row { texts, others })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(input: Input, text: &str) -> Texts {
        let mut texts = Texts::default();
        texts.set(input, text);
        texts
    }

    #[track_caller]
    fn check_refused(line: &str, told: &str) {
        let refused = Heading::read(line, &fixed(Input::Rate, ".04")).unwrap_err();
        assert!(refused.to_string().contains(told), "{refused}");
    }

    #[test]
    fn columns_stand_in_any_order_and_case_beside_others() {
        let heading = Heading::read("id,Strike,IS_CALL,note,spot,vol,Expiry", &fixed(Input::Rate, ".04")).unwrap();
        assert_eq!(heading.others().collect::<Vec<_>>(), ["id", "note"]);
        let row = heading.row("7,95,1,\"a,b\",,.3,2026-12-18").unwrap();
        assert_eq!(row.others, ["7", "a,b"]);
        let told = [Input::Strike, Input::Kind, Input::Spot, Input::Rate].map(|input| row.texts.get(input));
        assert_eq!(told, [Some("95"), Some("1"), None, Some(".04")]);
        assert_eq!(heading.row("7,95"), Err("it has 2 fields, the heading 7".to_owned()));
        assert_eq!(heading.row("7,95,1,\"a,b,"), Err("a quotation mark is not closed in its line".to_owned()));
    }

    #[test]
    fn what_would_be_guessed_is_refused() {
        check_refused("id,note", "names none of symbol, kind,");
        check_refused("100;95;.3", "names none of symbol, kind,");
        check_refused("kind,is_call", "names `kind` twice");
        check_refused("strike,Strike", "names `strike` twice");
        check_refused("strike,rate", "the file has a column `rate` and --rate is given too");
        check_refused("strike,yeild", "its column `yeild` is no input; did you mean `yield`?");
        check_refused("strike,vols", "did you mean `vol`?");
        check_refused("strike,prices", "did you mean `price`?");
        check_refused("\"strike", "its first line cannot be read: a quotation mark is not closed");
        check_refused("strike,spot", "neither a column nor a flag tells the kind (or a symbol)");
        check_refused("symbol,spot", "neither a column nor a flag tells the vol or the price");
        check_refused("kind,strike,spot,vol", "tells the years or the expiration (or a symbol)");
        assert_eq!(Heading::read("symbol,spot,vol", &Texts::default()).unwrap_err(), HeadingError::Lacks("rate"));
        // What is told anyway cannot be meant, and volume is no volatility.
        let rate = fixed(Input::Rate, ".04");
        assert!(Heading::read("symbol,spot,rates,volume,ask,bid,iv,mid,price", &rate).is_ok());
    }
}
