//! SIGTERM, SIGHUP (the terminal was closed) and Ctrl-C: the first of any asks for an orderly end, another Ctrl-C ends the process at once. Another
//! SIGTERM changes nothing: who sends them (systemd, an orchestrator) ends a drain that takes too long by itself.

use tokio::sync::watch;

use super::failure::{Exit, Failure};
#[cfg(unix)]
use super::hangup::Hangup;
use super::voice::Voice;

/// Whether an orderly end was asked for.
pub struct Stop(watch::Receiver<Option<&'static str>>);

impl Stop {
    /// Returns once it was, and by what.
    pub async fn asked(&mut self) -> &'static str {
        match self.0.wait_for(Option::is_some).await {
            Ok(signal) => signal.unwrap_or("a signal"),
            // The listener ends with the runtime only.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Listens from now on.
pub fn listen(voice: Voice) -> Result<Stop, Failure> {
    let mut signals = Signals::new().map_err(|error| Failure::broken(format!("cannot listen for signals: {error}")))?;
    let (sender, receiver) = watch::channel(None);
    tokio::spawn(async move {
        sender.send_replace(Some(signals.next().await));
        while signals.next().await != CTRL_C {}
        voice.warn("ended at once; what it held is delivered again by itself");
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    Ok(Stop(receiver))
}

const CTRL_C: &str = "Ctrl-C";

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: Hangup,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: Hangup::new()?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => CTRL_C,
            _ = self.terminate.recv() => "SIGTERM",
            () = self.hangup.came() => "SIGHUP",
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        let _ = tokio::signal::ctrl_c().await;
        CTRL_C
    }
}
