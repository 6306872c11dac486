//! What a check found, and all of it together.

use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Training goes on, but perhaps not as meant.
    Warning,
    /// Training is refused.
    Error,
}

/// What a check found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Whether training is refused.
    pub severity: Severity,
    /// What was checked, as in a recipe: a layer, the loss, or a part of the data.
    pub place: String,
    /// What was expected, what is there, and what would follow.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    pub(super) fn error(place: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Finding { severity: Severity::Error, place: place.into(), what: what.into(), remedy: remedy.into() }
    }

    pub(super) fn warning(place: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Finding { severity: Severity::Warning, ..Finding::error(place, what, remedy) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}: {}: {}\n  remedy: {}", self.place, self.what, self.remedy)
    }
}

/// All findings.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// The findings, errors first.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Report { findings }
    }

    /// Whether training is refused.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The findings that do not refuse training.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Warning)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.has_errors() {
            f.write_str("model, loss and data do not fit each other; nothing was trained\n")?;
        }
        for (i, finding) in self.findings.iter().enumerate() {
            write!(f, "{}{finding}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_first_and_decide() {
        let report = Report::new(vec![Finding::warning("a", "b", "c"), Finding::error("d", "e", "f")]);
        assert!(report.has_errors());
        assert_eq!(report.warnings().count(), 1);
        let expected = "model, loss and data do not fit each other; nothing was trained\n\
                        error: d: e\n  remedy: f\nwarning: a: b\n  remedy: c";
        assert_eq!(report.to_string(), expected);
        assert!(!Report::default().has_errors());
        assert_eq!(Report::default().to_string(), "");
    }
}
