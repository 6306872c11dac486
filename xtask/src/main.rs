//! House checks and generators for people who work on Kamado: `cargo xtask check | sizes | doc-paths | new-op NAME`.
#![forbid(unsafe_code)]

mod checks;
mod doc_paths;
mod new_op;
mod tree;

use std::io::Write;
use std::process::{Command, ExitCode};

use tree::Tree;

const USAGE: &str = "\
cargo xtask COMMAND

  check           formatting, house rules, clippy and documentation; what has to pass before a change is sent
  sizes           the lengths of the Rust files, longest first
  doc-paths       whether every path that a .md file names exists
  new-op NAME     a skeleton for an operator, and the places it has to be added to";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = Tree::read().and_then(|tree| match words[..] {
        ["check"] => check(&tree),
        ["sizes"] => {
            // `cargo xtask sizes | head` is no mistake.
            let _ = writeln!(std::io::stdout(), "{}", checks::sizes(&tree));
            Ok(())
        }
        ["doc-paths"] => report(doc_paths::missing(&tree)),
        ["new-op", name] => new_op::scaffold(&tree, name),
        _ => Err(USAGE.to_owned()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn check(tree: &Tree) -> Result<(), String> {
    cargo(&["fmt", "--all", "--check"], &[])?;
    let mut wrong = checks::house_rules(tree);
    wrong.extend(doc_paths::missing(tree));
    report(wrong)?;
    cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"], &[])?;
    cargo(&["doc", "--workspace", "--no-deps", "--quiet"], &[("RUSTDOCFLAGS", "--deny warnings")])
}

fn cargo(arguments: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let status = Command::new(cargo)
        .args(arguments)
        .envs(variables.iter().copied())
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo {} failed", arguments.join(" "))) }
}

fn report(wrong: Vec<String>) -> Result<(), String> {
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}
