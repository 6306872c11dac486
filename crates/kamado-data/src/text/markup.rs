//! Web pages and addresses in texts.

/// Tags within a word or line; every other tag parts words.
const INLINE: [&str; 22] = [
    "a", "abbr", "b", "bdi", "big", "cite", "code", "em", "font", "i", "kbd", "mark", "q", "s", "small", "span",
    "strong", "sub", "sup", "tt", "u", "wbr",
];
/// Elements whose content is not for readers.
const HIDDEN: [&str; 2] = ["script", "style"];

/// The text of a piece of HTML. It reads what is there and never fails: a `<` that begins no tag, or a tag that never
/// ends, is text.
pub(super) fn without_html(text: &str) -> String {
    let page = Page::new(text);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(start) = text[at..].find('<').map(|found| at + found) {
        out.push_str(&text[at..start]);
        let tag = page.tag(start);
        match &tag {
            Some(tag) if tag.parts_words => out.push(' '),
            Some(_) => {}
            None => out.push('<'),
        }
        at = tag.map_or(start + 1, |tag| tag.end);
    }
    out.push_str(&text[at..]);
    html_escape::decode_html_entities(&out).into_owned()
}

/// A text and where the last ends of each kind begin: nothing is looked for behind them, so that a page of a million
/// tags that never end takes no longer than any other.
struct Page<'a> {
    text: &'a str,
    last_end: Option<usize>,
    last_comment_end: Option<usize>,
    last_closing: [Option<usize>; 2],
}

struct Tag {
    /// The place after what it takes away.
    end: usize,
    parts_words: bool,
}

impl<'a> Page<'a> {
    fn new(text: &'a str) -> Self {
        let last_closing = |name| text.rmatch_indices("</").map(|(at, _)| at).find(|&at| closes(text, at, name));
        Page {
            text,
            last_end: text.rfind('>'),
            last_comment_end: text.rfind("-->"),
            last_closing: HIDDEN.map(last_closing),
        }
    }

    /// The tag at `start`, with all of a comment, script or style.
    fn tag(&self, start: usize) -> Option<Tag> {
        let after = |last: Option<usize>, from: usize| last.is_some_and(|last| last >= from);
        let text = &self.text[start..];
        if text.starts_with("<!--") && after(self.last_comment_end, start + 4) {
            let end = self.text[start + 4..].find("-->").map(|end| start + 4 + end + 3)?;
            return Some(Tag { end, parts_words: false });
        }
        let inside = text.get(1..)?;
        let inside = inside.strip_prefix('/').unwrap_or(inside);
        let begins = inside.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!' || c == '?');
        if !begins || !after(self.last_end, start) {
            return None;
        }
        let end = start + text.find('>')? + 1;
        let name = inside.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("").to_ascii_lowercase();
        let parts_words = !INLINE.contains(&name.as_str());
        let hidden = HIDDEN.iter().position(|hidden| *hidden == name && !text.starts_with("</"));
        let closing = hidden.filter(|&i| after(self.last_closing[i], end)).and_then(|_| {
            let places = self.text[end..].match_indices("</").map(|(at, _)| end + at);
            places.into_iter().find(|&at| closes(self.text, at, &name))
        });
        let end = closing.map_or(end, |at| self.text[at..].find('>').map_or(self.text.len(), |found| at + found + 1));
        Some(Tag { end, parts_words })
    }
}

/// Whether `</name` is at `at`.
fn closes(text: &str, at: usize, name: &str) -> bool {
    let found = text.as_bytes().get(at + 2..at + 2 + name.len());
    found.is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
}

/// The text with `url` for every address.
pub(super) fn without_urls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let len = if before.is_alphanumeric() { 0 } else { url_len(rest) };
        if len > 0 {
            out.push_str("url");
            rest = &rest[len..];
            before = 'l';
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            before = c;
        }
    }
    out
}

/// How many bytes at the start of `text` are an address; the punctuation of the sentence around it is not.
fn url_len(text: &str) -> usize {
    let starts = |prefix: &str| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let Some(prefix) = ["http://", "https://", "www."].into_iter().find(|prefix| starts(prefix)) else {
        return 0;
    };
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"')).unwrap_or(text.len());
    let address = text[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '\'']);
    if address.len() > prefix.len() { address.len() } else { 0 }
}
