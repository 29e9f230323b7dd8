//! The one binary: the supervisor and the subcommands, each a thin call into
//! the crates below.
//!
//! Reading order: [`arguments`] (the command tree), [`command`] (one file per
//! subcommand), [`supervisor`] (the processes), [`process`] (what the children
//! do when they start), and the small things every command shares:
//! [`failure`], [`logging`], [`output`], [`secret`], [`settings`], [`snippet`], [`venue`].

mod arguments;
mod command;
mod failure;
mod logging;
mod output;
mod process;
mod secret;
mod settings;
mod snippet;
mod supervisor;
mod venue;
mod virtual_key;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The allocator's arenas would be backed by pages of 2 MiB, which doubles
    // what idle processes hold; children inherit this. Where it cannot be set
    // they only hold more.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    arguments::run(std::env::args_os())
}
