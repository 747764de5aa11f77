//! Entry point.

use std::process::ExitCode;

/// Steady under many threads that allocate on one and free on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    infra_monitor::cli::main()
}
