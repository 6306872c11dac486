//! Plain text: a row for each line that is not empty.

use std::io::{BufRead, BufReader, Read};

use arrow_array::builder::LargeStringBuilder;

use super::inputs::Input;
use super::raw::{RawColumn, RawTable, Values, array, shorten};
use super::{Log, ReadOptions, encoding};
use crate::clean::BadRow;
use crate::error::{DataError, Result};
use crate::frame::Kind;
use crate::media::{Media, unreadable};

/// A line may take so many bytes.
const LONGEST_LINE: u64 = 16 << 20;

/// The column `text`.
pub(super) fn read(inputs: &[Input], options: &ReadOptions, media: &Media, log: &mut Log) -> Result<RawTable> {
    let mut texts = LargeStringBuilder::new();
    let mut places = Vec::new();
    for (file, input) in (0u32..).zip(inputs) {
        let location = &input.location;
        let stream = encoding::utf8(media.open(location)?, options.encoding.as_deref(), location)?;
        let mut stream = BufReader::with_capacity(1 << 16, stream);
        let mut line = Vec::new();
        for row in 1.. {
            line.clear();
            let failed = |error| unreadable(location, &error);
            let read = stream.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(failed)?;
            if read == 0 {
                break;
            }
            let cut = read as u64 == LONGEST_LINE && line.last() != Some(&b'\n');
            if cut {
                stream.skip_until(b'\n').map_err(failed)?;
            }
            match std::str::from_utf8(&line) {
                Ok(text) if !cut && text.trim().is_empty() => {}
                Ok(text) if !cut => {
                    texts.append_value(text.trim_end_matches(['\n', '\r']));
                    places.push((file, row));
                }
                text => log.quarantine.push(BadRow {
                    place: format!("{location}, row {row}"),
                    reason: match text {
                        Err(_) => "it is not text in UTF-8".to_owned(),
                        Ok(_) => format!("it is longer than {LONGEST_LINE} bytes"),
                    },
                    text: shorten(&String::from_utf8_lossy(&line[..line.len().min(4000)])),
                }),
            }
        }
    }
    if places.is_empty() {
        let remedy = "Check that it was written or copied completely, and data.encoding";
        return Err(DataError::malformed(&inputs[0].location, "lines of text", "none", remedy));
    }
    let texts = array(Values::Texts(texts.finish()));
    let columns = vec![RawColumn { name: "text".to_owned(), values: Values::Typed(Kind::Text, texts) }];
    Ok(RawTable { columns, files: inputs.iter().map(|input| input.location.clone()).collect(), places })
}
