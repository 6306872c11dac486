//! Speed of the matrix kernels, as GFLOP/s and as a share of the peak measured beside them.
//!
//! `cargo run --release -p kamado-kernels --example gemm_bench [THREADS] [FILTER]`

use std::time::Instant;

use kamado_kernels::Exec;
use kamado_kernels::conv2d::{Conv2d, Conv2dShape};
use kamado_kernels::denormals::FlushDenormals;
use kamado_kernels::dense_update::{DenseUpdate, dense_update, dense_update_scratch};
use kamado_kernels::gemm::{Activation, Epilogue, Gemm, Offsets, gemm, gemm_scratch};
use kamado_kernels::isa::Isa;
use kamado_kernels::peak::multiply_add_rate;
use kamado_kernels::pool::ThreadPool;
use kamado_kernels::update_rule::{Adam, Parameter, UpdateRule, update};

fn main() {
    let _flush = FlushDenormals::new();
    let mut args = std::env::args().skip(1);
    let threads = args.next().and_then(|a| a.parse().ok()).unwrap_or(2);
    let filter = args.next().unwrap_or_default();
    let isa = match Isa::from_env() {
        Ok(isa) => isa,
        Err(error) => return eprintln!("{error}"),
    };
    let pool = ThreadPool::new(threads);
    let bench = Bench { exec: Exec { isa, pool: &pool }, filter, peak: f64::NAN };
    let peak = multiply_add_rate(bench.exec) / 1e9;
    println!("{} on {} threads, peak {peak:.1} GFLOP/s", isa.name(), pool.threads());
    let bench = Bench { peak, ..bench };
    products(&bench);
    dense(&bench);
    convolutions(&bench);
}

struct Bench<'a> {
    exec: Exec<'a>,
    filter: String,
    /// GFLOP/s of all threads.
    peak: f64,
}

impl Bench<'_> {
    /// Prints the best of many runs of `body`: other work on the machine only ever adds to the time.
    fn report(&self, name: &str, flops: f64, mut body: impl FnMut()) {
        if !name.contains(&self.filter) {
            return;
        }
        let mut best = f64::INFINITY;
        let begin = Instant::now();
        while begin.elapsed().as_secs_f64() < 0.7 {
            let start = Instant::now();
            body();
            best = best.min(start.elapsed().as_secs_f64());
        }
        let rate = flops / best / 1e9;
        println!("{name:<36} {:>9.4} ms {rate:>7.1} GFLOP/s {:>4.0} %", best * 1e3, rate / self.peak * 100.0);
    }
}

fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 2_654_435_761) % 1024) as f32 / 512.0 - 1.0).collect()
}

fn products(bench: &Bench<'_>) {
    for (m, n, k, a_t, b_t) in [
        (512, 512, 512, false, false),
        (2048, 2048, 2048, false, false),
        (128, 512, 784, false, false),
        (128, 512, 512, false, false),
        (128, 512, 512, false, true),
        (512, 512, 128, true, false),
        (784, 512, 128, true, false),
        (32, 64, 21632, false, false),
        (32, 21632, 64, false, true),
        (21632, 64, 32, true, false),
        (128, 10, 512, false, false),
        (2048, 256, 256, false, false),
        (2048, 256, 256, false, true),
        (2048, 1024, 256, false, false),
        (2048, 1024, 256, false, true),
        (2048, 256, 1024, false, false),
        (2048, 256, 1024, false, true),
        (256, 256, 2048, true, false),
        (256, 1024, 2048, true, false),
        (1024, 256, 2048, true, false),
        (256, 128, 330, false, false),
    ] {
        let (a, b) = (values(m * k), values(k * n));
        let bias = values(n);
        let mut c = vec![0.0; m * n];
        let mut scratch = vec![0.0; gemm_scratch(m, n, k, bench.exec.pool.threads())];
        let g = Gemm {
            m,
            n,
            k,
            a: &a,
            a_rows: Offsets::Stride(if a_t { 1 } else { k }),
            a_cols: Offsets::Stride(if a_t { m } else { 1 }),
            b: &b,
            ldb: if b_t { k } else { n },
            b_transposed: b_t,
            epilogue: Epilogue { bias: Some(&bias), activation: Activation::Relu, ..Epilogue::default() },
        };
        let name = format!("gemm {m}x{n}x{k}{}{}", if a_t { " At" } else { "" }, if b_t { " Bt" } else { "" });
        let flops = 2.0 * (m * n * k) as f64;
        bench.report(&name, flops, || gemm(bench.exec, &g, &mut c, n, &mut scratch));
    }
}

