//! What the system tells of a process.

/// Memory of a process in kilobytes, as `/proc/<pid>/status` gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Resident now (`VmRSS`).
    pub resident_kb: u64,
    /// The most it ever had resident (`VmHWM`).
    pub peak_kb: u64,
}

/// Reads it; `None` when the process has ended, or the system has no such files.
#[must_use]
pub fn memory(pid: u32) -> Option<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    Some(Memory { resident_kb: field("VmRSS:")?, peak_kb: field("VmHWM:")? })
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_has_memory() {
        let Some(memory) = super::memory(std::process::id()) else {
            eprintln!("SKIPPED: this system tells no memory of a process");
            return;
        };
        assert!(memory.resident_kb > 100 && memory.peak_kb >= memory.resident_kb);
        assert_eq!(super::memory(u32::MAX), None);
    }
}
