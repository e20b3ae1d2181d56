//! SIGHUP: the terminal a program was started from is closed, or the connection to it is lost. It asks for an orderly end
//! like SIGTERM, unless who started the program asked that it be no matter (`nohup`): then it stays ignored.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for SIGHUP.
pub struct Hangup(Option<Signal>);

impl Hangup {
    /// Listens from now on, or never where SIGHUP is ignored.
    ///
    /// # Errors
    /// The system gives no handler.
    pub fn new() -> io::Result<Self> {
        // Where there is no such file nothing is known to be ignored.
        let ignored = std::fs::read_to_string("/proc/self/status").is_ok_and(|status| is_ignored(&status));
        Ok(Self((!ignored).then(|| signal(SignalKind::hangup())).transpose()?))
    }

    /// Returns when the terminal was closed.
    pub async fn came(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}

/// What Linux says of a process: bit 0 of the mask of ignored signals is SIGHUP.
fn is_ignored(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::is_ignored;

    #[test]
    fn nohup_is_seen() {
        assert!(is_ignored("Name:\tx\nSigIgn:\t0000000000001001\n"));
        assert!(!is_ignored("Name:\tx\nSigIgn:\t0000000000001000\n"));
        assert!(!is_ignored("Name:\tx\n"));
    }
}
