//! The command line: takes arguments, prints, and chooses the exit code. Nothing else prints.

mod args;
mod check;
mod configuration;
mod demo;
mod diagnostics;
mod failure;
mod learn;
mod open_sockets;
mod probe;
mod read;
mod replay;
mod run;
mod terminal;
mod transactions;

use std::process::ExitCode;

use clap::CommandFactory;
use clap::Parser;

use args::{Cli, Command};
use failure::{Exit, Failure};

/// Do what the arguments ask for.
pub fn main() -> ExitCode {
    let outcome = match Cli::try_parse() {
        Ok(Cli { command }) => obey(command),
        Err(error) => return explain(&error),
    };
    match outcome {
        Ok(()) => Exit::Done.into(),
        Err(failure) => failure.report(),
    }
}

/// What there is to type, for whoever writes manual pages and completions of it.
pub fn command() -> clap::Command {
    Cli::command()
}

fn obey(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::check(&args),
        Command::OpenSockets(args) => open_sockets::open_sockets(&args),
        Command::Demo(args) => demo::demo(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Learn(args) => learn::learn(&args),
        Command::Read(args) => read::read(args),
        Command::Probe(args) => probe::probe(&args),
    }
}

/// What clap has to say: help and version on standard output, mistakes on standard error.
fn explain(error: &clap::Error) -> ExitCode {
    // A reader that went away has had its help; there is nobody left to tell.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}
