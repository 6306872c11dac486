//! IDX files, the format of MNIST: plain or gzip, told apart by their first bytes, never by their name.
//!
//! Layout (big-endian): two zero bytes, element type, rank `r`; `r` sizes of 32 bits; the elements, last axis fastest.
//! Only unsigned bytes (type 0x08) are read. Nothing is allocated on the word of a header alone.
//!
//! Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use flate2::{Compression, bufread::MultiGzDecoder, write::GzEncoder};

use crate::error::{DataError, Result};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Deflate cannot expand more than this (zlib, "Technical details"), so a header that claims more lies.
const GZIP_MAX_RATIO: u64 = 1032;
const AGAIN: &str = "The file is damaged or was cut off: fetch or copy it again";

/// The content of an IDX file of unsigned bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idx {
    /// The size of each axis; the first one usually counts the examples.
    pub shape: Vec<usize>,
    /// The elements, last axis fastest; their number is the product of `shape`.
    pub data: Vec<u8>,
}

impl Idx {
    /// The bytes of a plain IDX file with this content.
    ///
    /// Errors if the rank is not 1 to 255, a size exceeds 32 bits, or `data` does not have the product of `shape`
    /// elements.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let product = self.shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        let rank = u8::try_from(self.shape.len()).ok().filter(|&rank| rank > 0);
        let sizes: Option<Vec<u32>> = self.shape.iter().map(|&size| u32::try_from(size).ok()).collect();
        let (Some(rank), Some(sizes), true) = (rank, sizes, product == Some(self.data.len())) else {
            return Err(DataError::request(
                format!("an IDX file cannot hold {} bytes as shape {:?}", self.data.len(), self.shape),
                "The product of 1 to 255 sizes must be the number of bytes",
            ));
        };
        let mut bytes = vec![0, 0, 0x08, rank];
        sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
        bytes.extend(&self.data);
        Ok(bytes)
    }
}

/// Reads an IDX file.
///
/// Errors if it cannot be read, is not an IDX file of unsigned bytes, or holds fewer or more elements than it says.
pub fn read_idx(path: impl AsRef<Path>) -> Result<Idx> {
    let path = path.as_ref();
    let file = File::open(path).map_err(|e| DataError::io(path, "open it", e))?;
    let metadata = file.metadata().map_err(|e| DataError::io(path, "look at it", e))?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a directory" } else { "a device or pipe" };
        let remedy = "Give the path of the file itself";
        return Err(DataError::malformed(path.display().to_string(), "an IDX file", found, remedy));
    }
    read(BufReader::with_capacity(1 << 16, file), metadata.len(), &path.display().to_string())
}

/// Reads the bytes of an IDX file; `name` stands for the file in errors, which are those of [`read_idx`].
pub fn parse_idx(bytes: &[u8], name: &str) -> Result<Idx> {
    read(bytes, bytes.len() as u64, name)
}

/// Writes an IDX file, compressed if its name ends in `.gz`.
///
/// Errors as [`Idx::to_bytes`] does, or if the file cannot be written.
pub fn write_idx(path: impl AsRef<Path>, idx: &Idx) -> Result<()> {
    let path = path.as_ref();
    let mut bytes = idx.to_bytes()?;
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        bytes = encoder
            .write_all(&bytes)
            .and_then(|()| encoder.finish())
            .map_err(|e| DataError::io(path, "compress it", e))?;
    }
    std::fs::write(path, bytes).map_err(|e| DataError::io(path, "write it", e))
}

fn read(mut source: impl BufRead, length: u64, name: &str) -> Result<Idx> {
    if source.fill_buf().map_err(|e| unreadable(name, &e))?.starts_with(&GZIP_MAGIC) {
        read_elements(MultiGzDecoder::new(source), length.saturating_mul(GZIP_MAX_RATIO), name)
    } else {
        read_elements(source, length, name)
    }
}

/// Reads header and elements from a stream that cannot hold more than `at_most` bytes.
fn read_elements(mut source: impl Read, at_most: u64, name: &str) -> Result<Idx> {
    let shape = read_header(&mut source, at_most, name)?;
    let header = 4 + 4 * shape.len() as u64;
    let elements = shape.iter().try_fold(1u64, |product, &size| product.checked_mul(u64::from(size)));
    let expected = || format!("{} elements of shape {shape:?}, as its header says", product_text(elements));
    let Some(count) = elements.filter(|&n| n <= at_most.saturating_sub(header)) else {
        let found = format!("no room for them: at most {} bytes after the header", at_most.saturating_sub(header));
        return Err(DataError::malformed(name, expected(), found, AGAIN));
    };
    let mut data = Vec::new();
    // A growing read, so that memory follows what the stream delivers and not what the header promises.
    source.by_ref().take(count).read_to_end(&mut data).map_err(|e| unreadable(name, &e))?;
    if (data.len() as u64) < count {
        return Err(DataError::malformed(name, expected(), format!("only {}", data.len()), AGAIN));
    }
    // Reading past the last element also makes the decoder verify the checksum of a compressed file.
    if source.read(&mut [0]).map_err(|e| unreadable(name, &e))? > 0 {
        let remedy = "The header does not fit the content: fetch or write the file again";
        return Err(DataError::malformed(name, expected(), "more bytes after them", remedy));
    }
    Ok(Idx { shape: shape.iter().map(|&size| size as usize).collect(), data })
}

fn read_header(source: &mut impl Read, at_most: u64, name: &str) -> Result<Vec<u32>> {
    let short = |found: String| DataError::malformed(name, "an IDX header (4 bytes and 4 per axis)", found, AGAIN);
    if at_most == 0 {
        return Err(short("an empty file".into()));
    }
    let mut magic = Vec::new();
    source.take(4).read_to_end(&mut magic).map_err(|e| unreadable(name, &e))?;
    let &[zero, also_zero, kind, rank] = &magic[..] else {
        return Err(short(format!("only {} bytes", magic.len())));
    };
    if zero != 0 || also_zero != 0 || rank == 0 {
        return Err(DataError::malformed(
            name,
            "the first bytes of an IDX file (00 00 08 and the rank)",
            format!("{zero:02x} {also_zero:02x} {kind:02x} {rank:02x}"),
            "This is another kind of file: check that images and labels are IDX, plain or gzip",
        ));
    }
    if kind != 0x08 {
        let remedy = "Convert it to unsigned bytes first";
        return Err(DataError::malformed(name, "unsigned bytes (type 0x08)", kind_text(kind), remedy));
    }
    let mut sizes = Vec::new();
    source.take(4 * u64::from(rank)).read_to_end(&mut sizes).map_err(|e| unreadable(name, &e))?;
    let (chunks, _) = sizes.as_chunks::<4>();
    if chunks.len() < usize::from(rank) {
        return Err(short(format!("{rank} axes but only {} sizes", chunks.len())));
    }
    Ok(chunks.iter().map(|&size| u32::from_be_bytes(size)).collect())
}

fn unreadable(name: &str, error: &io::Error) -> DataError {
    DataError::malformed(name, "a readable file", error.to_string(), AGAIN)
}

fn product_text(product: Option<u64>) -> String {
    product.map_or_else(|| "more than 2^64".into(), |n| n.to_string())
}

fn kind_text(kind: u8) -> String {
    match kind {
        0x09 => "signed bytes (type 0x09)".into(),
        0x0B => "16-bit integers (type 0x0b)".into(),
        0x0C => "32-bit integers (type 0x0c)".into(),
        0x0D => "32-bit floats (type 0x0d)".into(),
        0x0E => "64-bit floats (type 0x0e)".into(),
        other => format!("the unknown type 0x{other:02x}"),
    }
}
