//! Ending a process that can only be restarted.

/// `EX_TEMPFAIL` of sysexits.h: try again.
const EXIT_CODE: i32 = 75;

/// Ends the process without closing anything. The next start recovers all acknowledged commits.
pub(super) fn end(reason: &str) -> ! {
    #[expect(clippy::print_stderr, reason = "the log may be blocked, too")]
    {
        let first = if is_disk_full(reason) { "the disk is full: free some of it, then " } else { "" };
        eprintln!(
            "error: {reason} (docs/operating.md); {first}start the program again; no acknowledged commit is lost"
        );
    }
    #[expect(clippy::exit, reason = "closing is impossible with locks that are never released, or with a full disk")]
    std::process::exit(EXIT_CODE)
}

/// Whether an error of the engine means that the disk is full.
pub(super) fn is_disk_full(reason: &str) -> bool {
    reason.to_ascii_lowercase().contains("no space left")
}
