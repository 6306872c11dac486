//! Parquet, Arrow, NumPy, JSON and plain text; shards. The files in `fixtures/formats` were written by pyarrow and NumPy.

use std::fs;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt8Type};
use kamado_data::media::Media;
use kamado_data::readers::{Format, ParquetShards, Read, ReadOptions, read, write_parquet_shards};
use kamado_data::{Column, Frame, Kind};
use kamado_graph::rng::Rng;

fn fixture(name: &str) -> String {
    format!("{}/fixtures/formats/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn numbers(frame: &Frame, name: &str) -> Vec<Option<f64>> {
    frame.column(name).unwrap().numbers().unwrap().iter().collect()
}

fn texts(frame: &Frame, name: &str) -> Vec<Option<String>> {
    frame.column(name).unwrap().texts().unwrap().iter().map(|text| text.map(str::to_owned)).collect()
}

fn read_bytes(name: &str, bytes: &[u8]) -> Result<Read, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, bytes).unwrap();
    let here = format!("{}/", directory.path().display());
    read(&ReadOptions::of([path.to_string_lossy()])).map_err(|error| error.to_string().replace(&here, ""))
}

#[test]
fn columnar_files_hold_what_was_written() {
    for name in ["table.parquet", "table.arrow", "table.arrows"] {
        let frame = read(&ReadOptions::of([fixture(name)])).unwrap().frame;
        assert_eq!(numbers(&frame, "small"), [Some(1.0), None, Some(-3.0), Some(4.0)], "{name}");
        assert_eq!(numbers(&frame, "large")[0], Some(1_099_511_627_776.0));
        assert_eq!(numbers(&frame, "real"), [Some(0.5), None, None, Some(-2.0)]);
        assert_eq!(texts(&frame, "truth"), [Some("true".into()), None, Some("false".into()), Some("true".into())]);
        assert_eq!(texts(&frame, "word"), [Some("a".into()), Some("b".into()), None, Some("a".into())]);
        assert_eq!(texts(&frame, "text")[3].as_deref(), Some("vier"));
        let days: Vec<Option<i64>> = frame.column("day").unwrap().dates().unwrap().iter().collect();
        assert_eq!(days, [Some(1_795_478_400_000), None, Some(-86_400_000), Some(951_782_400_000)]);
        assert_eq!(frame.column("moment").unwrap().dates().unwrap().value(0), 1_795_521_600_123);
        assert_eq!(frame.column("pixels").unwrap().kind(), &Kind::Tensor(vec![2]));
        let pixels = frame.column("pixels").unwrap().tensors().unwrap().value(3);
        assert_eq!(pixels.as_primitive::<UInt8Type>().values(), &[7, 8]);
        assert!(frame.place(3).ends_with(&format!("{name}, row 4")));
    }
}

#[test]
fn decimals_and_the_usual_compressions_are_read() {
    for name in ["decimals.parquet", "decimals.arrow"] {
        let frame = read(&ReadOptions::of([fixture(name)])).unwrap().frame;
        assert_eq!(numbers(&frame, "price"), [Some(12.34), None, Some(-0.05)], "{name}");
        assert_eq!(numbers(&frame, "tiny"), [Some(1e-10), Some(2.5), None], "{name}");
    }
}

#[test]
fn numpy_files_hold_what_was_written() {
    let frame = read(&ReadOptions::of([fixture("table.npz")])).unwrap().frame;
    assert_eq!(frame.column("x").unwrap().kind(), &Kind::Tensor(vec![3, 2]));
    let last = frame.column("x").unwrap().tensors().unwrap().value(3);
    assert_eq!(last.as_primitive::<UInt8Type>().values(), &[18, 19, 20, 21, 22, 23]);
    assert_eq!(numbers(&frame, "y"), [1.0, -2.0, 3.0, -4.0].map(Some));
    assert_eq!(numbers(&frame, "z"), [Some(0.5), None, Some(1.5), Some(2.5)]);
    assert_eq!(texts(&frame, "name"), [Some("a".into()), Some("bc".into()), None, Some("é".into())]);
    let frame = read(&ReadOptions::of([fixture("tensor.npy")])).unwrap().frame;
    let first = frame.column("data").unwrap().tensors().unwrap().value(0);
    assert_eq!(first.as_primitive::<Float32Type>().value(1), (-1.0f64 + 2.0 / 11.0) as f32);
}

#[test]
fn json_lines_and_arrays() {
    let lines = b"{\"age\": 30, \"name\": \"x\", \"tags\": [1, 2]}\n\nnot json\n{\"age\": null, \"extra\": 1}\n7\n{\"age\": 4}\n{}\n";
    let read = read_bytes("x.jsonl", lines).unwrap();
    assert_eq!(numbers(&read.frame, "age"), [Some(30.0), None, Some(4.0), None]);
    assert_eq!(texts(&read.frame, "tags")[0].as_deref(), Some("[1,2]"));
    assert_eq!(numbers(&read.frame, "extra"), [None, Some(1.0), None, None]);
    let bad: Vec<String> = read.quarantine.iter().map(|bad| format!("{}: {}", bad.place, bad.reason)).collect();
    assert!(
        bad[0].contains("x.jsonl, row 3: it is no JSON") && bad[1].contains("row 5: expected an object, found 7"),
        "{bad:?}"
    );
    let array = read_bytes("x.json", b" [{\"a\": 1, \"b\": \"u\"}, {\"a\": \"two\", \"b\": \"v\"}]").unwrap();
    assert_eq!(texts(&array.frame, "a"), [Some("1".into()), Some("two".into())]);
    assert!(read_bytes("x.json", b"[{]").unwrap_err().starts_with("x.json: expected a JSON array"));
    assert!(read_bytes("x.json", b" ").unwrap_err().contains("an empty file"));
    let deep = "[".repeat(100_000);
    assert!(read_bytes("x.jsonl", format!("{{\"a\": {deep}").as_bytes()).is_err());
}

