//! The Redis store on real servers: its promises, its answers beside a plain model's, what happens when the server dies,
//! hangs or forgets, and who is let in.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise, in its helpers too")]

mod access;
mod alike;
mod histories;
mod model;
mod older;
mod outbox;
mod place;
mod promises;
mod scan;
mod server;
