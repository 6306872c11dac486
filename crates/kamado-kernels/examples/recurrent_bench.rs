//! Speed of a recurrent layer's passes: 32 examples, 128 units.
//!
//! `cargo run --release -p kamado-kernels --example recurrent_bench [THREADS] [STEPS]`

use std::time::Instant;

use kamado_kernels::Exec;
use kamado_kernels::denormals::FlushDenormals;
use kamado_kernels::isa::Isa;
use kamado_kernels::pool::ThreadPool;
use kamado_kernels::recurrent::{
    BackwardOperands, BackwardResults, Cell, ForwardOperands, ForwardResults, RecurrentShape, backward,
    backward_scratch, forward, forward_scratch, kernel_grad, kernel_grad_scratch,
};

fn main() {
    let _flush = FlushDenormals::new();
    let number = |i, default| std::env::args().nth(i).and_then(|a| a.parse().ok()).unwrap_or(default);
    let (threads, steps) = (number(1, 2), number(2, 100));
    let isa = match Isa::from_env() {
        Ok(isa) => isa,
        Err(error) => return eprintln!("{error}"),
    };
    let pool = ThreadPool::new(threads);
    println!("{} on {} threads", isa.name(), pool.threads());
    for cell in [Cell::Lstm, Cell::GruResetAfter, Cell::GruResetBefore, Cell::Tanh] {
        measure(Exec { isa, pool: &pool }, cell, steps);
    }
}

/// The least time of many runs: other work on the machine only ever adds to it.
fn best(mut body: impl FnMut()) -> f64 {
    let run = |body: &mut dyn FnMut()| {
        let start = Instant::now();
        body();
        start.elapsed().as_secs_f64()
    };
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    while begin.elapsed().as_secs_f64() < 0.7 {
        best = best.min(run(&mut body));
    }
    best
}

fn measure(exec: Exec<'_>, cell: Cell, steps: usize) {
    let shape = RecurrentShape { cell, batch: 32, steps, units: 128, go_backwards: false };
    let (rows, units, threads) = (32 * steps, 128, exec.pool.threads());
    let width = cell.gates() * units;
    let noise = |n: usize| (0..n).map(|i| ((i * 7919 % 1009) as f32 / 1009.0 - 0.5) * 0.2).collect::<Vec<_>>();
    let (z, kernel, bias, dh) = (noise(rows * width), noise(units * width), noise(width), noise(32 * units));
    let (mut tape, mut dz) = (vec![0.0; rows * cell.tape() * units], vec![0.0; rows * width]);
    let (mut last, mut du) = (vec![0.0; 32 * units], vec![0.0; units * width]);
    let need = forward_scratch(&shape, threads).max(backward_scratch(&shape, threads));
    let mut scratch = vec![0.0; need.max(kernel_grad_scratch(&shape, threads))];
    let bias = (cell == Cell::GruResetAfter).then_some(bias.as_slice());
    let operands = ForwardOperands { z: &z, kernel: &kernel, bias, mask: None, h: None, c: None };
    let there = best(|| {
        let results = ForwardResults { last: Some(&mut last), tape: Some(&mut tape), ..Default::default() };
        forward(exec, &shape, &operands, results, &mut scratch);
    });
    let operands = BackwardOperands {
        tape: &tape,
        kernel: &kernel,
        mask: None,
        h: None,
        c: None,
        sequence: None,
        steps: None,
        last: Some(&dh),
        last_cell: None,
    };
    let back = best(|| {
        let results = BackwardResults { z: Some(&mut dz), ..Default::default() };
        backward(exec, &shape, &operands, results, &mut scratch);
    });
    let grad = best(|| kernel_grad(exec, &shape, &tape, &dz, None, &mut du, &mut scratch));
    let rate = 2.0 * (rows * units * width) as f64 / 1e9;
    let [there, back, grad] = [there, back, grad].map(|t| format!("{:.2} ms ({:.0} GFLOP/s)", t * 1e3, rate / t));
    println!("{cell:?}: forward {there}, backward {back}, kernel gradient {grad}");
}
