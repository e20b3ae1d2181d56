//! What goes wrong with a server, and how it is said: each sentence names the server and what to do about it. The
//! address that is named holds no user and no password.

use ::redis::{ErrorKind, RedisError};
use fleet_core::seams::StoreError;
use fleet_core::wire::WireError;

use super::link::{ANSWER_WITHIN, CONNECT_WITHIN};

/// What the client or the server said, in the seam's terms.
pub(super) fn of(error: &RedisError, server: &str) -> StoreError {
    let unavailable = |what: &str| StoreError::Unavailable(format!("{server} {what}"));
    let refused = |what: &str| StoreError::Conflict(format!("{server} {what}"));
    if error.is_timeout() {
        let (connect, answer) = (CONNECT_WITHIN.as_secs(), ANSWER_WITHIN.as_secs());
        return unavailable(&format!("did not answer in time ({connect} s to connect, {answer} s for a call)"));
    }
    match error.kind() {
        ErrorKind::Io => unavailable(&format!("cannot be reached ({error}); is it running, and is this its address?")),
        ErrorKind::AuthenticationFailed => {
            refused("refuses this user or password; look at OPTIONFLEET_STORE and the server's users")
        }
        ErrorKind::InvalidClientConfig | ErrorKind::Client => refused(&format!("cannot be used ({error})")),
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
            refused(&format!("does not speak as Redis does ({error}); is this the right port?"))
        }
        _ => said(error, server),
    }
}

/// By the first word of what the server said.
fn said(error: &RedisError, server: &str) -> StoreError {
    let words = error.detail().unwrap_or("no more was said");
    let unavailable = |what: &str| StoreError::Unavailable(format!("{server} {what} ({words})"));
    let refused = |what: &str| StoreError::Conflict(format!("{server} {what} ({words})"));
    // Redis 7.0 has no word for what a script's user may not do (later ones say NOPERM), and the client drops the word of
    // a refused SELECT.
    if words.starts_with("The user executing the script") || words.contains("user has no permissions") {
        return refused("does not let this user do that; allow it in the server's users");
    }
    if words.starts_with("DB index") {
        return refused("has no database of that number");
    }
    match error.code().unwrap_or_default() {
        "OOM" => StoreError::Full(format!("{server} has no memory left; raise its maxmemory ({words})")),
        "LOADING" => unavailable("is still reading its data; wait for it"),
        "READONLY" => unavailable("only reads: it is a replica; name the primary"),
        "MASTERDOWN" => unavailable("is a replica that has lost its primary; name the primary"),
        "MISCONF" => unavailable("does not write because it cannot save; make room on its disk"),
        "BUSY" | "TRYAGAIN" => unavailable("is busy with somebody else's script"),
        "NOPERM" => refused("does not let this user do that; allow it in the server's users"),
        "NOAUTH" => refused("wants a password; give one in OPTIONFLEET_STORE"),
        "WRONGPASS" => refused("refuses this user or password; look at OPTIONFLEET_STORE and the server's users"),
        "MOVED" | "ASK" | "CLUSTERDOWN" | "CROSSSLOT" => refused("is part of a cluster; name a single server"),
        "WRONGTYPE" => {
            StoreError::Damaged(format!("{server} holds something else under a key of ours ({words}); {KEEP}"))
        }
        "NOREPLICAS" => unavailable("writes only while enough replicas follow it, and they do not now"),
        // What we have no rule for may pass; it ends no worker and no scan before their patience is over.
        code => unavailable(&format!("refuses: {code}")),
    }
}

/// What is stored cannot be read, or what is to be stored cannot be written.
pub(super) fn wire(error: WireError, server: &str) -> StoreError {
    match error {
        WireError::Newer { what, found, known } => {
            StoreError::Newer { what: format!("a {what} in {server}"), found: found.into(), known: known.into() }
        }
        WireError::Unreadable { what, source } => {
            StoreError::Damaged(format!("{server} holds a {what} that cannot be read ({source}); {KEEP}"))
        }
        WireError::Damaged { what } => {
            StoreError::Damaged(format!("{server} holds a {what} that cannot be read; {KEEP}"))
        }
    }
}

/// A stored value is no value of its kind: which, and what it is.
pub(super) fn damaged(server: &str, what: &str, value: &str) -> StoreError {
    let short: String = value.chars().take(80).collect();
    StoreError::Damaged(format!("{server} holds the {what} `{short}`, which is none; {KEEP}"))
}

const KEEP: &str = "use another database number (nothing was changed), or restore a copy";