#[test]
fn lines_of_text() {
    let read = read_bytes("x.txt", "First line, a text.\n\r\n第二行\r\nbad \u{fffd}\n".as_bytes()).unwrap();
    assert_eq!(
        texts(&read.frame, "text"),
        ["First line, a text.", "第二行", "bad \u{fffd}"].map(|text| Some(text.into()))
    );
    assert!(read.frame.place(1).ends_with("row 3"));
    let read = read_bytes("x.txt", b"good\nalso good\nbad \xFF\n").unwrap();
    assert_eq!(read.quarantine[0].reason, "it is not text in UTF-8");
    assert!(read_bytes("x.txt", b"\n\n").unwrap_err().contains("lines of text"));
}

fn table(rows: usize, pictures: &Path) -> Frame {
    let number = Column::of_numbers("number", (0..rows).map(|row| (row % 7 != 0).then_some(row as f64 / 3.0)));
    let text = Column::of_texts("text", (0..rows).map(|row| Some(if row % 2 == 0 { "even" } else { "odd" })));
    let paths: Vec<String> =
        (0..rows).map(|row| pictures.join(format!("{}.png", row % 5)).to_string_lossy().into()).collect();
    let paths = Column::of_texts("picture", paths.iter().map(|path| Some(path.as_str())));
    let paths = Column::new("picture", Kind::Image, paths.values().clone()).unwrap();
    Frame::new(vec![number, text, paths]).unwrap()
}

#[test]
fn shards_give_back_what_was_written() {
    let directory = tempfile::tempdir().unwrap();
    (0..5).for_each(|i| fs::write(directory.path().join(format!("{i}.png")), format!("picture {i}")).unwrap());
    let frame = table(5000, directory.path());
    for embed in [None, Some(Media::new())] {
        let shards = directory.path().join(if embed.is_some() { "with" } else { "without" });
        assert_eq!(write_parquet_shards(&frame, &shards, 2100, embed.as_ref()).unwrap(), 3);
        assert!(write_parquet_shards(&frame, &shards, 2100, None).unwrap_err().to_string().contains("another folder"));
        let options = ReadOptions::of([shards.to_string_lossy()]);
        let again = read(&options).unwrap().frame;
        for column in frame.columns() {
            let other = again.column(column.name()).unwrap();
            assert_eq!(other.kind(), column.kind());
            assert!(column.name() == "picture" || other.values() == column.values(), "{}", column.name());
        }
        let media = Media::new();
        let picture = |row: usize| media.read(again.column("picture").unwrap().texts().unwrap().value(row)).unwrap();
        for row in [0, 1023, 1024, 2099, 2100, 4999] {
            assert_eq!(picture(row), format!("picture {}", row % 5).into_bytes(), "row {row}");
        }
        let shards = ParquetShards::open(&options, 2).unwrap();
        assert_eq!((shards.rows(), shards.group_sizes()), (5000, vec![1024, 1024, 52, 1024, 1024, 52, 800]));
        assert_eq!(shards.locate(2100), Some((3, 0)));
        assert_eq!(shards.locate(5000), None);
        let (group, place) = shards.locate(4321).unwrap();
        let group = shards.group(group).unwrap();
        assert_eq!(numbers(&group, "number")[place], Some(4321.0 / 3.0));
        assert!(group.place(place).contains("part-00002.parquet, row 122"), "{}", group.place(place));
        assert!(shards.group(7).is_err());
    }
}

#[test]
fn mutated_files_give_rows_or_a_reason() {
    let directory = tempfile::tempdir().unwrap();
    let mut rng = Rng::new(4, 3);
    for name in ["table.parquet", "table.arrow", "table.arrows", "table.npz", "tensor.npy"] {
        let sound = fs::read(fixture(name)).unwrap();
        let path = directory.path().join(name).to_string_lossy().into_owned();
        for _ in 0..100 {
            let mut bytes = sound.clone();
            for _ in 0..1 + rng.below(3) {
                let place = rng.below(bytes.len() as u64) as usize;
                bytes[place] = rng.below(256) as u8;
            }
            if rng.below(4) == 0 {
                bytes.truncate(rng.below(bytes.len() as u64) as usize);
            }
            fs::write(&path, &bytes).unwrap();
            if let Err(error) = read(&ReadOptions::of([path.as_str()])) {
                assert!(error.to_string().contains(name), "{error}");
            }
        }
    }
}

#[test]
fn formats_are_known_by_their_first_bytes() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["table.parquet", "table.arrow", "table.arrows", "table.npz", "tensor.npy"] {
        let path = directory.path().join("data");
        fs::copy(fixture(name), &path).unwrap();
        assert!(read(&ReadOptions::of([path.to_string_lossy()])).is_ok(), "{name}");
    }
    let mut wrong = ReadOptions::of([fixture("table.npz")]);
    wrong.format = Some(Format::Parquet);
    assert!(read(&wrong).unwrap_err().to_string().contains("table.npz: expected a file that can be decoded"));
}
