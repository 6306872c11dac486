//! A mistake in a recipe, shown where it is.

use std::fmt;
use std::ops::Range;

/// The widest piece of a source line that is worth showing.
const WINDOW: usize = 100;

/// What is wrong with a recipe: the place, the line with a caret under the culprit, and what to do.
///
/// `Display` gives several lines of text without a final line break:
/// ```text
/// unknown key `filter` in model.layers[0], type "conv2d"
///   --> recipe.toml:5:22
///    |
///  5 |   { type = "conv2d", filter = 32 },
///    |                      ^^^^^^
/// help: did you mean `filters`?
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipeError {
    /// What is wrong, in one line.
    pub problem: String,
    /// The file, or the name of the built-in recipe.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What to do about it.
    pub help: String,
    /// The line and the caret under it.
    excerpt: String,
}

impl RecipeError {
    /// The error at bytes `span` of `text`.
    pub(crate) fn at(file: &str, text: &str, span: Range<usize>, problem: String, help: String) -> Self {
        let start = floor_boundary(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let before = text[line_start..start].chars().count();
        let length = text[line_start..line_end].trim_end().chars().count();
        let culprit = text[start..floor_boundary(text, span.end).clamp(start, line_end)].chars().count();
        // A recipe may be one very long line: show the surroundings only.
        let skipped = if length > WINDOW { before.saturating_sub(WINDOW / 2) } else { 0 };
        let excerpt: String =
            text[line_start..line_end].trim_end().chars().skip(skipped).take(WINDOW).map(visible).collect();
        let (line, column) = (text[..start].matches('\n').count() + 1, before + 1);
        let (number, indent) = (line.to_string(), " ".repeat(before - skipped));
        let gutter = " ".repeat(number.len());
        let carets = "^".repeat(culprit.clamp(1, WINDOW / 2));
        let excerpt = format!(" {gutter} |\n {number} | {excerpt}\n {gutter} | {indent}{carets}");
        Self { problem, file: file.to_owned(), line, column, help, excerpt }
    }
}

/// The start of the character that holds byte `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// Control characters would move the cursor and the caret with it.
fn visible(c: char) -> char {
    if c == '\t' {
        ' '
    } else if c.is_control() {
        '\u{fffd}'
    } else {
        c
    }
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gutter = " ".repeat(self.line.to_string().len());
        let RecipeError { problem, file, line, column, excerpt, .. } = self;
        write!(f, "{problem}\n {gutter}--> {file}:{line}:{column}\n{excerpt}")?;
        if self.help.is_empty() { Ok(()) } else { write!(f, "\nhelp: {}", self.help) }
    }
}

impl std::error::Error for RecipeError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, span: Range<usize>) -> RecipeError {
        RecipeError::at("r.toml", text, span, "wrong".into(), "mend it".into())
    }

    #[test]
    fn the_caret_stands_under_the_culprit() {
        let shown = at("a = 1\nbé = \"two\"\n", 12..17).to_string();
        assert_eq!(shown, "wrong\n  --> r.toml:2:6\n   |\n 2 | bé = \"two\"\n   |      ^^^^^\nhelp: mend it");
    }

    #[test]
    fn no_span_is_out_of_reach() {
        let text = "é\n\u{1b}[2Jx";
        for start in 0..12 {
            for end in 0..12 {
                assert!(!at(text, start..end).to_string().contains('\u{1b}'));
            }
        }
        assert_eq!(at("", 0..0).line, 1);
    }

    #[test]
    fn a_very_long_line_is_cut() {
        let text = format!("{}x{}", "a".repeat(100_000), "b".repeat(100_000));
        let error = at(&text, 100_000..100_001);
        assert_eq!(error.column, 100_001);
        assert!(error.to_string().len() < 400, "{error}");
        let lines: Vec<&str> = error.excerpt.lines().collect();
        assert_eq!(lines[1].find('x'), lines[2].find('^'));
    }
}
