//! All directions of the depthwise convolution against naive f64 loops.

mod common;

use common::{assert_near, every_exec, random, sum_bound};
use kamado_kernels::conv2d::{Conv2d, Conv2dShape};
use kamado_kernels::gemm::{Activation, Epilogue};

/// An image of `size` and `channels` under a kernel of `kernel`, whose padding is as TensorFlow's "same" or none.
fn shape(size: [usize; 2], channels: usize, multiplier: usize, kernel: [usize; 2], same: bool) -> Conv2dShape {
    let pad = kernel.map(|k| if same { (k - 1) / 2 } else { 0 });
    let out = |i: usize| if same { size[i] } else { size[i] - kernel[i] + 1 };
    Conv2dShape {
        batch: 2,
        in_h: size[0],
        in_w: size[1],
        in_c: channels,
        out_h: out(0),
        out_w: out(1),
        out_c: channels * multiplier,
        kernel_h: kernel[0],
        kernel_w: kernel[1],
        stride_h: 1,
        stride_w: 1,
        pad_top: pad[0],
        pad_left: pad[1],
        dilation_h: 1,
        dilation_w: 1,
        groups: channels,
    }
}

/// Calls `f(x, w, y)` with the index of each input value, weight and output value that meet.
fn each_product(s: &Conv2dShape, mut f: impl FnMut(usize, usize, usize)) {
    let multiplier = s.out_c / s.in_c;
    let cell = |o: usize, stride: usize, k: usize, dilation: usize, pad: usize, size: usize| {
        (o * stride + k * dilation).checked_sub(pad).filter(|cell| *cell < size)
    };
    for (b, i, j) in
        (0..s.batch * s.out_h * s.out_w).map(|n| (n / s.out_w / s.out_h, n / s.out_w % s.out_h, n % s.out_w))
    {
        for (p, q) in (0..s.kernel_h * s.kernel_w).map(|n| (n / s.kernel_w, n % s.kernel_w)) {
            let row = cell(i, s.stride_h, p, s.dilation_h, s.pad_top, s.in_h);
            let column = cell(j, s.stride_w, q, s.dilation_w, s.pad_left, s.in_w);
            let (Some(row), Some(column)) = (row, column) else { continue };
            for o in 0..s.out_c {
                let x = ((b * s.in_h + row) * s.in_w + column) * s.in_c + o / multiplier;
                f(x, (p * s.kernel_w + q) * s.out_c + o, ((b * s.out_h + i) * s.out_w + j) * s.out_c + o);
            }
        }
    }
}

/// Sums of products with the sums of their absolute values.
fn sums(len: usize, s: &Conv2dShape, term: impl Fn(usize, usize, usize) -> (usize, f64)) -> Vec<(f64, f64)> {
    let mut sums = vec![(0.0, 0.0); len];
    each_product(s, |x, w, y| {
        let (at, value) = term(x, w, y);
        sums[at] = (sums[at].0 + value, sums[at].1 + value.abs());
    });
    sums
}

