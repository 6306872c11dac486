//! The `kamado` command.
#![forbid(unsafe_code)]

fn main() {}
