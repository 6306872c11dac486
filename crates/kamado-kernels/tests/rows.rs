//! Slices, concatenations and padding against index arithmetic.

mod support;

use kamado_kernels::rows::{Part, concatenate, pad, slice};
use support::{everywhere, noise};

#[test]
fn slices_of_rows() {
    for (rows, stride, first, width) in
        [(0, 3, 0, 2), (5, 1, 0, 1), (700, 65, 3, 62), (9000, 5, 4, 1), (2, 40_000, 7, 33_000)]
    {
        let x = noise(1, rows * stride);
        let got = everywhere(|exec| {
            let mut out = vec![f32::NAN; rows * width];
            slice(exec, &x, stride, first, width, &mut out);
            out
        });
        let expected: Vec<f32> = x.chunks(stride).flat_map(|row| row[first..first + width].to_vec()).collect();
        assert_eq!(got, expected, "{rows} {stride} {first} {width}");
    }
}

#[test]
fn parts_of_every_width_and_the_rest_untouched() {
    for (rows, widths) in
        [(0, vec![2, 3]), (7, vec![1]), (1000, vec![1, 2, 3, 4, 8, 16, 17, 32, 0, 33]), (3, vec![20_000, 5])]
    {
        let parts: Vec<_> = widths.iter().enumerate().map(|(i, &width)| noise(i as u64, rows * width)).collect();
        let (first, stride) = (2, widths.iter().sum::<usize>() + 5);
        let got = everywhere(|exec| {
            let parts: Vec<_> = parts.iter().zip(&widths).map(|(data, &width)| Part { data, width }).collect();
            let mut out = vec![9.0; rows * stride];
            concatenate(exec, &parts, first, stride, &mut out);
            out
        });
        for (r, row) in got.chunks(stride).enumerate() {
            let mut expected = vec![9.0; 2];
            parts.iter().zip(&widths).for_each(|(part, &w)| expected.extend(&part[r * w..(r + 1) * w]));
            expected.extend([9.0; 3]);
            assert_eq!(row, expected, "row {r} of {widths:?}");
        }
    }
}

#[test]
fn padding_of_any_axis() {
    for (shape, before, after) in [
        (vec![], vec![], vec![]),
        (vec![5], vec![0], vec![0]),
        (vec![5], vec![2], vec![3]),
        (vec![4, 6], vec![1, 0], vec![0, 0]),
        (vec![3, 4, 5], vec![0, 1, 0], vec![0, 2, 0]),
        (vec![3, 4, 5], vec![1, 0, 2], vec![0, 0, 1]),
        (vec![2, 30, 31, 17], vec![0, 1, 2, 0], vec![0, 2, 1, 0]),
        (vec![2, 0, 3], vec![0, 1, 1], vec![0, 1, 0]),
    ] {
        let x = noise(3, shape.iter().product());
        let padded: Vec<usize> =
            shape.iter().zip(&before).zip(&after).map(|((n, b), a): ((&usize, &usize), _)| n + b + a).collect();
        let got = everywhere(|exec| {
            let mut out = vec![f32::NAN; padded.iter().product()];
            pad(exec, &x, &shape, &before, &after, &mut out);
            out
        });
        for (i, &v) in got.iter().enumerate() {
            let (mut rest, mut from, mut stride, mut inside) = (i, 0, 1, true);
            for axis in (0..shape.len()).rev() {
                let at = (rest % padded[axis]).wrapping_sub(before[axis]);
                inside &= at < shape[axis];
                from += at.min(shape[axis]) * stride;
                stride *= shape[axis];
                rest /= padded[axis];
            }
            assert_eq!(v, if inside { x[from] } else { 0.0 }, "element {i} of {shape:?}, {before:?}, {after:?}");
        }
    }
}
