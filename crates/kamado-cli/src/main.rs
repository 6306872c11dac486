//! The `kamado` command.
#![forbid(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod commands;
mod failure;
mod interrupt;
mod keras_line;
mod progress;
mod run_dir;
mod say;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Train(args) => commands::train::run(&args),
        Command::Check(args) => commands::check::run(&args),
        Command::Schema => commands::check::schema(),
        Command::VerifyResume(args) => commands::verify::run(&args),
        Command::Evaluate(args) => commands::evaluate::run(&args),
        Command::Predict(args) => commands::predict::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
        Command::Card(args) => commands::card::run(&args),
        Command::Generate(args) => commands::generate::run(&args),
        Command::Summary(args) => commands::summary::run(&args),
        Command::Recipes(args) => commands::recipes::run(&args),
        Command::Data(args) => commands::data::run(&args),
        Command::Privacy(args) => commands::privacy::run(&args),
        Command::Fetch(_) => commands::fetch::run(),
    };
    done.unwrap_or_else(|failure| failure.report())
}
