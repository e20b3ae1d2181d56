//! The kinds of moving average a parameter may choose.

/// A kind of moving average. The numbers are TA-Lib's; its 11, "the function's own default", is not offered, because a
/// parameter that is left out says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MovingAverage {
    /// Simple.
    Sma = 0,
    /// Exponential.
    Ema = 1,
    /// Weighted.
    Wma = 2,
    /// Double exponential.
    Dema = 3,
    /// Triple exponential.
    Tema = 4,
    /// Triangular.
    Trima = 5,
    /// Kaufman's adaptive.
    Kama = 6,
    /// MESA adaptive; it ignores the period.
    Mama = 7,
    /// Tillson's T3.
    T3 = 8,
    /// Hull's.
    Hma = 9,
    /// None: the input unchanged.
    Disabled = 10,
    /// Zero-lag exponential.
    Zlema = 12,
    /// Wilder's.
    Rma = 13,
}

impl MovingAverage {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Sma,
        Self::Ema,
        Self::Wma,
        Self::Dema,
        Self::Tema,
        Self::Trima,
        Self::Kama,
        Self::Mama,
        Self::T3,
        Self::Hma,
        Self::Disabled,
        Self::Zlema,
        Self::Rma,
    ];

    /// Its word in a specification.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sma => "sma",
            Self::Ema => "ema",
            Self::Wma => "wma",
            Self::Dema => "dema",
            Self::Tema => "tema",
            Self::Trima => "trima",
            Self::Kama => "kama",
            Self::Mama => "mama",
            Self::T3 => "t3",
            Self::Hma => "hma",
            Self::Disabled => "disabled",
            Self::Zlema => "zlema",
            Self::Rma => "rma",
        }
    }

    /// TA-Lib's number of it, which a specification may use too.
    #[must_use]
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The average of a word or a number; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.parse::<i32>().ok();
        Self::ALL.into_iter().find(|average| average.word() == text || Some(average.number()) == number)
    }
}
