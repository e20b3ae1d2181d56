//! Addresses that are served badly, as vendors do after a few hundred requests: without an error. Told by
//! `POST /_market/spoil?address=127.0.0.3&what=frozen&after=300`, or by [`RunningMarket::spoil`](crate::RunningMarket::spoil).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::reply::Reply;

/// What an address gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoil {
    /// The same instant for ever.
    Frozen,
    /// Chains without open interest.
    NoInterest,
    /// Screener pages with half of their rows.
    HalfPages,
}

impl Spoil {
    /// The words of `what=`.
    pub(crate) const WORDS: [(&'static str, Self); 3] =
        [("frozen", Self::Frozen), ("no_interest", Self::NoInterest), ("half_pages", Self::HalfPages)];
}

#[derive(Debug)]
struct Spoiled {
    what: Spoil,
    /// Requests that are served well before.
    left: u64,
    /// The instant it stands still at.
    frozen_at: Option<Timestamp>,
}

/// Which addresses are served badly.
#[derive(Debug, Default)]
pub(crate) struct Spoils(Mutex<BTreeMap<IpAddr, Vec<Spoiled>>>);

/// How one request is served.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Served {
    /// The instant it sees.
    pub now: Timestamp,
    pub has_interest: bool,
    pub has_whole_pages: bool,
}

impl Spoils {
    /// From its request number `after + 1` on, an address gets this.
    pub(crate) fn add(&self, address: IpAddr, what: Spoil, after: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(address).or_default().push(Spoiled { what, left: after, frozen_at: None });
    }

    /// How an address' next request is served.
    pub(crate) fn serve(&self, address: IpAddr, now: Timestamp) -> Served {
        let mut served = Served { now, has_interest: true, has_whole_pages: true };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for spoiled in all.get_mut(&address).into_iter().flatten() {
            if spoiled.left > 0 {
                spoiled.left -= 1;
                continue;
            }
            match spoiled.what {
                Spoil::Frozen => served.now = *spoiled.frozen_at.get_or_insert(now),
                Spoil::NoInterest => served.has_interest = false,
                Spoil::HalfPages => served.has_whole_pages = false,
            }
        }
        served
    }
}

/// Zeroes every open interest of a chain.
pub(crate) fn without_interest(mut reply: Reply) -> Reply {
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    let keys = ["\"open_interest\":", "\"openInterest\":"];
    while let Some((at, key)) = keys.iter().filter_map(|key| rest.find(key).map(|at| (at, *key))).min() {
        let (head, tail) = rest.split_at(at + key.len());
        out.push_str(head);
        out.push('0');
        let end = tail.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c))).unwrap_or(tail.len());
        rest = &tail[end..];
    }
    out.push_str(rest);
    reply.body = out.into_bytes();
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::JSON;

    #[test]
    fn an_address_is_served_well_so_many_times() {
        let spoils = Spoils::default();
        let (address, other) = ([127, 0, 0, 3].into(), [127, 0, 0, 4].into());
        spoils.add(address, Spoil::Frozen, 2);
        let at = |second| Timestamp::from_second(second).unwrap();
        let seen: Vec<i64> = (1..=5).map(|n| spoils.serve(address, at(n)).now.as_second()).collect();
        assert_eq!(seen, [1, 2, 3, 3, 3]);
        assert_eq!(spoils.serve(other, at(9)).now, at(9));
    }

    #[test]
    fn interest_is_zeroed_and_nothing_else() {
        let body = r#"{"open_interest":12.0,"volume":7,"x":{"openInterest":3}}"#;
        let zeroed = without_interest(Reply::new(200, JSON, body));
        assert_eq!(String::from_utf8(zeroed.body).unwrap(), r#"{"open_interest":0,"volume":7,"x":{"openInterest":0}}"#);
    }
}
