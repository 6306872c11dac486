//! Delimited text, sound and unsound.

use std::fs;

use kamado_data::Kind;
use kamado_data::readers::{Header, Read, ReadOptions, Schema, read};
use kamado_graph::rng::Rng;

fn options(directory: &tempfile::TempDir, files: &[(&str, &[u8])]) -> ReadOptions {
    let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    files.iter().for_each(|(name, bytes)| fs::write(path(name), bytes).unwrap());
    ReadOptions::of(files.iter().map(|(name, _)| path(name)))
}

fn read_bytes(bytes: &[u8]) -> Result<Read, String> {
    read_as(bytes, |_| {})
}

fn read_as(bytes: &[u8], change: impl FnOnce(&mut ReadOptions)) -> Result<Read, String> {
    let directory = tempfile::tempdir().unwrap();
    let mut options = options(&directory, &[("x.csv", bytes)]);
    change(&mut options);
    let here = format!("{}/", directory.path().display());
    read(&options).map_err(|error| error.to_string().replace(&here, ""))
}

fn numbers(read: &Read, name: &str) -> Vec<Option<f64>> {
    read.frame.column(name).unwrap().numbers().unwrap().iter().collect()
}

fn texts(read: &Read, name: &str) -> Vec<Option<String>> {
    read.frame.column(name).unwrap().texts().unwrap().iter().map(|text| text.map(str::to_owned)).collect()
}

fn kinds(read: &Read) -> Vec<String> {
    read.frame.columns().iter().map(|column| format!("{}:{}", column.name(), column.kind().word())).collect()
}

#[test]
fn kinds_are_inferred_and_shown() {
    let text = "age, job ,when,photo,member,note\n\
        30, smith,2026-11-24,a/1.png,yes,\"He said \"\"no\"\", then left. And this is a text rather than a name.\"\n\
        NA,baker,2026-11-25 12:30,b/2.jpg,no,A second long text that does not fit into what a category may be\n\
        -1.5e2,?,25.11.2026,,no,A third text which goes on for so long that nobody would take it for a name\n";
    let read = read_bytes(text.as_bytes()).unwrap();
    assert_eq!(
        kinds(&read),
        ["age:number", "job:category", "when:date", "photo:image", "member:category", "note:text"]
    );
    assert_eq!(numbers(&read, "age"), [Some(30.0), None, Some(-150.0)]);
    assert_eq!(texts(&read, "job"), [Some("smith".into()), Some("baker".into()), None]);
    assert!(texts(&read, "note")[0].as_ref().unwrap().starts_with("He said \"no\", then"));
    assert!(texts(&read, "photo")[0].as_ref().unwrap().ends_with("/a/1.png"));
    assert!(read.frame.place(2).ends_with("x.csv, row 4"));
    assert!(read.notes[0].ends_with("x.csv: a header, delimiter ','"), "{:?}", read.notes);
    let schema = Schema::of(&read.frame);
    let json = serde_json::to_string(&schema).unwrap();
    assert_eq!(serde_json::from_str::<Schema>(&json).unwrap(), schema);
    assert!(schema.to_string().starts_with("age     number\njob     category\n"));
    schema.check(&read.frame).unwrap();
    assert!(schema.check(&read.frame.clone().without("age").unwrap()).is_err());
}

#[test]
fn kinds_can_be_stated() {
    let text = b"zip,year,flag\n01234,2020,1\n99999,2021,x\n12345,2022,0\n54321,2023,1\n";
    let read = read_as(text, |options| {
        options.kinds.insert("zip".into(), Kind::Category);
        options.kinds.insert("flag".into(), Kind::Number);
    })
    .unwrap();
    assert_eq!(texts(&read, "zip"), ["01234", "12345", "54321"].map(|text| Some(text.into())));
    assert_eq!(read.quarantine.len(), 1);
    assert!(read.quarantine[0].place.ends_with("x.csv, row 3"));
    assert_eq!(read.quarantine[0].reason, "column \"flag\": expected a number, found \"x\"");
    assert_eq!(read.quarantine[0].text, "zip = 99999, year = 2021, flag = x");
    let error = read_as(text, |options| drop(options.kinds.insert("zap".into(), Kind::Text))).unwrap_err();
    assert!(error.contains("\"zap\"") && error.contains("\"zip\""), "{error}");
}

