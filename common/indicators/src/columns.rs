//! The columns a bar may have.

/// One column of bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// First price of the interval, dollars.
    Open,
    /// Highest price, dollars.
    High,
    /// Lowest price, dollars.
    Low,
    /// Last price, dollars.
    Close,
    /// Contracts or shares traded.
    Volume,
    /// The moving average's length at each bar, read by `mavp` alone.
    Periods,
}

impl Column {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Open, Self::High, Self::Low, Self::Close, Self::Volume, Self::Periods];

    /// Its word, as in a CSV header.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::Volume => "volume",
            Self::Periods => "periods",
        }
    }

    /// The column of a word; `None` for any other word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.word() == word)
    }
}
