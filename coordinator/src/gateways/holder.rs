//! Who holds gateways, so that a run that was killed is known to be dead before its lease is over.
//!
//! A holder is `host:pid#boot-namespace`: a process id means something only within one boot of one machine and one
//! namespace of processes. Who looks from there and finds no such process knows that the run is dead; anybody else waits
//! for the lease. A process id that came round again only delays that.

use std::path::Path;

use fleet_core::seams::Holder;
use fleet_gateways::ledger::{Ledger, LedgerError, Part};
use fleet_gateways::set::{GatewaySet, SetState};

/// This process as a holder of gateways; `run` is what people call it (`host:pid`).
#[must_use]
pub fn of_this_process(run: &Holder) -> Holder {
    match place() {
        Some(place) => Holder(format!("{}#{place}", run.0)),
        None => run.clone(),
    }
}

/// As people are told.
#[must_use]
pub fn shown(holder: &Holder) -> &str {
    holder.0.split('#').next().unwrap_or_default()
}

/// Where process ids mean what they mean here; `None`: this system does not say.
fn place() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let boot = boot.get(..8)?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    let namespace: String = namespace.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    Some(format!("{boot}-{namespace}"))
}

/// Whether a holder is certainly dead.
#[must_use]
pub fn is_dead(holder: &Holder) -> bool {
    let Some((run, there)) = holder.0.rsplit_once('#') else { return false };
    let Some(pid) = run.rsplit_once(':').and_then(|(_, pid)| pid.parse::<u32>().ok()) else { return false };
    place().as_deref() == Some(there)
        && Path::new("/proc/self").exists()
        && !Path::new(&format!("/proc/{pid}")).exists()
}

/// Whether a set is held by a run that is dead.
#[must_use]
pub fn is_left_behind(set: &GatewaySet) -> bool {
    set.state == SetState::Wanted && set.holder.as_ref().is_some_and(is_dead)
}

/// Nobody wants the sets of dead runs any more. Answers how many there were.
pub async fn release_the_dead(ledger: &dyn Ledger) -> Result<usize, LedgerError> {
    let mut released = 0;
    for set in ledger.sets().await?.iter().filter(|set| is_left_behind(set)) {
        match ledger.release(&set.id, &Part::Whole, set.holder.as_ref()).await {
            Ok(()) => released += 1,
            // Somebody was faster.
            Err(LedgerError::NotHeld(_) | LedgerError::NotFound(_) | LedgerError::NotWanted(_)) => {}
            Err(error @ (LedgerError::Unavailable(_) | LedgerError::Damaged(_))) => return Err(error),
        }
    }
    Ok(released)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_dead_when_its_process_is_gone_from_where_it_was() {
        let run = |pid: u32| of_this_process(&Holder(format!("host:{pid}")));
        if place().is_none() {
            eprintln!("SKIPPED: this system does not say where its process ids mean something");
            return;
        }
        assert!(!is_dead(&run(std::process::id())), "this process");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let gone = child.id();
        child.wait().unwrap();
        assert!(is_dead(&run(gone)), "a process that ended");
        let elsewhere = Holder(format!("host:{gone}#00000000-1"));
        assert!(!is_dead(&elsewhere), "another boot or namespace says nothing");
        assert!(!is_dead(&Holder(format!("host:{gone}"))), "nothing is known of where it was");
        assert_eq!(shown(&run(7)), "host:7");
    }
}
