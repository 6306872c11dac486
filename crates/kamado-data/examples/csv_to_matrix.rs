//! How long it takes from a CSV file to a clean, normalised matrix: numbers filled with the median and standardised,
//! categories one-hot. Prints seconds for reading, fitting and encoding. `bench/peers/csv_to_matrix.py` makes such a file
//! and does the same with pandas and scikit-learn.

use std::time::Instant;

use kamado_data::readers::{ReadOptions, read};
use kamado_data::table::{TableConfig, TableEncoder};

fn main() -> kamado_data::Result<()> {
    for path in std::env::args().skip(1) {
        let start = Instant::now();
        let frame = read(&ReadOptions::of([&path]))?.frame;
        let done = start.elapsed();
        let encoder = TableEncoder::fit(&frame, &TableConfig::default(), None)?;
        let fitted = start.elapsed();
        let table = encoder.encode(&frame)?;
        let all = start.elapsed();
        let (read, fit, encode) = (done, fitted - done, all - fitted);
        println!("{path}: {} rows of {} numbers", table.rows, table.width);
        println!("read {read:.2?}, fit {fit:.2?}, encode {encode:.2?}: {all:.2?}");
    }
    Ok(())
}
