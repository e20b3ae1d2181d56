//! Ctrl-C, SIGTERM and SIGHUP (the terminal was closed): the first asks for an orderly end, the second ends the process at
//! once. A SIGHUP that is ignored stays ignored: that is what `nohup` asks for.

#[cfg(unix)]
use fleet_telemetry::say;
use fleet_worker::program::Hangup;
use tokio::sync::watch;

use crate::failure::{Exit, Failure};

/// What stays after a second signal where gateways were used.
pub const GATEWAYS_LEFT: &str = "stopped at once; `optionfleet cleanup --yes` deletes the gateways that are left";

/// Listens from now on. The receiver turns true at the first signal, when `doing` is told on stderr; at the second `left`
/// is, if something may be.
pub fn listen(doing: &'static str, left: Option<&'static str>) -> Result<watch::Receiver<bool>, Failure> {
    let cannot = |error: std::io::Error| Failure::broken(format!("cannot listen for Ctrl-C: {error}"));
    let mut signals = Signals::new().map_err(cannot)?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        signals.next().await;
        // Nobody may be listening any more; the second signal ends the process all the same.
        sender.send_replace(true);
        say!("interrupted: {doing}; once more to stop at once");
        signals.next().await;
        if let Some(left) = left {
            say!("{left}");
        }
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    Ok(receiver)
}

/// Waits for the first signal.
pub async fn wait(receiver: &mut watch::Receiver<bool>) {
    // An error means the listener is gone, with the runtime: then it is over too.
    let _ = receiver.wait_for(|interrupted| *interrupted).await;
}

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

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = self.hangup.came() => {}
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

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
