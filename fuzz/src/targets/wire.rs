//! The wire: what crosses a process or a database.

use std::fmt::Debug;

use fleet_core::domain::{BarSeries, Manifest, Mark, Notice, StoredOutcome, Task, TradeRecord, WorkerReport};
use fleet_core::wire::{Wire, decode, pack_summary, unpack_summary};

use super::promises;

/// The first byte chooses the type. Whatever decodes is encoded and decoded to itself.
pub fn wire(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else { return };
    let of: [fn(&[u8]); 9] = [
        identity::<Manifest>,
        identity::<Task>,
        identity::<StoredOutcome>,
        identity::<TradeRecord>,
        identity::<Notice>,
        identity::<BarSeries>,
        identity::<Mark>,
        identity::<WorkerReport>,
        packed_identity,
    ];
    // The seeds begin with a digit.
    of[usize::from(choice.wrapping_sub(b'0')) % of.len()](body);
}

/// A value has one spelling.
fn packed_identity(bytes: &[u8]) {
    match unpack_summary(bytes) {
        Ok(summary) => assert_eq!(pack_summary(&summary), bytes),
        Err(error) => promises::printable(&error.to_string()),
    }
}

fn identity<T: Wire + PartialEq + Debug>(bytes: &[u8]) {
    match decode::<T>(bytes) {
        Ok(value) => promises::survives_wire(&value),
        Err(error) => promises::printable(&error.to_string()),
    }
}
