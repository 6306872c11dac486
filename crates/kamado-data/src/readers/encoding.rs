//! Texts in any encoding, as UTF-8.

use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8};

use crate::error::{DataError, Result};
use crate::media::unreadable;

/// A stream of UTF-8 without a byte order mark. What is not in the stated encoding becomes U+FFFD; what is not UTF-8 where
/// no encoding is stated is passed on as it is, for the reader to find out which rows have it.
pub(super) fn utf8(
    mut stream: Box<dyn Read + Send>,
    encoding: Option<&str>,
    location: &str,
) -> Result<Box<dyn Read + Send>> {
    let stated = encoding.map(named).transpose()?;
    let mut start = Vec::new();
    stream.by_ref().take(1 << 10).read_to_end(&mut start).map_err(|error| unreadable(location, &error))?;
    let marked = Encoding::for_bom(&start);
    if stated.is_none() && marked.is_none() && start.contains(&0) {
        let remedy = "Set data.encoding = \"utf-16le\" or \"utf-16be\", or the format of the file";
        return Err(DataError::malformed(location, "text in UTF-8", "bytes that are zero", remedy));
    }
    let encoding = stated.or(marked.map(|(encoding, _)| encoding)).unwrap_or(UTF_8);
    let mark = marked.filter(|(marked, _)| *marked == encoding).map_or(0, |(_, len)| len);
    start.drain(..mark);
    let whole = io::Cursor::new(start).chain(stream);
    if encoding == UTF_8 {
        return Ok(Box::new(whole));
    }
    let decoder = encoding.new_decoder_without_bom_handling();
    Ok(Box::new(Decoded { stream: whole, decoder, raw: Vec::new(), text: vec![0; 1 << 16], ready: 0..0, ended: false }))
}

fn named(name: &str) -> Result<&'static Encoding> {
    Encoding::for_label(name.trim().as_bytes()).ok_or_else(|| {
        let remedy = "Names are utf-8, gb18030, gbk, big5, shift_jis, euc-kr, windows-1252, iso-8859-15, utf-16le, …";
        DataError::request(format!("there is no encoding {name:?}"), remedy)
    })
}

struct Decoded<R> {
    stream: R,
    decoder: Decoder,
    /// Bytes that are not decoded yet.
    raw: Vec<u8>,
    text: Vec<u8>,
    /// The part of `text` that is not delivered yet.
    ready: std::ops::Range<usize>,
    ended: bool,
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() && !(self.ended && self.raw.is_empty()) {
            if self.raw.is_empty() {
                self.stream.by_ref().take(1 << 15).read_to_end(&mut self.raw)?;
                self.ended = self.raw.is_empty();
            }
            let (result, read, written, _) = self.decoder.decode_to_utf8(&self.raw, &mut self.text, self.ended);
            self.raw.drain(..read);
            self.ready = 0..written;
            if self.ended && result == CoderResult::InputEmpty {
                self.raw.clear();
                break;
            }
        }
        let len = self.ready.len().min(out.len());
        out[..len].copy_from_slice(&self.text[self.ready.start..self.ready.start + len]);
        self.ready.start += len;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8], encoding: Option<&str>) -> String {
        let stream = Box::new(io::Cursor::new(bytes.to_vec()));
        let mut text = String::new();
        utf8(stream, encoding, "x.csv").unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn encodings_become_utf8() {
        assert_eq!(decoded(b"\xEF\xBB\xBFa,b", None), "a,b");
        assert_eq!(decoded(b"\xFF\xFEa\0\xE9\0", None), "aé");
        assert_eq!(decoded(b"\xE9t\xE9", Some("windows-1252")), "été");
        assert_eq!(decoded(b"\xD6\xD0\xCE\xC4", Some("GBK")), "中文");
        assert_eq!(decoded(b"\xD6", Some("gbk")), "\u{fffd}");
        let long: Vec<u8> = "中文,".repeat(50_000).encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decoded(&long, Some("utf-16le")), "中文,".repeat(50_000));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let refused =
            |bytes: &'static [u8], encoding| utf8(Box::new(bytes), encoding, "x.csv").err().unwrap().to_string();
        assert!(refused(b"a\0,\0b\0", None).contains("utf-16le"));
        assert!(refused(b"a", Some("klingon")).contains("no encoding \"klingon\""));
    }
}
