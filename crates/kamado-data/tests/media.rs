//! Pictures and sounds in folders and archives.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use flate2::{Compression, write::GzEncoder};
use kamado_data::Kind;
use kamado_data::media::{Media, MediaLimits};
use kamado_data::readers::{ReadOptions, read, read_with};
use kamado_graph::rng::Rng;
use zip::write::SimpleFileOptions;

const FILES: [(&str, &[u8]); 5] = [
    ("data/train/cat/1.png", b"one"),
    ("data/train/dog/2.png", b"two"),
    ("data/test/cat/3.png", b"three"),
    ("data/README.md", b"about"),
    ("data/.hidden/4.png", b"four"),
];

fn tar_bytes(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        // Written by hand, because the builder refuses unsafe names.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip_bytes(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The same files as a folder and as archives of all kinds.
fn everywhere(directory: &Path) -> Vec<String> {
    for (name, bytes) in FILES {
        let path = directory.join("folder").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let tar = tar_bytes(&FILES);
    fs::write(directory.join("a.tar"), &tar).unwrap();
    fs::write(directory.join("a.tar.gz"), gzip(&tar)).unwrap();
    fs::write(directory.join("a.zip"), zip_bytes(&FILES)).unwrap();
    ["folder", "a.tar", "a.tar.gz", "a.zip"].map(|name| directory.join(name).to_string_lossy().into_owned()).into()
}

#[test]
fn folders_and_archives_are_read_alike() {
    let directory = tempfile::tempdir().unwrap();
    for source in everywhere(directory.path()) {
        let media = Media::new();
        let read = read_with(&ReadOptions::of([source.as_str()]), &media).unwrap();
        let column = |name: &str| -> Vec<String> {
            read.frame.column(name).unwrap().texts().unwrap().iter().map(|text| text.unwrap().to_owned()).collect()
        };
        assert_eq!(read.frame.column("path").unwrap().kind(), &Kind::Image);
        assert_eq!(column("label"), ["cat", "cat", "dog"], "{source}");
        assert_eq!(column("split"), ["test", "train", "train"], "{source}");
        let bytes: Vec<Vec<u8>> = column("path").iter().map(|path| media.read(path).unwrap()).collect();
        assert_eq!(bytes, [&b"three"[..], b"one", b"two"], "{source}");
        assert!(read.notes[0].contains("1 other files") && read.notes[0].contains("README.md"), "{:?}", read.notes);
    }
}

#[test]
fn parts_of_archives_and_patterns() {
    let directory = tempfile::tempdir().unwrap();
    for source in everywhere(directory.path()).into_iter().skip(1) {
        let rows = |path: &str| read(&ReadOptions::of([format!("{source}!/{path}")])).map(|read| read.frame.rows());
        assert_eq!(rows("data/train").unwrap(), 2);
        assert_eq!(rows("data/*/cat/*.png").unwrap(), 2);
        assert_eq!(rows("data/test/cat/3.png").unwrap(), 1);
        assert!(rows("data/nowhere").unwrap_err().to_string().contains("files of a known format"));
        let gone = Media::new().read(&format!("{source}!/x.png")).unwrap_err().to_string();
        assert!(gone.contains("\"x.png\" inside") && gone.contains("no file of that name"), "{gone}");
    }
}

#[test]
fn names_give_columns() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["7_jackson_0.wav", "3_theo_12.wav", "odd.wav", "3_theo_13.wav"] {
        fs::write(directory.path().join(name), b"RIFF").unwrap();
    }
    let mut options = ReadOptions::of([directory.path().to_string_lossy()]);
    options.path_pattern = Some("{label}_{speaker}_{index}.wav".into());
    let read = read(&options).unwrap();
    let kinds: Vec<&str> = read.frame.columns().iter().map(|column| column.kind().word()).collect();
    assert_eq!(kinds, ["audio", "category", "category", "number"]);
    assert_eq!(read.frame.column("index").unwrap().numbers().unwrap().value(0), 12.0);
    assert_eq!(read.quarantine.len(), 1);
    assert!(read.quarantine[0].reason.contains("does not fit the pattern"));
}

#[test]
fn tables_are_read_inside_archives() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.zip").to_string_lossy().into_owned();
    let list: &[u8] = b"picture,label\n1.png,cat\n2.png,dog\n";
    fs::write(&path, zip_bytes(&[("in/list.csv", list), ("in/1.png", b"one"), ("in/2.png", b"two")])).unwrap();
    let read = read(&ReadOptions::of([format!("{path}!/in/list.csv")])).unwrap();
    let pictures = read.frame.column("picture").unwrap();
    assert_eq!(Media::new().read(pictures.texts().unwrap().value(1)).unwrap(), b"two");
    fs::write(directory.path().join("b.csv.gz"), gzip(b"a,b\n1,2\n")).unwrap();
    let gz = ReadOptions::of([directory.path().join("b.csv.gz").to_string_lossy()]);
    assert_eq!(kamado_data::readers::read(&gz).unwrap().frame.rows(), 1);
}

