//! Rows of tables, and sums into them, against loops over single indices.

mod support;

use kamado_kernels::gather::{
    Addressing, IndexOutOfRange, gather, gather_gradient, gather_gradient_scratch, token_mask,
};
use support::{everywhere, noise};

/// An addressing, its columns with their rows, indices within, and the row that each addresses.
fn example(columns: usize, first: usize, rows: &[usize], examples: usize) -> (Addressing, Vec<i32>, Vec<usize>) {
    let by = Addressing::by_column(columns, first, rows);
    let random = noise(5, examples * columns);
    let mut addressed = Vec::new();
    let index = |(i, &x): (usize, &f32)| {
        let Some(&rows_here) = (i % columns).checked_sub(first).and_then(|k| rows.get(k)) else { return -7 };
        let index = ((x + 2.0) / 4.0 * rows_here as f32) as usize % rows_here;
        addressed.push(rows[..i % columns - first].iter().sum::<usize>() + index);
        index as i32
    };
    let indices = random.iter().enumerate().map(index).collect();
    (by, indices, addressed)
}

fn check(columns: usize, first: usize, rows: &[usize], examples: usize, width: usize) {
    let (by, indices, addressed) = example(columns, first, rows, examples);
    let table_rows: usize = rows.iter().sum();
    let (table, dy) = (noise(1, table_rows * width), noise(2, addressed.len() * width));
    let got = everywhere(|exec| {
        let mut out = vec![f32::NAN; addressed.len() * width];
        gather(exec, &table, width, &by, &indices, &mut out).unwrap();
        out
    });
    let expected: Vec<f32> = addressed.iter().flat_map(|row| table[row * width..(row + 1) * width].to_vec()).collect();
    assert_eq!(got, expected);
    let sums = everywhere(|exec| {
        let mut out = vec![f32::NAN; table_rows * width];
        let mut scratch = vec![f32::NAN; gather_gradient_scratch(&by, indices.len())];
        gather_gradient(exec, &dy, width, &by, &indices, &mut scratch, &mut out).unwrap();
        out
    });
    let mut expected = vec![0.0f32; table_rows * width];
    for (place, row) in addressed.iter().enumerate() {
        (0..width).for_each(|i| expected[row * width + i] += dy[place * width + i]);
    }
    assert_eq!(sums, expected, "the order of the sums is that of the places");
}

#[test]
fn whole_tables() {
    for (rows, examples, width) in [(1, 1, 1), (3, 0, 4), (5, 100, 7), (50, 999, 16), (1000, 5000, 33), (9, 40, 20_000)]
    {
        check(1, 0, &[rows], examples, width);
    }
}

#[test]
fn a_table_for_each_column() {
    check(3, 0, &[4, 1, 9], 50, 8);
    check(5, 2, &[6, 7], 300, 3);
    check(20, 0, &[100; 20], 256, 16);
}

#[test]
fn an_index_outside_is_an_error_and_nothing_is_written() {
    let by = Addressing::by_column(3, 1, &[4, 2]);
    let mut indices = vec![99, 3, 1, -5, 0, 2];
    everywhere(|exec| {
        let mut out = vec![7.0; 8];
        let wrong = gather(exec, &[0.0; 12], 2, &by, &indices, &mut out).unwrap_err();
        assert_eq!(wrong, IndexOutOfRange { position: 5, index: 2, rows: 2 });
        let mut scratch = vec![0.0; gather_gradient_scratch(&by, 6)];
        let mut sums = vec![7.0; 12];
        assert_eq!(gather_gradient(exec, &out, 2, &by, &indices, &mut scratch, &mut sums), Err(wrong));
        assert!(out.iter().chain(&sums).all(|&v| v == 7.0));
        out
    });
    indices[5] = -1;
    everywhere(|exec| {
        let wrong = gather(exec, &[0.0; 12], 2, &by, &indices, &mut [0.0; 8]).unwrap_err();
        assert_eq!((wrong.position, wrong.index), (5, -1));
        vec![]
    });
}

#[test]
fn masks() {
    let x: Vec<i32> = (0..40_000).map(|i| i % 5 - 1).collect();
    let got = everywhere(|exec| {
        let mut out = vec![f32::NAN; x.len()];
        token_mask(exec, &x, -1, &mut out);
        out
    });
    assert!(got.iter().zip(&x).all(|(&y, &x)| y == if x == -1 { 0.0 } else { 1.0 }));
}
