//! Words, as a reader of any script would count them.

use unicode_normalization::char::is_combining_mark;

/// The words of `text`, in order: runs of letters and digits; each ideograph of Chinese, Japanese and Korean by itself
/// (they are written without spaces); each punctuation mark or symbol by itself. White space parts and is dropped.
///
/// Source: the basic tokeniser of J. Devlin, M.-W. Chang, K. Lee, K. Toutanova, "BERT: Pre-training of deep
/// bidirectional transformers for language understanding", 2018, without its lower case and accents.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let end = match is_letter(first) {
            true => rest.find(|c| !is_letter(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

fn is_letter(c: char) -> bool {
    (c.is_alphanumeric() || is_combining_mark(c)) && !is_ideograph(c)
}

/// The blocks "CJK Unified Ideographs", their extensions A to H, and the compatibility ideographs.
fn is_ideograph(c: char) -> bool {
    matches!(u32::from(c), 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x323AF)
}