#[test]
fn unsafe_and_damaged_archives_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let refusal = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        Media::new().names(&path.to_string_lossy()).unwrap_err().to_string()
    };
    for name in ["../evil.png", "/etc/passwd", "a/../../b.png", "C:/x.png", "..\\x.png"] {
        for (archive, bytes) in [("e.tar", tar_bytes(&[(name, b"x")])), ("e.zip", zip_bytes(&[(name, b"x")]))] {
            let text = refusal(archive, &bytes);
            assert!(text.contains("stay inside the archive"), "{archive} {name}: {text}");
        }
    }
    let (tar, zip) = (tar_bytes(&FILES), zip_bytes(&FILES));
    assert!(refusal("cut.tar", &tar[..514]).contains("cut off"));
    assert!(refusal("cut.tar.gz", &gzip(&tar)[..60]).contains("damaged or cut off"));
    assert!(refusal("cut.zip", &zip[..zip.len() / 2]).contains("a zip archive"));
    assert!(refusal("empty.tar", b"").contains("none in it"));
    assert!(refusal("prose.tar", &b"This is no archive at all. ".repeat(60)).contains("tar archive"));
    let missing = Media::new().read(&directory.path().join("gone.png").to_string_lossy()).unwrap_err().to_string();
    assert!(missing.contains("nothing is there"), "{missing}");
    assert!(Media::new().read(&directory.path().to_string_lossy()).unwrap_err().to_string().contains("a directory"));
}

#[test]
fn bombs_do_not_go_off() {
    let directory = tempfile::tempdir().unwrap();
    let zeros = vec![0; 70 << 20];
    let zip = directory.path().join("bomb.zip").to_string_lossy().into_owned();
    fs::write(&zip, zip_bytes(&[("a.png", &zeros)])).unwrap();
    assert!(Media::new().names(&zip).unwrap_err().to_string().contains("bomb"));
    let tar = directory.path().join("bomb.tar.gz").to_string_lossy().into_owned();
    fs::write(&tar, gzip(&tar_bytes(&[("a.png", &zeros)]))).unwrap();
    assert!(Media::new().names(&tar).unwrap_err().to_string().contains("bomb"));
    let csv = directory.path().join("bomb.csv.gz").to_string_lossy().into_owned();
    fs::write(&csv, gzip(&zeros)).unwrap();
    let text = read(&ReadOptions::of([csv])).unwrap_err().to_string();
    assert!(text.contains("bytes that are zero"), "{text}");
    let large = directory.path().join("large.png").to_string_lossy().into_owned();
    File::create(&large).unwrap().set_len(1 << 20).unwrap();
    let limits = MediaLimits { file_bytes: 1 << 19, ..MediaLimits::default() };
    assert!(Media::with_limits(limits).read(&large).unwrap_err().to_string().contains("at most 524288 bytes"));
}

#[test]
fn many_threads_read_at_once() {
    let directory = tempfile::tempdir().unwrap();
    for source in everywhere(directory.path()).into_iter().skip(1) {
        let media = Media::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        assert_eq!(media.read(&format!("{source}!/data/train/cat/1.png")).unwrap(), b"one");
                        assert_eq!(media.read(&format!("{source}!/data/test/cat/3.png")).unwrap(), b"three");
                    }
                });
            }
        });
    }
}

#[test]
fn mutated_archives_give_files_or_a_reason() {
    let directory = tempfile::tempdir().unwrap();
    let mut rng = Rng::new(4, 2);
    let archives = [("m.tar", tar_bytes(&FILES)), ("m.zip", zip_bytes(&FILES)), ("m.tar.gz", gzip(&tar_bytes(&FILES)))];
    for round in 0..300 {
        let (name, sound) = &archives[round % 3];
        let mut bytes = sound.clone();
        for _ in 0..1 + rng.below(3) {
            let place = rng.below(bytes.len() as u64) as usize;
            bytes[place] = rng.below(256) as u8;
        }
        if rng.below(4) == 0 {
            bytes.truncate(rng.below(bytes.len() as u64) as usize);
        }
        let path = directory.path().join(name).to_string_lossy().into_owned();
        fs::write(&path, &bytes).unwrap();
        let media = Media::new();
        for name in media.names(&path).unwrap_or_default() {
            let _ = media.read(&format!("{path}!/{name}"));
        }
    }
}
