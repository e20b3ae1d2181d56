//! The faulty tickers: each is ordinary but for the one thing its name says. They are added to the ordinary ones, never
//! put in their place. Unless stated the fault is in the chain request, CBOE's and Yahoo's alike.

/// What is wrong with a ticker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Okay,
    Empty,
    Wide,
    Cross,
    Dotted,
    Dupe,
    Flap,
    Soft,
    Limit,
    Cut,
    Gone,
    Huge,
    Young,
    Halt,
    Negtv,
    Shape,
    Html,
    Block,
    Split,
    Slow,
    Expir,
    Stale,
}

impl Fault {
    /// Every faulty ticker with its code and what is wrong, as `GET /_market` tells it.
    pub(crate) const ALL: [(Self, &'static str, &'static str); 22] = [
        (Self::Okay, "OKAY", "nothing: the pullback is planted in it"),
        (Self::Empty, "EMPTY", "no options: an empty list from CBOE, empty arrays from Yahoo"),
        (Self::Wide, "WIDE", "every spread is 40 % of the mid"),
        (Self::Cross, "CROSS", "every bid is above its ask"),
        (Self::Dotted, "BRK.B", "nothing: a share class (CBOE BRK.B, Yahoo and Finviz BRK-B, root BRKB)"),
        (Self::Dupe, "DUPE", "every tenth contract is in the list twice, with another price"),
        (Self::Flap, "FLAP", "500, 500, 200, and again"),
        (Self::Soft, "SOFT", "the rate limit's text with status 200, always"),
        (Self::Limit, "LIMIT", "429 with Retry-After: 1 for the first two requests, then ordinary"),
        (Self::Cut, "CUT", "the body ends after 60 % of its bytes"),
        (Self::Gone, "GONE", "404 from CBOE and Yahoo, the chart too"),
        (Self::Huge, "HUGE", "10,000 contracts"),
        (Self::Young, "YOUNG", "listed 40 sessions ago: too few bars, its own and its contracts'"),
        (Self::Halt, "HALT", "halted yesterday at 11:00: its quotes stand still"),
        (Self::Negtv, "NEGTV", "every fourth contract has a bid of -1, an ask of 1e12 or no ask at all"),
        (Self::Shape, "SHAPE", "the JSON has been rearranged"),
        (Self::Html, "HTML", "a web page with status 200 where JSON belongs"),
        (Self::Block, "BLOCK", "403 with a challenge page"),
        (
            Self::Split,
            "SPLIT",
            "split 30 sessions ago; every sixth contract also exists under the adjusted root SPLIT1",
        ),
        (Self::Slow, "SLOW", "answers after two seconds"),
        (Self::Expir, "EXPIR", "every contract expires today"),
        (Self::Stale, "STALE", "everything is yesterday's, its times too, without an error"),
    ];
}
