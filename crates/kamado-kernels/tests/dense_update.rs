//! The fused pass against a product, a sum and an update computed apart: the same operations, so the same bits.

mod common;

use common::{bf16, every_bf16_exec, every_exec, random};
use kamado_kernels::Exec;
use kamado_kernels::dense_update::{DenseUpdate, dense_update, dense_update_scratch};
use kamado_kernels::gemm::{Epilogue, Gemm, Offsets, gemm, gemm_scratch};
use kamado_kernels::update_rule::{Adadelta, Adam, Lion, Momentum, Parameter, RmsProp, UpdateRule, update};

const ADAM: UpdateRule = UpdateRule::Adam(Adam { alpha: 0.003, first: 0.1, second: 0.001, epsilon: 1e-7 });

#[derive(Clone)]
struct Case {
    batch: usize,
    inputs: usize,
    outputs: usize,
    x: Vec<f32>,
    dy: Vec<f32>,
    /// Weights, two slots; then the bias's.
    w: [Vec<f32>; 3],
    bias: [Vec<f32>; 3],
}

impl Case {
    fn new(batch: usize, inputs: usize, outputs: usize) -> Self {
        let squares = |len, seed| random(len, seed).iter().map(|v| v * v).collect();
        let parameter = |len, seed| [random(len, seed), squares(len, seed + 1), squares(len, seed + 2)];
        Case {
            batch,
            inputs,
            outputs,
            x: random(batch * inputs, 1),
            dy: random(batch * outputs, 2),
            w: parameter(inputs * outputs, 3),
            bias: parameter(outputs, 6),
        }
    }

    fn fused(&self, exec: Exec<'_>, rule: UpdateRule, with_dx: bool, with_mask: bool) -> Vec<f32> {
        let (mut w, mut bias) = (self.w.clone(), self.bias.clone());
        let mut dx = vec![f32::NAN; self.x.len()];
        let mut scratch =
            vec![f32::NAN; dense_update_scratch(self.batch, self.inputs, self.outputs, exec.pool.threads())];
        let layer = DenseUpdate {
            batch: self.batch,
            inputs: self.inputs,
            outputs: self.outputs,
            x: &self.x,
            dy: &self.dy,
            mask: with_mask.then_some(&self.x[..]),
            rule,
        };
        let dx_out = with_dx.then_some(&mut dx[..]);
        dense_update(exec, &layer, parameter(&mut w), Some(parameter(&mut bias)), dx_out, &mut scratch);
        let dx = if with_dx { dx } else { Vec::new() };
        [w.concat(), bias.concat(), dx].concat()
    }

    fn apart(&self, exec: Exec<'_>, rule: UpdateRule, with_dx: bool, with_mask: bool) -> Vec<f32> {
        let &Case { batch, inputs, outputs, .. } = self;
        let (mut w, mut bias) = (self.w.clone(), self.bias.clone());
        let product = |g: Gemm<'_>| {
            let mut c = vec![0.0; g.m * g.n];
            gemm(exec, &g, &mut c, g.n, &mut vec![0.0; gemm_scratch(g.m, g.n, g.k, exec.pool.threads())]);
            c
        };
        let mask = with_mask.then_some(&self.x[..]);
        let dx = product(Gemm {
            m: batch,
            n: inputs,
            k: outputs,
            a: &self.dy,
            a_rows: Offsets::Stride(outputs),
            a_cols: Offsets::Stride(1),
            b: &w[0],
            ldb: outputs,
            b_transposed: true,
            epilogue: Epilogue { mask, ..Epilogue::default() },
        });
        let dw = product(Gemm {
            m: inputs,
            n: outputs,
            k: batch,
            a: &self.x,
            a_rows: Offsets::Stride(1),
            a_cols: Offsets::Stride(inputs),
            b: &self.dy,
            ldb: outputs,
            b_transposed: false,
            epilogue: Epilogue::default(),
        });
        let db: Vec<f32> = (0..outputs).map(|j| (0..batch).map(|i| self.dy[i * outputs + j]).sum()).collect();
        update(exec, &rule, parameter(&mut w), &dw);
        update(exec, &rule, parameter(&mut bias), &db);
        [w.concat(), bias.concat(), if with_dx { dx } else { Vec::new() }].concat()
    }

    fn check(&self, rule: UpdateRule, with_dx: bool, with_mask: bool) {
        let same = |case: &Case, exec: Exec<'_>| {
            let fused = case.fused(exec, rule, with_dx, with_mask);
            let apart = case.apart(exec, rule, with_dx, with_mask);
            let what = format!("{} {}x{}x{}", exec.isa.name(), self.batch, self.inputs, self.outputs);
            assert_eq!(fused.len(), apart.len(), "{what}");
            for (i, (a, b)) in fused.iter().zip(&apart).enumerate() {
                assert_eq!(a.to_bits(), b.to_bits(), "{what}, element {i}: {a} fused, {b} apart");
            }
            fused
        };
        every_exec(|exec| same(self, exec));
        let [w, first, second] = &self.w;
        let w = [bf16(w), first.clone(), second.clone()];
        let rounded = Case { x: bf16(&self.x), dy: bf16(&self.dy), w, ..self.clone() };
        every_bf16_exec(|exec| same(&rounded, exec));
    }
}

fn parameter(p: &mut [Vec<f32>; 3]) -> Parameter<'_> {
    let [value, a, b] = p;
    Parameter { value, slots: [a, b, &mut []], keep: 0.99 }
}

#[test]
fn awkward_sizes() {
    for batch in [0, 1, 5, 32, 33] {
        for inputs in [0, 1, 6, 31, 33, 300] {
            for outputs in [0, 1, 10, 16, 33] {
                Case::new(batch, inputs, outputs).check(ADAM, true, (batch + inputs) % 2 == 0);
            }
        }
    }
}

#[test]
fn many_blocks_and_pieces() {
    Case::new(32, 1000, 64).check(ADAM, true, true);
    Case::new(300, 70, 40).check(ADAM, true, false);
    Case::new(20, 90, 600).check(ADAM, false, false);
}

#[test]
fn other_rules() {
    let case = Case::new(9, 50, 17);
    let momentum = Momentum { learning_rate: 0.1, momentum: 0.9, nesterov: true };
    case.check(UpdateRule::Momentum(momentum), true, false);
    let rms = RmsProp { learning_rate: 0.1, rho: 0.9, fresh: 0.1, epsilon: 1e-7 };
    case.check(UpdateRule::RmsProp(rms), true, true);
    let lion = Lion { learning_rate: 0.1, step: [0.9, 0.1], mean: [0.99, 0.01] };
    case.check(UpdateRule::Lion(lion), true, true);
    let adadelta = Adadelta { learning_rate: 0.1, rho: 0.95, fresh: 0.05, epsilon: 1e-7 };
    case.check(UpdateRule::Adadelta(adadelta), false, true);
}
