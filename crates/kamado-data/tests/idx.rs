//! IDX files, sound and unsound.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use kamado_data::DataError;
use kamado_data::idx::{Idx, parse_idx, read_idx, write_idx};
use kamado_graph::rng::Rng;

fn small() -> Idx {
    Idx { shape: vec![3, 2, 2], data: (1..=12).collect() }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The text of the error, which must name the file and say what to do.
fn refusal(bytes: &[u8]) -> String {
    let text = parse_idx(bytes, "images.idx").unwrap_err().to_string();
    assert!(text.starts_with("images.idx: expected ") && text.contains(", found "), "{text}");
    assert!(text.rsplit(". ").next().is_some_and(|remedy| remedy.len() > 10), "no remedy: {text}");
    text
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let expected = [&[0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3][..], &[1, 2, 3, 4, 5, 6]].concat();
    assert_eq!(Idx { shape: vec![2, 3], data: vec![1, 2, 3, 4, 5, 6] }.to_bytes().unwrap(), expected);
    assert_eq!(parse_idx(&expected, "x").unwrap().shape, [2, 3]);
}

#[test]
fn plain_and_compressed_files_are_told_apart_by_content() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["images.idx", "images.idx.gz"] {
        let path = directory.path().join(name);
        write_idx(&path, &small()).unwrap();
        let other = directory.path().join("other name");
        std::fs::rename(&path, &other).unwrap();
        assert_eq!(read_idx(&other).unwrap(), small(), "{name}");
    }
}

#[test]
fn unsound_bytes_are_refused_with_the_reason() {
    let sound = small().to_bytes().unwrap();
    let with = |position: usize, value: u8| {
        let mut bytes = sound.clone();
        bytes[position] = value;
        bytes
    };
    assert!(refusal(&[]).contains("an empty file"));
    assert!(refusal(&[0, 0, 8]).contains("only 3 bytes"));
    assert!(refusal(b"\x89PNG").contains("found 89 50 4e 47"));
    assert!(refusal(&with(1, 7)).contains("found 00 07 08 03"));
    assert!(refusal(&with(3, 0)).contains("found 00 00 08 00"));
    assert!(refusal(&with(2, 0x0D)).contains("32-bit floats"));
    assert!(refusal(&with(2, 0x55)).contains("unknown type 0x55"));
    assert!(refusal(&sound[..10]).contains("3 axes but only 1 sizes"));
    assert!(refusal(&sound[..sound.len() - 1]).contains("at most 11 bytes after the header"));
    assert!(refusal(&[&sound[..], &[0]].concat()).contains("more bytes after them"));
    assert!(refusal(&with(4, 0xFF)).contains("no room for them"));
    let overflow = [&[0, 0, 8, 3][..], &[0xFF; 12], &[1, 2, 3]].concat();
    assert!(refusal(&overflow).contains("more than 2^64 elements"));
}

#[test]
fn unsound_compressed_bytes_are_refused_with_the_reason() {
    let plain = small().to_bytes().unwrap();
    let sound = gzip(&plain);
    let mut wrong_crc = sound.clone();
    let crc = sound.len() - 8;
    wrong_crc[crc] ^= 1;
    assert!(refusal(&wrong_crc).contains("a readable file"));
    refusal(&sound[..sound.len() - 5]);
    refusal(&sound[..2]);
    assert!(refusal(&gzip(&[])).contains("only 0 bytes"));
    assert!(refusal(&gzip(&plain[..plain.len() - 1])).contains("only 11"));
    assert!(refusal(&gzip(&[&plain[..], &[0]].concat())).contains("more bytes after them"));
    let bomb = gzip(&[&plain[..], &vec![0; 5_000_000]].concat());
    assert!(refusal(&bomb).contains("more bytes after them"));
    let claims_too_much = gzip(&[&[0, 0, 8, 1, 0xFF, 0xFF, 0xFF, 0xFF][..], &[0; 100]].concat());
    assert!(refusal(&claims_too_much).contains("no room for them"));
}

#[test]
fn paths_that_are_no_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    assert!(read_idx(directory.path()).unwrap_err().to_string().contains("found a directory"));
    let missing = read_idx(directory.path().join("missing")).unwrap_err();
    assert!(matches!(missing, DataError::Io { .. }));
    assert!(missing.to_string().contains("nothing is there"), "{missing}");
}

#[test]
fn what_idx_cannot_hold_is_not_written() {
    for shape in [vec![], vec![3], vec![2, usize::MAX], vec![1; 256]] {
        let idx = Idx { shape, data: vec![1, 2] };
        assert!(idx.to_bytes().is_err(), "{:?}", idx.shape);
    }
}

/// Damages a copy of `bytes` in one of the ways that files are damaged.
fn damage(bytes: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=rng.below(3) {
        let at = rng.below(bytes.len().max(1) as u64) as usize;
        match rng.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.extend((0..rng.below(9)).map(|_| rng.next_u32() as u8)),
            // Most accidents that matter happen in the header.
            2 => bytes.iter_mut().take(16).skip(at % 16).take(1).for_each(|byte| *byte = rng.next_u32() as u8),
            3 => bytes.iter_mut().skip(at).take(4).for_each(|byte| *byte = 0xFF),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << rng.below(8)),
        }
    }
    bytes
}

#[test]
fn damaged_bytes_never_panic() {
    let plain = small().to_bytes().unwrap();
    let mut rng = Rng::new(42, 0);
    let mut accepted = 0;
    for case in 0..8_000 {
        let source = if case % 2 == 0 { &plain } else { &gzip(&plain) };
        let mut bytes = damage(source, &mut rng);
        if case % 4 == 3 {
            bytes = gzip(&damage(&plain, &mut rng));
        }
        if let Ok(idx) = parse_idx(&bytes, "damaged") {
            assert_eq!(idx.shape.iter().product::<usize>(), idx.data.len());
            accepted += 1;
        }
    }
    // Flipped pixels are not detectable in plain files, all else mostly is.
    assert!((1..4_000).contains(&accepted), "{accepted} accepted");
}
