//! All directions of the convolution against naive f64 loops.

mod common;

use common::{assert_near, bf16, every_bf16_exec, every_exec, random, sum_bound};
use kamado_kernels::Exec;
use kamado_kernels::conv2d::{Conv2d, Conv2dShape};
use kamado_kernels::gemm::{Activation, Epilogue};

/// One dimension: input size, kernel, stride, dilation, whether padded as TensorFlow's "same"; gives the output size and
/// the padding before.
fn dimension(size: usize, kernel: usize, stride: usize, dilation: usize, same: bool) -> (usize, usize) {
    let reach = (kernel - 1) * dilation + 1;
    if !same {
        return ((size + stride).saturating_sub(reach) / stride, 0);
    }
    let out = size.div_ceil(stride);
    let padding = ((out - 1) * stride + reach).saturating_sub(size);
    (out, padding / 2)
}

#[derive(Clone, Copy)]
struct Kernel {
    size: (usize, usize),
    stride: (usize, usize),
    dilation: (usize, usize),
    same: bool,
    groups: usize,
}

fn shape(batch: usize, h: usize, w: usize, in_c: usize, out_c: usize, k: Kernel) -> Conv2dShape {
    let (out_h, pad_top) = dimension(h, k.size.0, k.stride.0, k.dilation.0, k.same);
    let (out_w, pad_left) = dimension(w, k.size.1, k.stride.1, k.dilation.1, k.same);
    Conv2dShape {
        batch,
        in_h: h,
        in_w: w,
        in_c,
        out_h,
        out_w,
        out_c,
        kernel_h: k.size.0,
        kernel_w: k.size.1,
        stride_h: k.stride.0,
        stride_w: k.stride.1,
        pad_top,
        pad_left,
        dilation_h: k.dilation.0,
        dilation_w: k.dilation.1,
        groups: k.groups,
    }
}

