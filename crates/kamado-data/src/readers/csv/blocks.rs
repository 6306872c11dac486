//! A stream of text in blocks of whole records, each block on all threads.

use std::io::{self, Read};
use std::thread;

use super::chunk::{Bad, Chunk, Plan, parse, too_long};
use super::records::{Dialect, LONGEST_RECORD, cut};
use crate::readers::raw::shorten;

/// Bytes for each thread at a time.
const SHARE: usize = 2 << 20;
/// Records for each thread at a time, where they are long.
const ROWS: usize = 256;

/// How a file is to be read.
pub(super) struct Reading<'a> {
    pub(super) dialect: Dialect,
    pub(super) header: bool,
    pub(super) plan: &'a Plan,
    pub(super) threads: usize,
    /// The length of a record in the sample.
    pub(super) record_bytes: usize,
}

/// Passes on the records of a stream, in their order.
pub(super) fn read(
    mut stream: impl Read,
    reading: &Reading<'_>,
    mut take: impl FnMut(Chunk) -> crate::error::Result<()>,
    failed: impl Fn(&io::Error) -> crate::error::DataError,
) -> crate::error::Result<()> {
    let share = SHARE.max(reading.record_bytes.saturating_mul(ROWS).min(SHARE * 32));
    let usual = share * reading.threads;
    let (mut block, mut target, mut line) = (Vec::new(), usual, 0);
    let mut header = reading.header;
    loop {
        let missing = target.saturating_sub(block.len()) as u64;
        stream.by_ref().take(missing).read_to_end(&mut block).map_err(|error| failed(&error))?;
        let whole = block.len() < target;
        let (mut pieces, end, lines) = cut(&block, reading.dialect, whole, reading.threads);
        if pieces.is_empty() && !whole {
            if block.len() <= LONGEST_RECORD {
                target = block.len() * 2;
                continue;
            }
            let mut chunk = Chunk::default();
            chunk.bad.push(skip(&mut stream, &mut block, line).map_err(|error| failed(&error))?);
            line += 1;
            take(chunk)?;
            continue;
        }
        pieces.iter_mut().for_each(|piece| piece.line += line);
        let work = |index: usize| parse(&block, &pieces[index], reading.dialect, reading.plan, header && index == 0);
        let work = &work;
        let chunks: Vec<Chunk> = thread::scope(|scope| {
            let others: Vec<_> = (1..pieces.len()).map(|index| scope.spawn(move || work(index))).collect();
            let first = (!pieces.is_empty()).then(|| work(0));
            let others =
                others.into_iter().map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            first.into_iter().chain(others).collect()
        });
        chunks.into_iter().try_for_each(&mut take)?;
        header &= pieces.is_empty();
        block.drain(..end);
        line += lines;
        target = usual;
        if whole {
            return Ok(());
        }
    }
}

/// Takes away a line of which no end is in sight.
fn skip(stream: &mut impl Read, block: &mut Vec<u8>, line: u64) -> io::Result<Bad> {
    let text = shorten(&String::from_utf8_lossy(&block[..block.len().min(4000)]));
    loop {
        let end = memchr::memchr(b'\n', block);
        block.drain(..end.map_or(block.len(), |end| end + 1));
        if end.is_none() && stream.by_ref().take(SHARE as u64).read_to_end(block)? > 0 {
            continue;
        }
        return Ok(Bad { line, reason: too_long(), text });
    }
}
