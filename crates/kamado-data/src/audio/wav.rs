//! WAV files: RIFF chunks with samples of one of the common codes.
//!
//! Source: Microsoft and IBM, "Multimedia programming interface and data specifications 1.0", 1991; the extensible
//! format of Microsoft, 2001; ITU-T G.711 for A-law and µ-law.

use super::sound::{MOST_SAMPLES, Sound, malformed, too_long};
use crate::error::Result;

/// What the chunk `fmt ` says.
struct Format {
    code: Code,
    channels: usize,
    rate: u32,
}

#[derive(Clone, Copy)]
enum Code {
    U8,
    I16,
    I24,
    I32,
    F32,
    F64,
    ALaw,
    MuLaw,
}

impl Code {
    fn of(tag: u16, bits: u16) -> Option<Self> {
        Some(match (tag, bits) {
            (1, 8) => Code::U8,
            (1, 16) => Code::I16,
            (1, 24) => Code::I24,
            (1, 32) => Code::I32,
            (3, 32) => Code::F32,
            (3, 64) => Code::F64,
            (6, 8) => Code::ALaw,
            (7, 8) => Code::MuLaw,
            _ => return None,
        })
    }

    fn bytes(self) -> usize {
        match self {
            Code::U8 | Code::ALaw | Code::MuLaw => 1,
            Code::I16 => 2,
            Code::I24 => 3,
            Code::I32 | Code::F32 => 4,
            Code::F64 => 8,
        }
    }

    /// The sample in `bytes`, which are as many as [`bytes`](Code::bytes) says.
    fn sample(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Code::U8, &[a]) => (f32::from(a) - 128.0) / 128.0,
            (Code::I16, &[a, b]) => f32::from(i16::from_le_bytes([a, b])) / 32768.0,
            (Code::I24, &[a, b, c]) => (i32::from_le_bytes([0, a, b, c]) >> 8) as f32 / 8_388_608.0,
            (Code::I32, &[a, b, c, d]) => (f64::from(i32::from_le_bytes([a, b, c, d])) / 2_147_483_648.0) as f32,
            (Code::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (Code::F64, &[a, b, c, d, e, f, g, h]) => f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32,
            (Code::ALaw, &[a]) => a_law(a),
            (Code::MuLaw, &[a]) => mu_law(a),
            _ => f32::NAN,
        }
    }
}

fn a_law(byte: u8) -> f32 {
    let byte = byte ^ 0x55;
    let (exponent, mantissa) = (i32::from(byte >> 4 & 7), i32::from(byte & 15));
    let size = match exponent {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 264) << (exponent - 1),
    };
    (if byte & 0x80 == 0 { -size } else { size }) as f32 / 32768.0
}

fn mu_law(byte: u8) -> f32 {
    let byte = !byte;
    let (exponent, mantissa) = (i32::from(byte >> 4 & 7), i32::from(byte & 15));
    let size = (((mantissa << 3) + 132) << exponent) - 132;
    (if byte & 0x80 == 0 { size } else { -size }) as f32 / 32768.0
}

/// The sound in `bytes`, which begin with `RIFF`.
pub(super) fn decode(bytes: &[u8], place: &str) -> Result<Sound> {
    if bytes.get(8..12) != Some(b"WAVE") {
        let found = "another kind of RIFF file".into();
        return Err(malformed(place, "a WAV file", found, "Convert it to WAV first"));
    }
    let (mut rest, mut format) = (&bytes[12..], None);
    while let [a, b, c, d, s0, s1, s2, s3, body @ ..] = rest {
        let said = u32::from_le_bytes([*s0, *s1, *s2, *s3]) as usize;
        let chunk = &body[..said.min(body.len())];
        match &[*a, *b, *c, *d] {
            b"fmt " => format = Some(Format::parse(chunk, place)?),
            b"data" => {
                let Some(format) = format else { break };
                // Programs that write to a pipe do not know the size beforehand and write 0 or the greatest one.
                let unknown = said == 0 || said >= 0xFFFF_FF00;
                if said > body.len() && !unknown {
                    let expected = format!("{said} bytes of samples");
                    let found = format!("{}: the file was cut off", body.len());
                    return Err(malformed(place, &expected, found, "Copy or record it again"));
                }
                return format.samples(if unknown { body } else { chunk }, place);
            }
            _ => {}
        }
        // Chunks begin at even places.
        rest = body.get(said.saturating_add(said % 2)..).unwrap_or(&[]);
    }
    let (expected, found) = match format {
        None => ("a chunk \"fmt \" that says how samples are written", "none"),
        Some(_) => ("a chunk \"data\" with samples", "none"),
    };
    Err(malformed(place, expected, found.into(), "Copy or record it again"))
}

impl Format {
    fn parse(chunk: &[u8], place: &str) -> Result<Self> {
        let word = |at: usize| chunk.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
        let wide = |at: usize| Some(u32::from(word(at)?) | u32::from(word(at + 2)?) << 16);
        let (Some(tag), Some(channels), Some(rate), Some(bits)) = (word(0), word(2), wide(4), word(14)) else {
            let found = format!("{}", chunk.len());
            return Err(malformed(place, "a chunk \"fmt \" of 16 bytes or more", found, "Copy or record it again"));
        };
        // The extensible format keeps its code at the start of an identifier behind the rest.
        let tag = if tag == 0xFFFE { word(24).unwrap_or(tag) } else { tag };
        let Some(code) = Code::of(tag, bits) else {
            let expected = "PCM of 8, 16, 24 or 32 bits, real numbers of 32 or 64 bits, A-law or µ-law";
            let found = format!("format {tag} of {bits} bits");
            return Err(malformed(place, expected, found, "Convert it to 16-bit PCM first"));
        };
        if channels == 0 || rate == 0 {
            let found = format!("{channels} channels at {rate} Hz");
            return Err(malformed(place, "at least one channel and a rate", found, "Write it again"));
        }
        Ok(Format { code, channels: usize::from(channels), rate })
    }

    /// The mean of the channels; bytes that are left over at the end are no whole sample of all channels.
    fn samples(&self, data: &[u8], place: &str) -> Result<Sound> {
        let (width, share) = (self.code.bytes(), 1.0 / self.channels as f32);
        if data.len() / (width * self.channels) > MOST_SAMPLES {
            return Err(too_long(place));
        }
        let mono = |bytes: &[u8]| self.code.sample(bytes);
        let mix = |bytes: &[u8]| bytes.chunks_exact(width).map(|bytes| self.code.sample(bytes)).sum::<f32>() * share;
        let samples = match self.channels {
            1 => data.chunks_exact(width).map(mono).collect(),
            channels => data.chunks_exact(width * channels).map(mix).collect(),
        };
        Ok(Sound { rate: self.rate, samples })
    }
}