/// Calls `f(x, w, y)` with the index of each input value, weight and output value that meet.
fn each_product(s: &Conv2dShape, mut f: impl FnMut(usize, usize, usize)) {
    let (group_in, group_out) = (s.in_c / s.groups, s.out_c / s.groups);
    for b in 0..s.batch {
        for i in 0..s.out_h {
            for j in 0..s.out_w {
                for p in 0..s.kernel_h {
                    for q in 0..s.kernel_w {
                        let (row, col) = (i * s.stride_h + p * s.dilation_h, j * s.stride_w + q * s.dilation_w);
                        if row < s.pad_top || row - s.pad_top >= s.in_h {
                            continue;
                        }
                        if col < s.pad_left || col - s.pad_left >= s.in_w {
                            continue;
                        }
                        let x = ((b * s.in_h + row - s.pad_top) * s.in_w + col - s.pad_left) * s.in_c;
                        let w = (p * s.kernel_w + q) * group_in;
                        let y = ((b * s.out_h + i) * s.out_w + j) * s.out_c;
                        for o in 0..s.out_c {
                            for c in 0..group_in {
                                f(x + o / group_out * group_in + c, (w + c) * s.out_c + o, y + o);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Sums of products with the sums of their absolute values.
fn sums(len: usize, s: &Conv2dShape, term: impl Fn(usize, usize, usize) -> (usize, f64)) -> Vec<(f64, f64)> {
    let mut sums = vec![(0.0, 0.0); len];
    each_product(s, |x, w, y| {
        let (at, value) = term(x, w, y);
        sums[at].0 += value;
        sums[at].1 += value.abs();
    });
    sums
}

fn check(s: Conv2dShape) {
    let x = random(s.batch * s.in_h * s.in_w * s.in_c, 1);
    let w = random(s.kernel_h * s.kernel_w * (s.in_c / s.groups) * s.out_c, 2);
    let dy = random(s.batch * s.out_h * s.out_w * s.out_c, 3);
    check_on(s, [&x, &w, &dy], false);
    check_on(s, [&bf16(&x), &bf16(&w), &bf16(&dy)], true);
}

fn check_on(s: Conv2dShape, [x, w, dy]: [&[f32]; 3], in_bf16: bool) {
    let bias = random(s.out_c, 4);
    let product = |a: f32, b: f32| f64::from(a) * f64::from(b);
    let y = sums(dy.len(), &s, |x_at, w_at, y_at| (y_at, product(x[x_at], w[w_at])));
    let dx = sums(x.len(), &s, |x_at, w_at, y_at| (x_at, product(dy[y_at], w[w_at])));
    let dw = sums(w.len(), &s, |x_at, w_at, y_at| (w_at, product(dy[y_at], x[x_at])));
    let taps = s.kernel_h * s.kernel_w * s.in_c.max(s.out_c);
    let pixels = s.batch * s.out_h * s.out_w;

    let y: Vec<_> = (y.iter().enumerate())
        .map(|(i, (sum, size))| {
            let b = f64::from(bias[i % s.out_c]);
            ((sum + b).max(0.0), sum_bound(taps + 1, size + b.abs()))
        })
        .collect();
    let dx: Vec<_> = (dx.iter().zip(x))
        .map(|((sum, size), x)| (if *x > 0.0 { *sum } else { 0.0 }, sum_bound(taps, *size)))
        .collect();
    let mut dw: Vec<_> = dw.iter().map(|(sum, size)| (*sum, sum_bound(pixels, *size))).collect();
    dw.extend((0..s.out_c).map(|o| {
        let column = || dy.iter().skip(o).step_by(s.out_c).map(|v| f64::from(*v));
        (column().sum(), sum_bound(pixels, column().map(f64::abs).sum()))
    }));

    let conv = Conv2d::new(s);
    let directions = |exec: Exec<'_>| {
        let threads = exec.pool.threads();
        let mut got_y = vec![f32::NAN; dy.len()];
        let epilogue = Epilogue { bias: Some(&bias), activation: Activation::Relu, ..Epilogue::default() };
        conv.forward(exec, x, w, epilogue, &mut got_y, &mut vec![f32::NAN; conv.forward_scratch(threads)]);
        assert_near(&got_y, &y, &format!("{} y of {s:?}", exec.isa.name()));

        let mut got_dx = vec![f32::NAN; x.len()];
        let mut scratch = vec![f32::NAN; conv.input_grad_scratch(threads)];
        conv.input_grad(exec, dy, w, Some(x), &mut got_dx, &mut scratch);
        assert_near(&got_dx, &dx, &format!("{} dx of {s:?}", exec.isa.name()));

        let (mut got_dw, mut got_db) = (vec![f32::NAN; w.len()], vec![f32::NAN; s.out_c]);
        let mut scratch = vec![f32::NAN; conv.kernel_grad_scratch(threads)];
        conv.kernel_grad(exec, x, dy, &mut got_dw, Some(&mut got_db), &mut scratch);
        got_dw.extend(got_db);
        assert_near(&got_dw, &dw, &format!("{} dw, db of {s:?}", exec.isa.name()));
        [got_y, got_dx, got_dw].concat()
    };
    if in_bf16 { every_bf16_exec(directions) } else { every_exec(directions) }
}

const PLAIN: Kernel = Kernel { size: (3, 3), stride: (1, 1), dilation: (1, 1), same: false, groups: 1 };

#[test]
fn strides_dilations_and_padding() {
    for same in [false, true] {
        for stride in [(1, 1), (2, 2), (3, 1), (1, 2)] {
            for dilation in [(1, 1), (2, 1), (2, 2)] {
                for size in [(1, 1), (3, 3), (2, 5)] {
                    let kernel = Kernel { size, stride, dilation, same, groups: 1 };
                    check(shape(2, 9, 13, 3, 5, kernel));
                    check(shape(1, 12, 10, 2, 17, kernel));
                }
            }
        }
    }
}

#[test]
fn groups_and_depthwise() {
    for (in_c, out_c, groups) in [(4, 6, 2), (6, 6, 6), (4, 8, 4), (9, 33, 3)] {
        for stride in [(1, 1), (2, 2)] {
            for same in [false, true] {
                check(shape(2, 7, 8, in_c, out_c, Kernel { groups, stride, same, ..PLAIN }));
            }
        }
    }
}

#[test]
fn channels_around_the_vectors() {
    for (in_c, out_c) in [(1, 32), (8, 15), (16, 16), (17, 31), (33, 64), (64, 33)] {
        check(shape(2, 6, 7, in_c, out_c, Kernel { same: true, ..PLAIN }));
    }
}

#[test]
fn many_bands_and_many_images() {
    check(shape(1, 40, 40, 16, 24, Kernel { same: true, ..PLAIN }));
    check(shape(1, 61, 50, 40, 36, Kernel { same: true, ..PLAIN }));
    check(shape(40, 5, 5, 2, 3, Kernel { same: true, ..PLAIN }));
    check(shape(3, 28, 28, 1, 32, PLAIN));
}

/// Enough channels for tiles to be cheaper, and images that tiles do not fill.
#[test]
fn tiles_at_all_edges() {
    for (h, w, same) in [(8, 8, true), (9, 11, true), (13, 10, false), (7, 16, true), (12, 18, false)] {
        for (in_c, out_c) in [(24, 40), (40, 24), (64, 67), (67, 64)] {
            check(shape(2, h, w, in_c, out_c, Kernel { same, ..PLAIN }));
        }
    }
    check(shape(1, 12, 12, 530, 20, Kernel { same: true, ..PLAIN }));
    let valid = shape(2, 12, 13, 32, 32, PLAIN);
    check(Conv2dShape { pad_top: 2, pad_left: 0, out_h: 14, out_w: 11, ..valid });
}

#[test]
fn padding_beyond_the_kernel() {
    let same = shape(1, 4, 5, 2, 3, PLAIN);
    check(Conv2dShape { pad_top: 4, pad_left: 1, out_h: 8, out_w: 6, ..same });
    check(Conv2dShape { pad_top: 0, pad_left: 9, out_h: 3, out_w: 5, ..same });
}

#[test]
fn nothing_to_do() {
    check(shape(0, 5, 5, 2, 3, PLAIN));
    check(Conv2dShape { out_h: 0, ..shape(2, 5, 5, 2, 3, PLAIN) });
}
