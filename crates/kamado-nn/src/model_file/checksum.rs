//! One checksum over the whole file, kept inside it.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::{ModelFileError, header};

/// The metadata entry.
pub(super) const KEY: &str = "kamado.checksum";

/// The hexadecimal digits of SHA-256.
const DIGITS: usize = 64;

/// What stands in the checksum's place while it is computed.
pub(super) fn placeholder() -> String {
    "0".repeat(DIGITS)
}

/// Fills in the checksum of a file whose header holds the placeholder.
pub(super) fn seal(bytes: &mut [u8]) -> Result<(), ModelFileError> {
    let place = place(bytes)?;
    let digits = digest(bytes, &place);
    bytes[place].copy_from_slice(digits.as_bytes());
    Ok(())
}

/// Refuses a file that is not, bit for bit, what was written.
pub(super) fn verify(bytes: &[u8]) -> Result<(), ModelFileError> {
    let place = place(bytes)?;
    match digest(bytes, &place).as_bytes() == &bytes[place] {
        true => Ok(()),
        false => Err(ModelFileError::Damaged(
            "its checksum does not match its contents; the file was damaged or changed after it was written".into(),
        )),
    }
}

/// Where the digits stand.
fn place(bytes: &[u8]) -> Result<Range<usize>, ModelFileError> {
    let (json, _) = header::split(bytes)?;
    let mark = format!("\"{KEY}\":\"");
    let found = json.windows(mark.len()).position(|w| w == mark.as_bytes());
    let place = found.map(|at| header::LENGTH + at + mark.len()).map(|from| from..from + DIGITS);
    place.filter(|p| p.end <= header::LENGTH + json.len()).ok_or_else(|| {
        ModelFileError::Unsupported(format!(
            "its header has no {KEY}, so it was not written by kamado; other safetensors files hold weights, but no model"
        ))
    })
}

fn digest(bytes: &[u8], place: &Range<usize>) -> String {
    let mut hash = Sha256::new();
    hash.update(&bytes[..place.start]);
    hash.update(placeholder());
    hash.update(&bytes[place.end..]);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
