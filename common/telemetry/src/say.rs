//! Lines for people, on stderr.

use std::fmt;
use std::io::Write as _;

/// Writes a line to stderr, formatted like [`std::format!`].
///
/// Unlike `eprintln!` it goes on where nobody reads any more (`2>&1 | head`, a pager that was quit): a program that has
/// things to take down must not end because it cannot tell of them.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {
        $crate::say::line(::std::format_args!($($text)*))
    };
}

/// What [`say!`](crate::say!) does.
pub fn line(text: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