fn dense(bench: &Bench<'_>) {
    let rule = UpdateRule::Adam(Adam { alpha: 1e-3, first: 0.1, second: 0.001, epsilon: 1e-7 });
    for (batch, inputs, outputs, with_dx) in [
        (32, 21632, 64, true),
        (32, 64, 10, true),
        (128, 784, 512, false),
        (256, 330, 128, true),
        (256, 128, 64, true),
        (128, 512, 512, true),
        (128, 512, 10, true),
    ] {
        let (x, dy) = (values(batch * inputs), values(batch * outputs));
        let len = inputs * outputs;
        let (mut w, mut m, mut v) = (values(len), values(len), vec![1.0; len]);
        let (mut b, mut bm, mut bv) = (values(outputs), values(outputs), vec![1.0; outputs]);
        let mut dx = vec![0.0; batch * inputs];
        let mut scratch = vec![0.0; dense_update_scratch(batch, inputs, outputs, bench.exec.pool.threads())];
        let layer = DenseUpdate { batch, inputs, outputs, x: &x, dy: &dy, mask: Some(&x), rule };
        let flops = 2.0 * (batch * len) as f64 * if with_dx { 2.0 } else { 1.0 };
        bench.report(&format!("dense_update {batch}x{inputs}x{outputs} dx={with_dx}"), flops, || {
            let w = Parameter { value: &mut w, slots: [&mut m, &mut v, &mut []], keep: 1.0 };
            let bias = Parameter { value: &mut b, slots: [&mut bm, &mut bv, &mut []], keep: 1.0 };
            dense_update(bench.exec, &layer, w, Some(bias), with_dx.then_some(&mut dx[..]), &mut scratch);
        });
    }
    for len in [1 << 12, 1 << 20] {
        let (mut w, mut m, mut v, g) = (values(len), values(len), vec![1.0; len], values(len));
        bench.report(&format!("adam {len}"), 11.0 * len as f64, || {
            update(bench.exec, &rule, Parameter { value: &mut w, slots: [&mut m, &mut v, &mut []], keep: 1.0 }, &g);
        });
    }
}

/// A 3x3 convolution of square images, "same" if `pad` is 1 and "valid" if it is 0.
fn shape(batch: usize, size: usize, in_c: usize, out_c: usize, stride: usize, pad: usize) -> Conv2dShape {
    let out = (size + 2 * pad - 3) / stride + 1;
    Conv2dShape {
        batch,
        in_h: size,
        in_w: size,
        in_c,
        out_h: out,
        out_w: out,
        out_c,
        kernel_h: 3,
        kernel_w: 3,
        stride_h: stride,
        stride_w: stride,
        pad_top: pad,
        pad_left: pad,
        dilation_h: 1,
        dilation_w: 1,
        groups: 1,
    }
}

fn convolutions(bench: &Bench<'_>) {
    for (name, shape) in [
        ("seed", shape(32, 28, 1, 32, 1, 0)),
        ("vgg 3-64", shape(64, 32, 3, 64, 1, 1)),
        ("vgg 64-64", shape(64, 32, 64, 64, 1, 1)),
        ("vgg 64-128", shape(64, 16, 64, 128, 1, 1)),
        ("vgg 128-128", shape(64, 16, 128, 128, 1, 1)),
        ("resnet 16-16", shape(128, 32, 16, 16, 1, 1)),
        ("resnet 16-32 /2", shape(128, 32, 16, 32, 2, 1)),
        ("resnet 64-64", shape(128, 8, 64, 64, 1, 1)),
    ] {
        let conv = Conv2d::new(shape);
        let x = values(shape.batch * shape.in_h * shape.in_w * shape.in_c);
        let w = values(9 * shape.in_c * shape.out_c);
        let mut y = values(shape.batch * shape.out_h * shape.out_w * shape.out_c);
        let (bias, mut db) = (values(shape.out_c), values(shape.out_c));
        let (mut dx, mut dw) = (x.clone(), w.clone());
        let threads = bench.exec.pool.threads();
        let flops = 2.0 * (y.len() * 9 * shape.in_c) as f64;
        let mut scratch = vec![0.0; conv.forward_scratch(threads)];
        bench.report(&format!("conv {name} forward"), flops, || {
            let epilogue = Epilogue { bias: Some(&bias), activation: Activation::Relu, ..Epilogue::default() };
            conv.forward(bench.exec, &x, &w, epilogue, &mut y, &mut scratch);
        });
        let mut scratch = vec![0.0; conv.input_grad_scratch(threads)];
        bench.report(&format!("conv {name} input_grad"), flops, || {
            conv.input_grad(bench.exec, &y, &w, Some(&x), &mut dx, &mut scratch);
        });
        let mut scratch = vec![0.0; conv.kernel_grad_scratch(threads)];
        bench.report(&format!("conv {name} kernel_grad"), flops, || {
            conv.kernel_grad(bench.exec, &x, &y, &mut dw, Some(&mut db), &mut scratch);
        });
    }
}
