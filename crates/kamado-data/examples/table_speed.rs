//! How long a million rows take from a table in memory to a clean, normalised matrix: 20 columns of numbers, 5 % of them
//! missing, and 10 of categories. Prints seconds for fitting and for encoding.

use std::time::Instant;

use kamado_data::frame::{Column, Frame};
use kamado_data::table::{TableConfig, TableEncoder};
use kamado_graph::rng::Rng;

fn main() -> kamado_data::Result<()> {
    let rows = std::env::args().nth(1).and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    let mut rng = Rng::new(1, 0);
    let names: Vec<String> = (0..16).map(|i| format!("category {i}")).collect();
    let mut columns = Vec::new();
    for i in 0..20 {
        let values = (0..rows).map(|_| (rng.below(20) > 0).then(|| rng.uniform() * 100.0));
        columns.push(Column::of_numbers(format!("x{i}"), values.collect::<Vec<_>>()));
    }
    for i in 0..10 {
        let values = (0..rows).map(|_| Some(names[rng.below(16) as usize].as_str()));
        columns.push(Column::of_categories(format!("c{i}"), values.collect::<Vec<_>>()));
    }
    let frame = Frame::new(columns)?;
    let start = Instant::now();
    let encoder = TableEncoder::fit(&frame, &TableConfig::default(), None)?;
    let fitted = start.elapsed();
    let table = encoder.encode(&frame)?;
    let (fit, encode) = (fitted.as_secs_f64(), (start.elapsed() - fitted).as_secs_f64());
    println!("{rows} rows to {} numbers each: fit {fit:.2} s, encode {encode:.2} s", table.width);
    Ok(())
}