#[test]
fn dialects_are_found() {
    let first = |text: &str| {
        let read = read_bytes(text.as_bytes()).unwrap();
        let row: Vec<f64> = read.frame.columns().iter().map(|column| column.numbers().unwrap().value(0)).collect();
        (row, read.frame.rows(), read.frame.columns()[0].name().to_owned())
    };
    assert_eq!(first("a;b\n1;2\n3;4\n"), (vec![1.0, 2.0], 2, "a".into()));
    assert_eq!(first("1\t2\n3\t4"), (vec![1.0, 2.0], 2, "column_1".into()));
    assert_eq!(first("1|2|3\r\n4|5|6\r\n"), (vec![1.0, 2.0, 3.0], 2, "column_1".into()));
    assert_eq!(first("1 2\n3 4\n"), (vec![1.0, 2.0], 2, "column_1".into()));
    assert_eq!(first("x\n1\n\n2\n"), (vec![1.0], 2, "x".into()));
    assert_eq!(first("\u{feff}x,y\n1,2\n"), (vec![1.0, 2.0], 1, "x".into()));
    let german = read_as(b"a;b\n1,5;2\n", |options| options.decimal = Some(',')).unwrap();
    assert_eq!(numbers(&german, "a"), [Some(1.5)]);
    let strange = read_as(b"# c\n1~'2~3'\n4~5\n", |options| {
        options.delimiter = Some('~');
        options.quote = Some("'".into());
        options.comment = Some('#');
        options.names = vec!["a".into(), "b".into()];
        options.header = Header::No;
    })
    .unwrap();
    assert_eq!(texts(&strange, "b"), [Some("2~3".into()), Some("5".into())]);
}

#[test]
fn messages_with_stray_quotes_are_rows_of_their_own() {
    let text = "ham\t\"Hello there\nspam\tWin 5\" now\nham\tBye\"\nham\tAnd \"so\" on\n";
    let read = read_bytes(text.as_bytes()).unwrap();
    assert_eq!(read.frame.rows(), 4);
    assert_eq!(texts(&read, "column_2")[0].as_deref(), Some("\"Hello there"));
    assert!(read.notes[0].contains("quotes are ordinary"), "{:?}", read.notes);
}

#[test]
fn bad_rows_are_put_aside_with_the_reason() {
    let read = read_bytes(b"a,b\n1,2\n3\n4,5,6\n7,8\n9,\xFF\n10,11\n12,13\n\"14,15\n").err().unwrap_or_default();
    assert!(read.contains("row 6: expected text in UTF-8") && read.contains("data.encoding"), "{read}");
    let rows: String = (0..400).map(|row| format!("{row},{}\n", row * 2)).collect();
    let text = [b"a,b\n1\n", rows.as_bytes(), b"1,2,3\n7,\xFF\n8,abc\n\"9,10\n11,12\n"].concat();
    let read = read_bytes(&text).unwrap();
    let bad: Vec<String> = read
        .quarantine
        .iter()
        .map(|bad| format!("{}: {}", bad.place.rsplit(' ').next().unwrap(), bad.reason))
        .collect();
    let expected = [
        "2: expected 2 fields, found 1",
        "403: expected 2 fields, found 3",
        "404: it is not text in UTF-8",
        "406: a quote is opened and never closed",
        "405: column \"b\": expected a number, found \"abc\"",
    ];
    assert_eq!(bad, expected);
    assert_eq!(read.frame.rows(), 401);
    assert_eq!(read.frame.place(400).rsplit(' ').next(), Some("407"));
}

#[test]
fn useless_files_are_refused() {
    for (bytes, expected) in [
        (&b""[..], "an empty file"),
        (b"\n\n", "an empty file"),
        (b"a,b\n", "a header and nothing below it"),
        (b"a,b\n1\n2\n3\n", "none, the first one in x.csv, row 2: expected 2 fields, found 1"),
        (b"a,b\n1,2\n1\n2\n3\n", "3 that cannot"),
        (b"a\rb\rc", "carriage return"),
        (b"a\0b\0,\0", "utf-16le"),
        (b"caf\xE9,1\nth\xE9,2\n", "expected text in UTF-8"),
    ] {
        let header = if expected.contains("header") { Header::Yes } else { Header::Auto };
        let error = read_as(bytes, |options| options.header = header).unwrap_err();
        assert!(error.starts_with("x.csv") && error.contains(expected), "{expected}: {error}");
    }
    assert!(read_as(b"a,b\n1,2\n", |options| options.delimiter = Some('→')).unwrap_err().contains("ASCII"));
    assert!(read_as(b"a,b\n1,2\n", |options| options.names = vec!["x".into()]).unwrap_err().contains("1 columns"));
}

