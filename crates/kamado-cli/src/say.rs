//! Writing to the standard streams without falling over when nobody reads them any more (`kamado … | head`).

use std::io::{Write, stderr, stdout};

use serde::Serialize;

/// Writes a line to the standard output.
pub(crate) fn line(text: &str) {
    let mut out = stdout().lock();
    // There is nobody left to tell, and the work itself (a training run) should not be lost for it.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Writes a line to the standard error stream.
pub(crate) fn error_line(text: &str) {
    let _ = writeln!(stderr().lock(), "{text}");
}

/// Writes a value as one line of JSON to the standard output.
pub(crate) fn json(value: &impl Serialize) {
    // What is written here are numbers, words and lists of them, which JSON has.
    line(&serde_json::to_string(value).unwrap_or_default());
}
