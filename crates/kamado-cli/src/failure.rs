//! How a command fails: what it says and what it exits with.

use std::fmt::Display;
use std::io::IsTerminal;
use std::process::ExitCode;

use kamado_data::DataError;
use kamado_explain::ExplainError;
use kamado_nn::NnError;
use kamado_nn::model_file::ModelFileError;
use kamado_privacy::PrivacyError;
use kamado_train::TrainError;
use kamado_train::recipe::RecipeError;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    problem: String,
    help: String,
}

impl Failure {
    /// Something went wrong while working: exit code 1.
    pub(crate) fn run(problem: impl Display, help: impl Display) -> Self {
        Failure { code: 1, problem: problem.to_string(), help: help.to_string() }
    }

    /// The request itself is wrong: exit code 2.
    pub(crate) fn usage(problem: impl Display, help: impl Display) -> Self {
        Failure { code: 2, problem: problem.to_string(), help: help.to_string() }
    }

    /// Says it on the standard error stream.
    pub(crate) fn report(&self) -> ExitCode {
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let (error, help) =
            if colour { ("\x1b[1;31merror\x1b[0m", "\x1b[1;36mhelp\x1b[0m") } else { ("error", "help") };
        crate::say::error_line(&format!("{error}: {}", harmless(&self.problem)));
        if !self.help.is_empty() {
            crate::say::error_line(&format!("{help}: {}", harmless(&self.help)));
        }
        ExitCode::from(self.code)
    }
}

/// File names and file contents end up in errors; they must not steer the terminal.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

impl From<RecipeError> for Failure {
    fn from(error: RecipeError) -> Self {
        Failure::usage(error, "")
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        Failure::run(error, "")
    }
}

impl From<NnError> for Failure {
    fn from(error: NnError) -> Self {
        Failure::usage(error, "")
    }
}

impl From<ModelFileError> for Failure {
    fn from(error: ModelFileError) -> Self {
        Failure::run(error, "")
    }
}

impl From<PrivacyError> for Failure {
    fn from(error: PrivacyError) -> Self {
        Failure::usage(error.problem, error.remedy)
    }
}

impl From<ExplainError> for Failure {
    fn from(error: ExplainError) -> Self {
        match error {
            ExplainError::Request { problem, remedy } => Failure::usage(problem, remedy),
            ExplainError::Model(_) | ExplainError::Graph(_) => Failure::usage(error, ""),
            _ => Failure::run(error, ""),
        }
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Preflight(_) | TrainError::Metric(_) | TrainError::Model(_) => Failure::usage(error, ""),
            _ => Failure::run(error, ""),
        }
    }
}
