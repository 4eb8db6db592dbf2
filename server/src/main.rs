//! `profile360`: see `cli` for the commands.

// The futures of SurrealDB's executor nest deeply.
#![recursion_limit = "256"]

use std::{
    ffi::{c_int, c_long},
    process::ExitCode,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(unsafe_code, reason = "the crate has no safe way to set an option of the allocator")]
// SAFETY: it is the function of the allocator that is linked, with its own signature, and may be called at any time.
unsafe extern "C" {
    safe fn mi_option_set(option: c_int, value: c_long);
}

/// `mi_option_purge_delay`: how long the allocator keeps memory that was freed, in milliseconds.
const PURGE_DELAY: c_int = 15;
/// A batch frees as much as it needed. With the default of a second the next batches use other memory, and the
/// process has twice as much.
const PURGE_AFTER_MS: c_long = 20;

/// SurrealDB's executor nests deeply; its documentation asks for this much.
const STACK_BYTES: usize = 10 * 1024 * 1024;

/// With a single thread a long computation would starve the watchdog and the shutdown.
const MIN_THREADS: usize = 2;

fn main() -> ExitCode {
    mi_option_set(PURGE_DELAY, PURGE_AFTER_MS);
    // Files hold personal data or secrets: readable by their owner only, even if the shell's umask allows more.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let n_threads = std::thread::available_parallelism().map_or(MIN_THREADS, |it| it.get().max(MIN_THREADS));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(n_threads)
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build();
    match runtime {
        // The futures of a command are large: a spawned task lives on the heap, not on the main thread's small stack.
        Ok(runtime) => {
            runtime.block_on(async { tokio::spawn(profile360_server::cli::run()).await }).unwrap_or(ExitCode::FAILURE)
        }
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "there is no log yet")]
            {
                eprintln!("error: the program cannot start its threads: {error}");
            }
            ExitCode::FAILURE
        }
    }
}
