//! The blob of explanations that a commit carries.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use fleet_worker::explanation::{pack, unpack};

use super::promises;

/// An even first byte: a blob as it is. An odd one: what a blob unpacks to (a checksum hides it from a fuzzer).
pub fn explanations(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else { return };
    let blob = if choice.is_multiple_of(2) { body.to_vec() } else { zipped(body) };
    match unpack(&blob) {
        Ok(explanations) => {
            promises::survives_json(&explanations);
            assert_eq!(unpack(&pack(&explanations)).ok(), Some(explanations), "packed and unpacked to something else");
        }
        Err(error) => promises::printable(&error.to_string()),
    }
}

fn zipped(text: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(text).and_then(|()| packer.finish()).expect("writing to memory does not fail")
}
