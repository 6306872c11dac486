//! Bytes that can be read at any place by many threads: a file, or memory.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use super::MediaLimits;

/// What is expanded lies in memory up to here, and in a temporary file beyond.
const IN_MEMORY: u64 = 256 << 20;
/// Below this many bytes nothing is taken for a bomb.
const HARMLESS: u64 = 64 << 20;

pub(crate) fn is_gzip(start: &[u8]) -> bool {
    start.starts_with(&[0x1f, 0x8b])
}

#[derive(Debug)]
pub(super) enum Store {
    File(File),
    Memory(Vec<u8>),
}

impl Store {
    /// Takes in all of a stream.
    pub(super) fn gather(mut stream: impl Read) -> io::Result<Self> {
        let mut bytes = Vec::new();
        stream.by_ref().take(IN_MEMORY).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < IN_MEMORY {
            return Ok(Store::Memory(bytes));
        }
        let mut file = tempfile::tempfile()?;
        file.write_all(&bytes)?;
        drop(bytes);
        io::copy(&mut stream, &mut file)?;
        Ok(Store::File(file))
    }

    pub(super) fn len(&self) -> io::Result<u64> {
        match self {
            Store::File(file) => Ok(file.metadata()?.len()),
            Store::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        match self {
            #[cfg(unix)]
            Store::File(file) => std::os::unix::fs::FileExt::read_at(file, out, offset),
            #[cfg(windows)]
            Store::File(file) => std::os::windows::fs::FileExt::seek_read(file, out, offset),
            Store::Memory(bytes) => {
                let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
                let len = rest.len().min(out.len());
                out[..len].copy_from_slice(&rest[..len]);
                Ok(len)
            }
        }
    }
}

/// A part of a [`Store`], with a place of its own in it.
#[derive(Clone, Debug)]
pub(super) struct Window {
    store: Arc<Store>,
    start: u64,
    end: u64,
    position: u64,
}

impl Window {
    pub(super) fn new(store: &Arc<Store>, start: u64, len: u64) -> Self {
        Window { store: Arc::clone(store), start, end: start.saturating_add(len), position: start }
    }

    pub(super) fn len(&self) -> u64 {
        self.end - self.start
    }

    pub(super) fn store(&self) -> &Arc<Store> {
        &self.store
    }
}

impl Read for Window {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let want = out.len().min(left);
        let read = self.store.read_at(self.position, &mut out[..want])?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(offset) => self.start.checked_add(offset),
            SeekFrom::End(offset) => self.end.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        let place = place.filter(|&place| place >= self.start);
        self.position = place.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a place before the start"))?;
        Ok(self.position - self.start)
    }
}

/// Counts what goes into a decoder.
#[derive(Debug)]
pub(crate) struct Counted<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

/// A decoder of gzip that fails where the content expands beyond reason.
#[derive(Debug)]
pub(crate) struct Guard<R> {
    decoder: MultiGzDecoder<BufReader<Counted<R>>>,
    delivered: u64,
    limits: MediaLimits,
}

impl<R: Read> Guard<R> {
    pub(crate) fn gunzip(stream: R, limits: &MediaLimits) -> Self {
        let counted = BufReader::with_capacity(1 << 16, Counted { inner: stream, bytes: 0 });
        Guard { decoder: MultiGzDecoder::new(counted), delivered: 0, limits: limits.clone() }
    }
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(out)?;
        self.delivered += read as u64;
        let taken = self.decoder.get_ref().get_ref().bytes;
        check_expansion(taken, self.delivered, &self.limits)?;
        Ok(read)
    }
}

/// Refuses `expanded` bytes out of `compressed` ones if they are too many or too many times more.
pub(super) fn check_expansion(compressed: u64, expanded: u64, limits: &MediaLimits) -> io::Result<()> {
    let problem = if expanded > limits.archive_bytes {
        format!("more than {} bytes when expanded", limits.archive_bytes)
    } else if expanded > HARMLESS && expanded / compressed.max(1) > limits.expansion {
        format!("{expanded} bytes out of {compressed}, which only a decompression bomb does")
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::InvalidData, problem))
}
