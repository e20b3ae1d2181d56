//! The vendors' parsers, from outside: recorded bodies, our own fixtures, hostile bodies, mutated bytes.

mod captures;