#[test]
fn other_encodings_are_read_when_named() {
    let read =
        read_as(b"name,x\n\xD5\xC5\xC8\xFD,1\n\xC0\xEE\xCB\xC4,2\n", |options| options.encoding = Some("gbk".into()));
    assert_eq!(texts(&read.unwrap(), "name"), [Some("张三".into()), Some("李四".into())]);
}

#[test]
fn several_files_are_one_table() {
    let directory = tempfile::tempdir().unwrap();
    let mut files = options(&directory, &[("a.csv", b"x,y\n1,u\n2,v\n"), ("b.csv", b"x,y\n3,u\n")]);
    let read_both = read(&files).unwrap();
    assert_eq!(numbers(&read_both, "x"), [Some(1.0), Some(2.0), Some(3.0)]);
    assert!(read_both.frame.place(2).ends_with("b.csv, row 2"));
    files.paths = vec![format!("{}/*.csv", directory.path().display())];
    assert_eq!(read(&files).unwrap().frame.rows(), 3);
    files.paths = vec![directory.path().to_string_lossy().into_owned()];
    assert_eq!(read(&files).unwrap().frame.rows(), 3);
    fs::write(directory.path().join("c.csv"), "x,z\n3,u\n").unwrap();
    let error = read(&files).unwrap_err().to_string();
    assert!(error.contains("c.csv: expected column 2 to be \"y\", as in the first file, found \"z\""), "{error}");
    let gone = read(&ReadOptions::of(["/nowhere/x.csv"])).unwrap_err().to_string();
    assert!(gone.contains("nothing is there"), "{gone}");
}

#[test]
fn a_column_may_turn_out_to_be_text_late_and_threads_change_nothing() {
    let mut text = String::from("id,a,b\n");
    for row in 0..300_000 {
        let b = if row < 200_000 { format!("{row}") } else { format!("\"w,{}\nx\"", row % 7) };
        text.push_str(&format!("{row},{}.5,{b}\n", row % 10));
    }
    let one = read_as(text.as_bytes(), |options| options.threads = Some(1)).unwrap();
    let four = read_as(text.as_bytes(), |options| options.threads = Some(4)).unwrap();
    assert_eq!(one.frame.rows(), 300_000);
    assert_eq!(texts(&four, "b")[3].as_deref(), Some("3"));
    assert_eq!(texts(&four, "b")[200_001].as_deref(), Some("w,4\nx"));
    assert!(four.frame.place(200_001).ends_with("row 200004"));
    for (a, b) in one.frame.columns().iter().zip(four.frame.columns()) {
        assert_eq!(a.values(), b.values());
    }
}

#[test]
fn very_many_columns_and_very_long_fields_keep_their_bounds() {
    let wide: String = (0..100_000).map(|column| format!("{column},")).collect();
    let wide = format!("{}\n", wide.trim_end_matches(','));
    let read = read_bytes(wide.repeat(3).as_bytes()).unwrap();
    assert_eq!((read.frame.columns().len(), read.frame.rows()), (100_000, 3));
    let long =
        [b"a,b\n1,2\n3,", &vec![b'x'; 20 << 20][..], b"\n4,\"5\n6,7\n8,", &vec![b'y'; 20 << 20], b"\n9,10\n"].concat();
    let read = read_bytes(&long).unwrap();
    assert_eq!(numbers(&read, "a"), [Some(1.0), Some(6.0), Some(9.0)]);
    let reasons: Vec<&str> = read.quarantine.iter().map(|bad| bad.reason.as_str()).collect();
    assert!(reasons[0].contains("longer than") && reasons[1].contains("never closed"), "{reasons:?}");
    assert!(read.quarantine.iter().all(|bad| bad.text.len() < 1100));
}

#[test]
fn mutated_files_give_rows_or_a_reason() {
    let sound = b"a,b,c\n1,\"x, \"\"y\"\"\",2026-11-24\n2,z\xC3\xA9,2026-11-25\n3,\"w\nv\",24.11.2026\n".to_vec();
    let mut rng = Rng::new(4, 1);
    for _ in 0..500 {
        let mut bytes = sound.clone();
        for _ in 0..1 + rng.below(4) {
            let place = rng.below(bytes.len() as u64) as usize;
            match rng.below(3) {
                0 => bytes[place] = b",\"\n\r\0\xFF1x"[rng.below(8) as usize],
                1 => bytes.truncate(place.max(1)),
                _ => bytes.insert(place, b",\"\n'"[rng.below(4) as usize]),
            }
        }
        if let Ok(read) = read_bytes(&bytes) {
            assert!(
                read.frame.rows() > 0 && read.frame.columns().iter().all(|column| column.len() == read.frame.rows())
            );
        }
    }
}
