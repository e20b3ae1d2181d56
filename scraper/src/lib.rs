//! x
pub mod parse_error;
pub mod spelling;
pub mod vendors;
