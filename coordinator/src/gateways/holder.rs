//! Who holds gateways, so that a run that was killed is known to be dead before its lease is over.
//!
//! A holder is `host:pid#boot-namespace-start`: a process id means something only within one boot of one machine and one
//! namespace of processes, and only together with the instant its process began, since ids come round again. Who asks the
//! system from there and is told that there is no such process knows that the run is dead; anybody else waits for the lease.
//! Being told nothing is no answer: under `hidepid` and `ProtectProc` other users' processes do not show in `/proc` at all.

use fleet_core::seams::Holder;
use fleet_gateways::ledger::{Ledger, LedgerError, Part};
use fleet_gateways::set::{GatewaySet, SetState};

/// This process as a holder of gateways; `run` is what people call it (`host:pid`).
#[must_use]
pub fn of_this_process(run: &Holder) -> Holder {
    match (place(), began("self")) {
        (Some(place), Some(began)) => Holder(format!("{}#{place}-{began}", run.0)),
        (Some(place), None) => Holder(format!("{}#{place}", run.0)),
        (None, _) => run.clone(),
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

/// When a process began, in the kernel's ticks since the boot; `None`: nobody may know, or there is none.
fn began(pid: &str) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses, which may contain anything; this one is the 22nd.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// What the system says when it is asked for a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// There is none, for certain.
    Gone,
    /// There is one, perhaps another user's.
    There,
}

/// A signal that is none: the one question that hidden processes answer too.
#[cfg(unix)]
fn asked(pid: i32) -> Asked {
    use rustix::process::{Pid, test_kill_process};
    let Some(pid) = Pid::from_raw(pid) else { return Asked::There };
    heard(test_kill_process(pid))
}

#[cfg(unix)]
fn heard(answer: Result<(), rustix::io::Errno>) -> Asked {
    // Not to be allowed to send it a signal (EPERM) means that there is somebody to send it to.
    if answer == Err(rustix::io::Errno::SRCH) { Asked::Gone } else { Asked::There }
}

#[cfg(not(unix))]
fn asked(_: i32) -> Asked {
    Asked::There
}

/// Whether a holder is certainly dead.
#[must_use]
pub fn is_dead(holder: &Holder) -> bool {
    let Some((run, there)) = holder.0.rsplit_once('#') else { return false };
    let pid = run.rsplit_once(':').and_then(|(_, pid)| pid.parse::<i32>().ok()).filter(|pid| *pid > 0);
    let (Some(pid), Some(here)) = (pid, place()) else { return false };
    let Some(began_then) = there.strip_prefix(&here) else { return false };
    // Older rows do not tell when it began.
    let began_then = match began_then.strip_prefix('-') {
        Some(ticks) => ticks.parse().ok(),
        None if began_then.is_empty() => None,
        None => return false,
    };
    is_another(asked(pid), began_then, began(&pid.to_string()))
}

/// Whether a process is not the one that began then.
fn is_another(asked: Asked, began_then: Option<u64>, began_now: Option<u64>) -> bool {
    match asked {
        Asked::Gone => true,
        Asked::There => began_then.zip(began_now).is_some_and(|(then, now)| then != now),
    }
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
        let here = place().unwrap();
        for odd in ["host:0", "host:-1", "host:x", "host"] {
            assert!(!is_dead(&Holder(format!("{odd}#{here}"))), "{odd} is no process");
        }
        assert!(!is_dead(&Holder(format!("host:{gone}#{here}7"))), "a namespace that begins alike");
        // As rows were written before.
        assert!(!is_dead(&Holder(format!("host:{}#{here}", std::process::id()))));
        assert!(is_dead(&Holder(format!("host:{gone}#{here}"))));
    }

    #[test]
    fn a_process_id_that_came_round_again_is_another_process() {
        let Some((here, began)) = place().zip(began("self")) else {
            eprintln!("SKIPPED: this system does not say when a process began");
            return;
        };
        let run = |began: u64| Holder(format!("host:{}#{here}-{began}", std::process::id()));
        assert!(!is_dead(&run(began)));
        assert!(is_dead(&run(began + 1)));
    }

    /// `hidepid` and `ProtectProc` show nothing of other users' processes in `/proc`.
    #[test]
    fn a_process_that_is_hidden_is_not_dead() {
        assert!(!is_another(Asked::There, Some(7), None), "when it began is hidden with it");
        assert!(!is_another(Asked::There, None, Some(7)), "an older row");
        assert!(is_another(Asked::Gone, Some(7), None));
        #[cfg(unix)]
        {
            use rustix::io::Errno;
            assert_eq!(heard(Err(Errno::PERM)), Asked::There, "another user's");
            assert_eq!(heard(Err(Errno::SRCH)), Asked::Gone);
            assert_eq!(heard(Ok(())), Asked::There);
            assert_eq!(asked(1), Asked::There, "the first process, whoever asks");
        }
    }
}
