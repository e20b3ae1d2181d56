//! Drawing an identity: which profile of the table a lease of an endpoint gets.
//!
//! Deterministic: the same key gives the same identity on every machine, so that a worker which takes a lease over goes
//! on as the same browser. `fake` turns a seeded stream into the choices; nothing of its own data (its user agents are
//! of 2010 to 2015) reaches the wire.

use fake::Fake;
use jiff::civil::Date;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::profile::{Device, Profile, Version};
use super::table::{self, ROWS, Row};

/// What a lease reads of a vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Pages laid out for people: a phone might get another page than the parser knows, so only desktops are drawn.
    Pages,
    /// Data for scripts, which are the same on every device.
    Data,
}

/// What an identity is drawn for: one lease of one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentityKey<'a> {
    /// Of the scan; from its manifest.
    pub seed: u64,
    /// Who holds the endpoint, and since when: another lease is another visitor.
    pub lease: &'a str,
    /// The endpoint's name.
    pub endpoint: &'a str,
    /// What it is used for.
    pub reads: Reads,
}

/// Draws the profile of a key from the table of a day.
pub(super) fn profile(key: &IdentityKey<'_>, on: Date) -> Profile {
    let mut rng = ChaCha8Rng::seed_from_u64(mixed(key));
    let fits = |row: &&Row| key.reads == Reads::Data || row.device == Device::Desktop;
    let rows: Vec<(Row, u32)> = ROWS.iter().filter(fits).map(|row| (*row, row.weight)).collect();
    let Some(row) = weighted(&rows, &mut rng) else { return table::usual() };
    let Some(version) = weighted(&table::versions(row.browser, on), &mut rng) else { return table::usual() };
    let version: Version = version;
    Profile { browser: row.browser, version, system: row.system, device: row.device }
}

/// One of the choices, each as often as its weight; `None` only of none.
fn weighted<T: Copy>(choices: &[(T, u32)], rng: &mut ChaCha8Rng) -> Option<T> {
    let total: u32 = choices.iter().map(|(_, weight)| weight).sum();
    if total == 0 {
        return None;
    }
    let mut ticket: u32 = (0..total).fake_with_rng(rng);
    for (choice, weight) in choices {
        if ticket < *weight {
            return Some(*choice);
        }
        ticket -= weight;
    }
    None
}

/// FNV-1a over the parts of a key, each with its length so that their borders count.
fn mixed(key: &IdentityKey<'_>) -> u64 {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let seeded = key.seed.to_le_bytes().into_iter().fold(0xcbf2_9ce4_8422_2325, fold);
    [key.lease, key.endpoint].into_iter().fold(seeded, |hash, part| {
        let hash = (part.len() as u64).to_le_bytes().into_iter().fold(hash, fold);
        part.bytes().fold(hash, fold)
    })
}
