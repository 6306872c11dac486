//! `kamado fetch mnist`

use std::io::IsTerminal;
use std::process::ExitCode;

use kamado_data::fetch::{Event, mnist};

use crate::failure::Failure;
use crate::progress::bytes_bar;
use crate::say;

pub(crate) fn run() -> Result<ExitCode, Failure> {
    let mut bar = None;
    let terminal = std::io::stderr().is_terminal();
    let directory = mnist(&mut |event| match event {
        Event::Progress { file, done, total } if terminal => {
            bar.get_or_insert_with(|| bytes_bar(file, total)).set_position(done);
        }
        Event::Done { file } => {
            bar = None;
            say::line(&format!("{file}: downloaded and verified"));
        }
        Event::Cached { file } => say::line(&format!("{file}: there already")),
        Event::Waiting => say::error_line("another download is under way; waiting for it"),
        Event::Failed { url, reason } => {
            bar = None;
            say::error_line(&format!("{url}: {reason}"));
        }
        _ => {}
    })?;
    say::line(&format!("MNIST is in {}\nNext: kamado train mnist", directory.display()));
    Ok(ExitCode::SUCCESS)
}
