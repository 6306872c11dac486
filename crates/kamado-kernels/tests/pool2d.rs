//! Pooling against loops over padded images in f64.

mod support;

use kamado_kernels::pool2d::*;
use support::{assert_close, everywhere, noise};

/// A shape with the output sizes that "valid" (no padding) or "same" gives.
fn shape(
    batch: usize,
    (h, w, channels): (usize, usize, usize),
    pool: [usize; 2],
    stride: [usize; 2],
    same: bool,
) -> Pool2dShape {
    let out = |size: usize, pool: usize, stride: usize| {
        if same { size.div_ceil(stride) } else { (size + stride).saturating_sub(pool) / stride }
    };
    let (out_h, out_w) = (out(h, pool[0], stride[0]), out(w, pool[1], stride[1]));
    let pad =
        |size: usize, out: usize, pool: usize, stride: usize| ((out - 1) * stride + pool).saturating_sub(size) / 2;
    Pool2dShape {
        batch,
        in_h: h,
        in_w: w,
        channels,
        out_h,
        out_w,
        pool_h: pool[0],
        pool_w: pool[1],
        stride_h: stride[0],
        stride_w: stride[1],
        pad_top: if same { pad(h, out_h, pool[0], stride[0]) } else { 0 },
        pad_left: if same { pad(w, out_w, pool[1], stride[1]) } else { 0 },
    }
}

fn shapes() -> Vec<Pool2dShape> {
    let mut shapes = vec![
        shape(0, (4, 4, 3), [2, 2], [2, 2], false),
        shape(1, (1, 1, 1), [1, 1], [1, 1], false),
        shape(2, (5, 5, 0), [2, 2], [2, 2], false),
        shape(70, (16, 16, 8), [2, 2], [2, 2], false),
        shape(2, (300, 200, 1), [3, 2], [2, 1], true),
    ];
    for channels in [1, 3, 7, 8, 9, 16, 17, 63, 64, 65, 130] {
        for same in [false, true] {
            shapes.push(shape(3, (7, 6, channels), [2, 2], [2, 2], same));
            shapes.push(shape(2, (9, 8, channels), [3, 2], [1, 2], same));
            shapes.push(shape(1, (5, 11, channels), [5, 4], [3, 3], same));
        }
    }
    shapes
}

/// The input index of every valid cell of every window, per output element.
fn windows(s: &Pool2dShape) -> Vec<Vec<usize>> {
    let inside = |at: usize, pad: usize, size: usize| at.checked_sub(pad).filter(|&at| at < size);
    let mut windows = Vec::new();
    for i in 0..s.batch * s.out_h * s.out_w * s.channels {
        let (c, pixel) = (i % s.channels, i / s.channels);
        let (column, row, image) = (pixel % s.out_w, pixel / s.out_w % s.out_h, pixel / s.out_w / s.out_h);
        let mut cells = Vec::new();
        for a in 0..s.pool_h {
            for b in 0..s.pool_w {
                let y = inside(row * s.stride_h + a, s.pad_top, s.in_h);
                let x = inside(column * s.stride_w + b, s.pad_left, s.in_w);
                if let (Some(y), Some(x)) = (y, x) {
                    cells.push(((image * s.in_h + y) * s.in_w + x) * s.channels + c);
                }
            }
        }
        windows.push(cells);
    }
    windows
}

fn input_len(s: &Pool2dShape) -> usize {
    s.batch * s.in_h * s.in_w * s.channels
}

/// Small integers, so that windows have ties.
fn with_ties(n: usize) -> Vec<f32> {
    noise(1, n).into_iter().map(f32::round).collect()
}

#[test]
fn maxima_and_their_gradient() {
    for s in shapes() {
        let (x, windows) = (with_ties(input_len(&s)), windows(&s));
        let dy = noise(2, windows.len());
        let y = everywhere(|exec| {
            let mut y = vec![f32::NAN; windows.len()];
            max_pool2d(exec, &s, &x, &mut y);
            y
        });
        let mut exact = vec![0.0f64; x.len()];
        for ((cells, &y), &g) in windows.iter().zip(&y).zip(&dy) {
            let first = *cells.iter().reduce(|best, cell| if x[*cell] > x[*best] { cell } else { best }).unwrap();
            assert_eq!(y, x[first]);
            exact[first] += f64::from(g);
        }
        let dx = everywhere(|exec| {
            let mut dx = vec![f32::NAN; x.len()];
            max_pool2d_gradient(exec, &s, &x, &dy, &mut dx);
            dx
        });
        assert_close(&dx, &exact, 4e-6);
    }
}

#[test]
fn averages_and_their_gradient() {
    for s in shapes() {
        let (x, windows) = (noise(1, input_len(&s)), windows(&s));
        let dy = noise(2, windows.len());
        let y = everywhere(|exec| {
            let mut y = vec![f32::NAN; windows.len()];
            average_pool2d(exec, &s, &x, &mut y);
            y
        });
        let mean = |cells: &Vec<usize>| cells.iter().map(|&i| f64::from(x[i])).sum::<f64>() / cells.len() as f64;
        assert_close(&y, &windows.iter().map(mean).collect::<Vec<_>>(), 2e-6);
        let mut exact = vec![0.0f64; x.len()];
        for (cells, &g) in windows.iter().zip(&dy) {
            cells.iter().for_each(|&i| exact[i] += f64::from(g) / cells.len() as f64);
        }
        let dx = everywhere(|exec| {
            let mut dx = vec![f32::NAN; x.len()];
            average_pool2d_gradient(exec, &s, &dy, &mut dx);
            dx
        });
        assert_close(&dx, &exact, 2e-6);
    }
}

#[test]
fn ties_nan_and_infinity() {
    let s = shape(1, (2, 2, 1), [2, 2], [2, 2], false);
    let run = |x: [f32; 4]| {
        let out = everywhere(|exec| {
            let mut out = vec![0.0; 5];
            let (y, dx) = out.split_at_mut(1);
            max_pool2d(exec, &s, &x, y);
            max_pool2d_gradient(exec, &s, &x, &[3.0], dx);
            out
        });
        (out[0], [out[1], out[2], out[3], out[4]])
    };
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    assert_eq!(run([1.0, 2.0, 2.0, 0.0]), (2.0, [0.0, 3.0, 0.0, 0.0]));
    assert_eq!(run([-inf; 4]), (-inf, [3.0, 0.0, 0.0, 0.0]));
    assert_eq!(run([1.0, inf, 0.0, inf]), (inf, [0.0, 3.0, 0.0, 0.0]));
    let (y, dx) = run([1.0, nan, 5.0, 0.0]);
    assert!(y.is_nan());
    assert_eq!(dx, [0.0, 3.0, 0.0, 0.0]);
}

#[test]
fn padding_counts_for_nothing() {
    let s = shape(1, (2, 2, 1), [2, 2], [1, 1], true);
    let out = everywhere(|exec| {
        let mut out = vec![0.0; 8];
        let (max, average) = out.split_at_mut(4);
        max_pool2d(exec, &s, &[-4.0, -3.0, -2.0, -1.0], max);
        average_pool2d(exec, &s, &[-4.0, -3.0, -2.0, -1.0], average);
        out
    });
    assert_eq!(out, [-1.0, -1.0, -1.0, -1.0, -2.5, -2.0, -1.5, -1.0]);
}
