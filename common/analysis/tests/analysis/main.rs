//! The analysis from outside, through its one door.

mod exits;
mod gates;
mod notices;
mod signal;
mod spot;
mod wild;
mod world;