fn check(s: Conv2dShape) {
    let x = random(s.batch * s.in_h * s.in_w * s.in_c, 1);
    let w = random(s.kernel_h * s.kernel_w * s.out_c, 2);
    let dy = random(s.batch * s.out_h * s.out_w * s.out_c, 3);
    let bias = random(s.out_c, 4);
    let product = |a: f32, b: f32| f64::from(a) * f64::from(b);
    let y = sums(dy.len(), &s, |x_at, w_at, y_at| (y_at, product(x[x_at], w[w_at])));
    let dx = sums(x.len(), &s, |x_at, w_at, y_at| (x_at, product(dy[y_at], w[w_at])));
    let dw = sums(w.len(), &s, |x_at, w_at, y_at| (w_at, product(dy[y_at], x[x_at])));
    let db = (0..s.out_c).map(|o| {
        let column = || dy.iter().skip(o).step_by(s.out_c).map(|v| f64::from(*v));
        (column().sum(), column().map(f64::abs).sum())
    });
    let taps = s.kernel_h * s.kernel_w * s.out_c / s.in_c;
    let pixels = s.batch * s.out_h * s.out_w;
    let biased = |(i, (sum, size)): (usize, &(f64, f64))| {
        let b = f64::from(bias[i % s.out_c]);
        (sum + b, sum_bound(taps + 1, size + b.abs()))
    };
    let linear: Vec<_> = y.iter().enumerate().map(biased).collect();
    let dx: Vec<_> = (dx.iter().zip(&x))
        .map(|((sum, size), x)| (if *x > 0.0 { *sum } else { 0.0 }, sum_bound(taps, *size)))
        .collect();
    let dw: Vec<_> = dw.into_iter().chain(db).map(|(sum, size)| (sum, sum_bound(pixels, size))).collect();

    let conv = Conv2d::new(s);
    every_exec(|exec| {
        let (name, threads) = (exec.isa.name(), exec.pool.threads());
        let mut scratch = vec![f32::NAN; conv.forward_scratch(threads)];
        let mut all = Vec::new();
        for activation in [Activation::None, Activation::Relu, Activation::Tanh] {
            let function = |v: f64| match activation {
                Activation::Relu => v.max(0.0),
                Activation::Tanh => v.tanh(),
                _ => v,
            };
            let mut got = vec![f32::NAN; dy.len()];
            let epilogue = Epilogue { bias: Some(&bias), activation, ..Epilogue::default() };
            conv.forward(exec, &x, &w, epilogue, &mut got, &mut scratch);
            // No activation enlarges an error; tanh adds its own.
            let want: Vec<_> = linear.iter().map(|&(v, bound)| (function(v), bound + 4e-7)).collect();
            assert_near(&got, &want, &format!("{name} {activation:?} y of {s:?}"));
            all.extend(got);
        }
        let mut got = vec![f32::NAN; x.len()];
        let mut scratch = vec![f32::NAN; conv.input_grad_scratch(threads)];
        conv.input_grad(exec, &dy, &w, Some(&x), &mut got, &mut scratch);
        assert_near(&got, &dx, &format!("{name} dx of {s:?}"));
        all.extend(got);

        let (mut got, mut db) = (vec![f32::NAN; w.len()], vec![f32::NAN; s.out_c]);
        let mut scratch = vec![f32::NAN; conv.kernel_grad_scratch(threads)];
        conv.kernel_grad(exec, &x, &dy, &mut got, Some(&mut db), &mut scratch);
        got.extend(db);
        assert_near(&got, &dw, &format!("{name} dw, db of {s:?}"));
        all.extend(got);
        all
    });
}

#[test]
fn channels_around_the_vectors_and_kernels_of_all_sizes() {
    for channels in [2, 7, 8, 9, 16, 17, 33] {
        check(shape([5, 9], channels, 1, [3, 3], true));
    }
    for kernel in [[1, 1], [3, 3], [1, 5], [5, 5], [2, 4]] {
        check(shape([6, 7], 5, 1, kernel, false));
        check(shape([6, 7], 8, 1, kernel, true));
    }
}

#[test]
fn several_kernels_to_a_channel() {
    for multiplier in [2, 3] {
        for same in [false, true] {
            check(shape([6, 5], 6, multiplier, [3, 3], same));
        }
    }
}

#[test]
fn strides_dilations_and_padding() {
    for stride in [1, 2, 3] {
        for dilation in [1, 2] {
            for (pad, extra) in [(0, 0), (1, 1), (0, 1)] {
                let base = shape([9, 13], 4, 1, [3, 3], false);
                let out = |n: usize| (n + pad + extra - 2 * dilation - 1) / stride + 1;
                let (stride_h, stride_w, dilation_h, dilation_w) = (stride, stride, dilation, dilation);
                let (out_h, out_w) = (out(9), out(13));
                let strided = Conv2dShape { stride_h, stride_w, dilation_h, dilation_w, out_h, out_w, ..base };
                check(Conv2dShape { pad_top: pad, pad_left: pad, ..strided });
            }
        }
    }
    // Padding larger than the kernel: some outputs see nothing.
    check(Conv2dShape { pad_top: 4, pad_left: 0, out_h: 10, ..shape([4, 5], 3, 1, [3, 3], false) });
}

#[test]
fn many_tasks_and_nothing_to_do() {
    check(Conv2dShape { batch: 5, ..shape([40, 21], 24, 1, [3, 3], true) });
    check(Conv2dShape { batch: 0, ..shape([5, 5], 3, 1, [3, 3], true) });
    check(Conv2dShape { out_h: 0, ..shape([5, 5], 3, 2, [3, 3], false) });
}
