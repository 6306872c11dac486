//! A text to learn to continue.

use std::path::Path;

use crate::dataset::{Dataset, FeatureData, Features, Labels};
use crate::error::{DataError, Result};
use crate::text::Tokenizer;

/// Longer files are not text for a machine of this size, in bytes.
const LONGEST: u64 = 1 << 30;

/// How a text becomes examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextWindows {
    /// The tokens of an example.
    pub sequence_length: usize,
    /// The distance between the starts of two examples to learn from; those to measure with do not overlap.
    pub stride: usize,
    /// The share at the end of the text that the finished model is measured with.
    pub test: f64,
    /// The share before it that is watched while training; the rest is learnt from.
    pub validation: f64,
}

/// A text in three parts, one after another, so that no example of one part overlaps another.
#[derive(Clone, Debug)]
pub struct TextParts {
    /// The examples to learn from.
    pub train: Dataset,
    /// The examples to watch, if a share was given.
    pub validation: Option<Dataset>,
    /// The examples to measure with, if a share was given.
    pub test: Option<Dataset>,
    /// How the text was cut into tokens: by the characters of the whole text.
    pub tokenizer: Tokenizer,
}

/// Reads a text file in UTF-8.
///
/// # Errors
/// If it cannot be read, is no text, or a part is shorter than one example.
pub fn load(path: &Path, windows: &TextWindows) -> Result<TextParts> {
    let bytes = std::fs::metadata(path).map_err(|e| DataError::io(path, "open it", e))?.len();
    if bytes > LONGEST {
        let found = format!("{bytes} bytes");
        return Err(DataError::malformed(place(path), "a text of at most 1 GiB", found, "Cut the file into parts"));
    }
    let raw = std::fs::read(path).map_err(|e| DataError::io(path, "read it", e))?;
    let text = String::from_utf8(raw).map_err(|e| {
        let found = format!("a byte that is none at place {}", e.utf8_error().valid_up_to());
        DataError::malformed(place(path), "text in UTF-8", found, "Convert the file, as with iconv -t UTF-8")
    })?;
    parts(&place(path), &text, windows)
}

/// Divides a text; `name` says in reports where it comes from.
///
/// # Errors
/// If a part is shorter than one example.
pub fn parts(name: &str, text: &str, windows: &TextWindows) -> Result<TextParts> {
    let TextWindows { sequence_length, stride, test, validation } = *windows;
    if sequence_length == 0 || stride == 0 {
        return Err(DataError::request("examples of no tokens, or none apart", "Both must be at least 1"));
    }
    let tokenizer = Tokenizer::characters_of(text);
    let tokens = tokenizer.encode(text)?;
    let share = |share: f64| (tokens.len() as f64 * share.clamp(0.0, 1.0)).round() as usize;
    let test_start = tokens.len().saturating_sub(share(test));
    let validation_start = test_start.saturating_sub(share(validation));
    let dataset = |part: &str, tokens: &[i32], stride| {
        if tokens.len() <= sequence_length {
            let found = format!("{} in the {part} part", tokens.len());
            let remedy = "Use a shorter sequence_length, a larger share for this part, or a longer text";
            return Err(DataError::malformed(name, format!("more than {sequence_length} tokens"), found, remedy));
        }
        let names = tokenizer.names();
        let max_value = names.len().max(2) as f32 - 1.0;
        let data = FeatureData::Tokens { tokens: tokens.to_vec(), stride };
        Dataset::new(name, Features { shape: vec![sequence_length], data, max_value }, Labels::NextTokens { names })
    };
    let held = |part: &str, tokens: &[i32], wanted: f64| {
        (wanted > 0.0).then(|| dataset(part, tokens, sequence_length)).transpose()
    };
    Ok(TextParts {
        train: dataset("training", &tokens[..validation_start], stride)?,
        validation: held("validation", &tokens[validation_start..test_start], validation)?,
        test: held("test", &tokens[test_start..], test)?,
        tokenizer,
    })
}

fn place(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LabelsMut, Loader, LoaderConfig};

    const WINDOWS: TextWindows = TextWindows { sequence_length: 4, stride: 2, test: 0.25, validation: 0.25 };

    #[test]
    fn windows_and_the_tokens_behind_them() {
        let parts = parts("abc", "abcdefghijklmnopqrst", &WINDOWS).unwrap();
        // 10 to learn from: windows from 0, 2 and 4, each with a token behind it; 5 in each other part.
        assert_eq!(parts.train.len(), 3);
        assert_eq!((parts.validation.unwrap().len(), parts.test.unwrap().len()), (1, 1));
        let loader = Loader::new(&parts.train, LoaderConfig { shuffle: false, ..LoaderConfig::default() }).unwrap();
        let (mut x, mut y) = ([0i32; 12], [0i32; 12]);
        let n = loader.epoch(0).next_into(&mut x[..], LabelsMut::Classes(&mut y)).unwrap();
        assert_eq!(n, Some(3));
        assert_eq!(parts.tokenizer.decode(&x), "abcdcdefefgh");
        assert_eq!(parts.tokenizer.decode(&y), "bcdedefgfghi");
        let error = loader.epoch(0).next_into(&mut [0.0f32; 12][..], LabelsMut::Nowhere).unwrap_err().to_string();
        assert!(error.contains("are tokens, but floats are wanted"), "{error}");
    }

    #[test]
    fn what_cannot_be_is_told() {
        let error = parts("abc", "abcdefg", &WINDOWS).unwrap_err().to_string();
        assert!(error.contains("more than 4 tokens") && error.contains("part"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("binary");
        std::fs::write(&path, [b'a', 0xff]).unwrap();
        let error = load(&path, &WINDOWS).unwrap_err().to_string();
        assert!(error.contains("text in UTF-8") && error.contains("place 1"), "{error}");
        assert!(load(&folder.path().join("none"), &WINDOWS).is_err());
    }
}
