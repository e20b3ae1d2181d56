//! Real `nats-server` and `redis-server` processes for tests.
//!
//! Each server has a loopback port and a temporary folder of its own. It can be killed, restarted with its store or
//! without, frozen and thawed; it is ended by its process id when its value is dropped, and by a guardian process when
//! the test itself is killed or keeps the value in a `static`. Nothing is ever ended by name.
//!
//! Everything here blocks and panics with a sentence: it is for tests only. Every wait has a limit.

mod certificates;
mod nats;
mod process;
mod redis;

pub use certificates::Certificates;
pub use nats::{JetStream, NatsAuth, NatsOptions, NatsServer};
pub use redis::{AppendOnly, RedisOptions, RedisServer};
