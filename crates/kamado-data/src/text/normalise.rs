//! One spelling for texts that mean the same.

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, is_nfkc_quick};

use super::markup;

/// What is made uniform before a text is cut into tokens, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Normalise {
    /// Take away the tags of HTML, its comments, scripts and styles, and read its entities (`&amp;`). A tag that
    /// stands between words in print (`<p>`, `<br>`) becomes a space.
    pub html: bool,
    /// Write `url` for every address that begins with `http://`, `https://` or `www.`.
    pub urls: bool,
    /// Unicode normalisation form KC: one code for every way to write the same character (`ﬁ`, `２`, `é`).
    ///
    /// Source: Unicode Standard Annex 15.
    pub nfkc: bool,
    /// Small letters only.
    pub lower_case: bool,
    /// One space for every run of white space, and none at the ends.
    pub whitespace: bool,
}

impl Default for Normalise {
    /// Form KC, small letters and single spaces; HTML and addresses as they are.
    fn default() -> Self {
        Normalise { html: false, urls: false, nfkc: true, lower_case: true, whitespace: true }
    }
}

impl Normalise {
    /// The text as it is.
    pub fn nothing() -> Self {
        Normalise { html: false, urls: false, nfkc: false, lower_case: false, whitespace: false }
    }

    /// `text` in uniform spelling.
    pub fn apply(&self, text: &str) -> String {
        let mut text = if self.html { markup::without_html(text) } else { text.to_owned() };
        if self.urls {
            text = markup::without_urls(&text);
        }
        if self.nfkc && is_nfkc_quick(text.chars()) != unicode_normalization::IsNormalized::Yes {
            text = text.nfkc().collect();
        }
        if self.lower_case {
            text = text.to_lowercase();
        }
        if self.whitespace {
            text = single_spaces(&text);
        }
        text
    }
}

fn single_spaces(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}
