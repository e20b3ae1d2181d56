//! The scripts: each file of `lua/` with what stands before it.

use std::sync::LazyLock;

/// A script's text, and the name the server knows it by once it has seen it.
pub(super) struct Script {
    /// As it is sent where it is not known: after a restart, or to a replica that became the primary.
    pub(super) text: &'static str,
    /// SHA-1 of the text, in hexadecimal digits.
    pub(super) sha: LazyLock<String>,
}

macro_rules! scripts {
    ($($name:ident = $($file:literal)+;)*) => {$(
        pub(super) static $name: Script = {
            const TEXT: &str = concat!(include_str!("lua/prelude.lua"), $("\n", include_str!($file)),+);
            Script { text: TEXT, sha: LazyLock::new(|| ::redis::Script::new(TEXT).get_hash().to_owned()) }
        };
    )*};
}

scripts! {
    OPEN = "lua/open.lua";
    ID = "lua/id.lua";
    QUEUE_CLAIM = "lua/queue_claim.lua";
    OPEN_SCAN = "lua/open_scan.lua";
    LEASE = "lua/lease.lua";
    FREEZE = "lua/freeze.lua";
    ADVANCE = "lua/advance.lua";
    SCAN = "lua/scan.lua";
    BEGIN = "lua/record.lua" "lua/begin.lua";
    FORGIVE = "lua/forgive.lua";
    OUTCOMES = "lua/outcomes.lua";
    SEAL = "lua/seal.lua";
    NOTE_REQUESTS = "lua/note_requests.lua";
    LIST_SCANS = "lua/list_scans.lua";
    COMMIT = "lua/trades.lua" "lua/commit.lua";
    SETTLE = "lua/trades.lua" "lua/settle.lua";
    PRUNE = "lua/trades.lua" "lua/prune.lua";
    PRUNE_NOTICES = "lua/prune_notices.lua";
    TRADE = "lua/record.lua" "lua/trades.lua" "lua/outbox.lua" "lua/trade.lua";
    LIST_TRADES = "lua/record.lua" "lua/trades.lua" "lua/list_trades.lua";
    PORTFOLIO = "lua/portfolio.lua";
    CLAIM = "lua/outbox.lua" "lua/claim.lua";
    NOTICE = "lua/outbox.lua" "lua/notice.lua";
    LIST_NOTICES = "lua/list_notices.lua";
    BUDGET = "lua/budget.lua";
    BARS = "lua/bars.lua";
    EXPLANATION = "lua/explanation.lua";
    SUMMARIES = "lua/summaries.lua";
    ROSTER = "lua/roster.lua";
    GATEWAY_ROWS = "lua/gateway_rows.lua";
}
