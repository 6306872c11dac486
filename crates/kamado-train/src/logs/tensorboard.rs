//! TensorBoard's event files, by hand: records of protocol buffers with checksums.
//!
//! A record is the length as 8 bytes, a checksum of them, the bytes, and a checksum of these, all little-endian; the checksum is
//! `rotate_right(crc32c, 15) + 0xa282ead8`. Source: TensorFlow's `tfrecord` documentation and `event.proto`, `summary.proto`.

use std::fs::{File, create_dir_all};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use kamado_nn::model_file::ModelFileError;

use crate::callbacks::Callback;
use crate::error::TrainError;
use crate::evaluation::Evaluation;
use crate::history::EpochRecord;

/// Writes event files as Keras' callback does: `train/` and `validation/` in a folder, with tags such as `epoch_loss`.
#[derive(Debug)]
pub struct TensorBoard {
    folder: PathBuf,
    train: Option<File>,
    validation: Option<File>,
    problem: Option<TrainError>,
}

impl TensorBoard {
    /// A writer to this folder; a run that goes on adds files to it.
    pub fn new(folder: PathBuf) -> Self {
        TensorBoard { folder, train: None, validation: None, problem: None }
    }
}

impl Callback for TensorBoard {
    fn on_epoch_end(&mut self, record: &EpochRecord) {
        let step = record.epoch as u64 - 1;
        let parts = [
            ("train", Some(&record.train), &mut self.train),
            ("validation", record.validation.as_ref(), &mut self.validation),
        ];
        for (name, scores, file) in parts {
            let Some(scores) = scores else { continue };
            let folder = self.folder.join(name);
            if let Err(source) = append(&folder, file, step, scores) {
                self.problem = Some(ModelFileError::Io { action: "write", path: folder, source }.into());
            }
        }
    }

    fn take_problem(&mut self) -> Option<TrainError> {
        self.problem.take()
    }
}

fn append(folder: &Path, file: &mut Option<File>, step: u64, scores: &Evaluation) -> std::io::Result<()> {
    let file = match file {
        Some(file) => file,
        None => {
            create_dir_all(folder)?;
            let name = format!("events.out.tfevents.{:010}.kamado.{}.0", now() as u64, std::process::id());
            let mut new = File::create(folder.join(name))?;
            new.write_all(&record(&version_event(now())))?;
            file.insert(new)
        }
    };
    let values: Vec<(String, f32)> = scores.entries().map(|(name, x)| (format!("epoch_{name}"), x as f32)).collect();
    file.write_all(&record(&scalars_event(now(), step, &values)))
}

/// Seconds since 1970; only for people, nothing depends on it.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// `Event { wall_time = 1, file_version = 3 }`
fn version_event(time: f64) -> Vec<u8> {
    let mut event = fixed64(1, time);
    event.extend(bytes(3, b"brain.Event:2"));
    event
}

/// `Event { wall_time = 1, step = 2, summary = 5 { value = 1 { tag = 1, simple_value = 2 } } }`
fn scalars_event(time: f64, step: u64, values: &[(String, f32)]) -> Vec<u8> {
    let value = |(tag, value): &(String, f32)| {
        let mut inner = bytes(1, tag.as_bytes());
        inner.push(2 << 3 | 5);
        inner.extend(value.to_le_bytes());
        bytes(1, &inner)
    };
    let summary: Vec<u8> = values.iter().flat_map(value).collect();
    let mut event = fixed64(1, time);
    event.push(2 << 3);
    event.extend(varint(step));
    event.extend(bytes(5, &summary));
    event
}

fn fixed64(field: u8, value: f64) -> Vec<u8> {
    [&[field << 3 | 1], value.to_le_bytes().as_slice()].concat()
}

fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    [&[field << 3 | 2], varint(content.len() as u64).as_slice(), content].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut digits = Vec::new();
    while value >= 0x80 {
        digits.push(value as u8 | 0x80);
        value >>= 7;
    }
    digits.push(value as u8);
    digits
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length, masked(&length).to_le_bytes().as_slice(), data, &masked(data).to_le_bytes()].concat()
}

fn masked(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The Castagnoli checksum, bit by bit: records are short.
fn crc32c(data: &[u8]) -> u32 {
    let shift = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !data.iter().fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_rfc_3720() {
        // Appendix B.4 of RFC 3720, and the check value of the catalogue of parametrised CRC algorithms.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn events_are_protocol_buffers() {
        assert_eq!(varint(300), [0xac, 2]);
        let event = scalars_event(0.0, 300, &[("epoch_loss".into(), 1.0)]);
        let mut expected = vec![9, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0xac, 2, 0x2a, 19, 10, 17, 10, 10];
        expected.extend(b"epoch_loss");
        expected.extend([21, 0, 0, 128, 63]);
        assert_eq!(event, expected);
    }
}
