//! Picture files, sound and unsound.

use std::io::Cursor;

use flate2::Crc;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GrayImage, ImageEncoder, ImageFormat, Luma, Rgba, RgbaImage};
use kamado_data::image_file::{decode_picture, read_picture};
use kamado_data::{ImageInput, Invert, Picture, Preprocessing};
use kamado_graph::rng::Rng;

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn ramp() -> DynamicImage {
    GrayImage::from_fn(16, 8, |x, y| Luma([(x * 15 + y) as u8])).into()
}

fn grey(picture: &Picture) -> Vec<f32> {
    let (height, width) = (picture.height() as usize, picture.width() as usize);
    let input = ImageInput { height, width, channels: 1, max_value: 255.0, invert: Invert::Never, digit_box: None };
    Preprocessing::default().with_image(input).prepare_picture(picture).unwrap().0
}

fn refusal(bytes: &[u8]) -> String {
    let text = decode_picture(bytes, "photo").unwrap_err().to_string();
    assert!(text.starts_with("photo: expected "), "{text}");
    text
}

#[test]
fn png_is_exact_and_jpeg_is_near() {
    let expected: Vec<f32> = ramp().into_luma8().pixels().map(|pixel| f32::from(pixel.0[0])).collect();
    assert_eq!(grey(&decode_picture(&encode(&ramp(), ImageFormat::Png), "p").unwrap()), expected);
    let jpeg = grey(&decode_picture(&encode(&ramp(), ImageFormat::Jpeg), "p").unwrap());
    assert!(jpeg.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 20.0));
}

#[test]
fn transparent_is_white() {
    let image = RgbaImage::from_fn(3, 1, |x, _| Rgba([0, 0, 0, [0, 255, 51][x as usize]]));
    let picture = decode_picture(&encode(&image.into(), ImageFormat::Png), "p").unwrap();
    assert_eq!(grey(&picture), [255.0, 0.0, 204.0]);
}

#[test]
fn photos_are_turned_upright() {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 100);
    // A TIFF header and one entry: orientation (0x0112) = 6, "turn right by 90 degrees".
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    encoder.set_exif_metadata(exif.to_vec()).unwrap();
    encoder.encode_image(&ramp()).unwrap();
    let picture = decode_picture(&bytes, "p").unwrap();
    assert_eq!((picture.width(), picture.height()), (8, 16));
    let pixels = grey(&picture);
    assert!(pixels[0] < 20.0 && pixels[15 * 8] > 200.0, "{pixels:?}");
}

#[test]
fn unsound_pictures_are_refused_with_the_reason() {
    let png = encode(&ramp(), ImageFormat::Png);
    assert!(refusal(&[]).contains("an empty file"));
    assert!(refusal(b"hello").contains("another kind of file"));
    refusal(&png[..png.len() / 2]);
    refusal(&png[..20]);
    let mut flipped = png.clone();
    let middle = png.len() / 2;
    flipped[middle] ^= 0xFF;
    refusal(&flipped);
    let directory = tempfile::tempdir().unwrap();
    assert!(read_picture(directory.path()).unwrap_err().to_string().contains("found a directory"));
    assert!(read_picture(directory.path().join("no")).unwrap_err().to_string().contains("nothing is there"));
    std::fs::write(directory.path().join("yes"), &png).unwrap();
    assert_eq!(read_picture(directory.path().join("yes")).unwrap().width(), 16);
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(kind);
    crc.update(data);
    [&(data.len() as u32).to_be_bytes()[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

#[test]
fn huge_pictures_are_refused_before_they_take_memory() {
    let header = |width: u32, height: u32| {
        let ihdr = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
        [b"\x89PNG\r\n\x1a\n", &chunk(b"IHDR", &ihdr)[..], &chunk(b"IDAT", b"\x78\x9c"), &chunk(b"IEND", b"")].concat()
    };
    assert!(refusal(&header(20_000, 20_000)).contains("20000x20000 pixels"));
    refusal(&header(u32::MAX, u32::MAX));
    refusal(&header(0, 10));
}

#[test]
fn damaged_pictures_never_panic() {
    let mut rng = Rng::new(3, 0);
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let sound = encode(&ramp(), format);
        for _ in 0..1000 {
            let mut bytes = sound.clone();
            for _ in 0..=rng.below(4) {
                let at = rng.below(bytes.len() as u64) as usize;
                bytes[at] = rng.next_u32() as u8;
            }
            bytes.truncate(sound.len() - (rng.below(2) * rng.below(sound.len() as u64)) as usize);
            let _ = decode_picture(&bytes, "damaged");
        }
    }
}
