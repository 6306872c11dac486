//! What can be wrong with a request about privacy.

/// A request that has no answer, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}. {remedy}")]
pub struct PrivacyError {
    /// What was asked and why it cannot be.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl PrivacyError {
    pub(crate) fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        PrivacyError { problem: problem.into(), remedy: remedy.into() }
    }
}
