//! Columns from the names of files.

use crate::error::{DataError, Result};

/// A pattern such as `{label}_{speaker}_{index}.wav`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PathPattern {
    /// What stands before the first name.
    start: String,
    /// Names, and what stands after each.
    parts: Vec<(String, String)>,
    folders: usize,
}

impl PathPattern {
    pub(super) fn parse(pattern: &str) -> Result<Self> {
        let refused = |problem: &str| {
            let remedy = "Write a name in braces for each column, with text between them: \"{label}_{index}.wav\"";
            DataError::request(format!("path_pattern = {pattern:?}: {problem}"), remedy)
        };
        let mut pieces = pattern.split('{');
        let start = pieces.next().unwrap_or_default().to_owned();
        let mut parts: Vec<(String, String)> = Vec::new();
        for piece in pieces {
            let (name, after) = piece.split_once('}').ok_or_else(|| refused("a brace is not closed"))?;
            if name.is_empty() || matches!(name, "path" | "split") || parts.iter().any(|(known, _)| known == name) {
                return Err(refused("names must be there, differ, and not be \"path\" or \"split\""));
            }
            if parts.last().is_some_and(|(_, between)| between.is_empty()) {
                return Err(refused("nothing stands between two names"));
            }
            parts.push((name.to_owned(), after.to_owned()));
        }
        if parts.is_empty() || start.contains('}') || parts.iter().any(|(_, after)| after.contains('}')) {
            return Err(refused("no name in braces, or a brace that was not opened"));
        }
        Ok(PathPattern { start, parts, folders: pattern.matches('/').count() })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|(name, _)| name.as_str())
    }

    /// The values of the names for the end of a path with as many folders as the pattern has.
    pub(super) fn values<'a>(&self, path: &'a str) -> Option<Vec<&'a str>> {
        let from = path.rmatch_indices('/').nth(self.folders).map_or(0, |(slash, _)| slash + 1);
        let mut rest = path[from..].strip_prefix(self.start.as_str())?;
        let mut values = Vec::with_capacity(self.parts.len());
        for (index, (_, after)) in self.parts.iter().enumerate() {
            let last = index + 1 == self.parts.len();
            let value = if last { rest.strip_suffix(after.as_str())? } else { rest.split_once(after.as_str())?.0 };
            if value.contains('/') || value.is_empty() {
                return None;
            }
            values.push(value);
            rest = if last { "" } else { &rest[value.len() + after.len()..] };
        }
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_take_what_stands_in_their_place() {
        let pattern = PathPattern::parse("{label}_{speaker}_{index}.wav").unwrap();
        assert_eq!(pattern.values("recordings/7_jackson_32.wav"), Some(vec!["7", "jackson", "32"]));
        assert_eq!(pattern.values("7_jackson_32_b.wav"), Some(vec!["7", "jackson", "32_b"]));
        assert_eq!(pattern.values("7_jackson.wav"), None);
        assert_eq!(pattern.values("7_jackson_.wav"), None);
        let folders = PathPattern::parse("{speaker}/{label}-").unwrap();
        assert_eq!(folders.values("a/b/c-"), Some(vec!["b", "c"]));
        assert_eq!(folders.values("c-"), None);
    }

    #[test]
    fn unsound_patterns_are_refused() {
        for pattern in ["", "x.wav", "{a", "{}", "{a}{b}", "{a}_{a}", "{path}.wav", "a}{b}"] {
            assert!(PathPattern::parse(pattern).unwrap_err().to_string().contains("{label}"), "{pattern}");
        }
    }
}
