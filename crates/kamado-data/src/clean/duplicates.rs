//! Rows that are exactly equal to an earlier one.

use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::hash::{Hash, Hasher};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt8Type};
use arrow_schema::DataType;

use crate::frame::{Column, Frame};
use crate::threads;

/// Every row that is equal in all columns to an earlier one, with the first of its kind: `(row, first)`, ascending.
/// Missing values are equal to each other; media are compared by where they are, not by what they hold.
pub fn duplicates(frame: &Frame) -> Vec<(usize, usize)> {
    let hashes = row_hashes(frame);
    let mut firsts: HashMap<u64, Vec<usize>> = HashMap::with_capacity(frame.rows());
    let mut found = Vec::new();
    for (row, &hash) in hashes.iter().enumerate() {
        match firsts.entry(hash) {
            Entry::Vacant(entry) => {
                entry.insert(vec![row]);
            }
            Entry::Occupied(mut entry) => match entry.get().iter().find(|&&first| equal(frame, first, row)) {
                Some(&first) => found.push((row, first)),
                None => entry.get_mut().push(row),
            },
        }
    }
    found
}

/// Whether two rows are equal in all columns.
pub(crate) fn equal(frame: &Frame, a: usize, b: usize) -> bool {
    frame.columns().iter().all(|column| column.values().slice(a, 1) == column.values().slice(b, 1))
}

/// A hash of each row over all columns, the same in every process.
pub(crate) fn row_hashes(frame: &Frame) -> Vec<u64> {
    let columns = threads::map(frame.columns().iter().collect(), column_hashes);
    let mut hashes = vec![0u64; frame.rows()];
    for column in &columns {
        for (hash, value) in hashes.iter_mut().zip(column) {
            // The finaliser of SplitMix64 keeps the order of columns and spreads the bits.
            let mixed = (hash.rotate_left(5) ^ value).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            *hash = mixed ^ mixed >> 31;
        }
    }
    hashes
}

fn column_hashes(column: &Column) -> Vec<u64> {
    let values = column.values();
    let hashed = |write: &dyn Fn(usize, &mut DefaultHasher)| {
        let one = |row: usize| {
            let mut hasher = DefaultHasher::new();
            write(row, &mut hasher);
            if values.is_null(row) { 0 } else { hasher.finish() }
        };
        (0..column.len()).map(one).collect()
    };
    if let Ok(numbers) = column.numbers() {
        return hashed(&|row, hasher| numbers.value(row).to_bits().hash(hasher));
    }
    if let Ok(dates) = column.dates() {
        return hashed(&|row, hasher| dates.value(row).hash(hasher));
    }
    if let Ok(texts) = column.texts() {
        return hashed(&|row, hasher| texts.value(row).hash(hasher));
    }
    let Ok(tensors) = column.tensors() else { return vec![0; column.len()] };
    hashed(&|row, hasher| {
        let item = tensors.value(row);
        match item.data_type() {
            DataType::UInt8 => item.as_primitive::<UInt8Type>().values().hash(hasher),
            _ => item.as_primitive::<Float32Type>().values().iter().for_each(|x| x.to_bits().hash(hasher)),
        }
    })
}
