//! The one binary: the supervisor and the subcommands, each a thin call into
//! the crates below.
//!
//! Reading order: [`arguments`] (the command tree), [`command`] (one file per
//! subcommand), [`supervisor`] (the processes), [`process`] (what the children
//! do when they start), and the small things every command shares:
//! [`failure`], [`output`], [`secret`], [`settings`], [`snippet`].

mod arguments;
mod command;
mod failure;
mod output;
mod process;
mod secret;
mod settings;
mod snippet;
mod supervisor;
mod virtual_key;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    arguments::run(std::env::args_os())
}
