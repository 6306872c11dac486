//! Any bytes are a table whose columns have the same length, or an error, whatever format they are taken for.
#![no_main]

use kamado_data::readers::{Format, ReadOptions, read};
use libfuzzer_sys::fuzz_target;

const FORMATS: [Format; 8] = [
    Format::Csv,
    Format::Tsv,
    Format::Json,
    Format::Parquet,
    Format::Arrow,
    Format::Npy,
    Format::Npz,
    Format::Text,
];

fuzz_target!(|input: (u8, &[u8])| {
    let path = std::env::temp_dir().join(format!("kamado-fuzz-read-{}", std::process::id()));
    std::fs::write(&path, input.1).expect("a temporary file can be written");
    let mut options = ReadOptions::of([path.to_string_lossy()]);
    options.format = Some(FORMATS[usize::from(input.0) % FORMATS.len()]);
    if let Ok(read) = read(&options) {
        assert!(read.frame.rows() > 0);
        assert!(read.frame.columns().iter().all(|column| column.len() == read.frame.rows()));
    }
});
