//! Attention and its gradients against naive ones in f64, with the same bits on any number of threads.

mod common;

use common::{every_exec, random};
use kamado_kernels::Exec;
use kamado_kernels::attention::*;
use kamado_kernels::denormals::FlushDenormals;
use kamado_kernels::random::{DropoutMask, RandomKey, philox4x32};

/// Sizes around the tiles of 48 queries and 128 keys, and few heads, which are cut into parts.
fn shapes() -> Vec<(AttentionShape, bool)> {
    let shape = |batch, heads, [queries, keys, key_dim, value_dim]: [usize; 4], causal| AttentionShape {
        batch,
        heads,
        queries,
        keys,
        key_dim,
        value_dim,
        causal,
        scale: 1.0 / (key_dim as f32).sqrt(),
    };
    let mut all = vec![];
    for causal in [false, true] {
        for masked in [false, true] {
            all.push((shape(2, 3, [1, 1, 1, 1], causal), masked));
            all.push((shape(1, 1, [7, 5, 3, 2], causal), masked));
            all.push((shape(1, 1, [150, 301, 16, 17], causal), masked));
            all.push((shape(1, 3, [97, 129, 33, 8], causal), masked));
            all.push((shape(2, 4, [128, 128, 64, 64], causal), masked));
            all.push((shape(1, 1, [300, 40, 5, 4], causal), masked));
        }
    }
    all
}

struct Example {
    shape: AttentionShape,
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    dy: Vec<f32>,
    mask: Option<Vec<f32>>,
    dropout: Option<(DropoutMask, RandomKey)>,
}

/// Results and gradients in f64: y, lse, dq, dk, dv.
type Exact = [Vec<f64>; 5];

impl Example {
    fn new(shape: AttentionShape, masked: bool) -> Self {
        let AttentionShape { batch, heads, queries, keys, key_dim, value_dim, .. } = shape;
        // The first sequence sees nothing; of the others some keys are hidden.
        let hidden = |i: usize| (i < keys && batch > 1) || i % 3 == 1;
        let scaled = |len, seed| random(len, seed).into_iter().map(|x| 3.0 * x).collect();
        Example {
            shape,
            q: scaled(batch * queries * heads * key_dim, 1),
            k: scaled(batch * keys * heads * key_dim, 2),
            v: random(batch * keys * heads * value_dim, 3),
            dy: random(batch * queries * heads * value_dim, 4),
            mask: masked.then(|| (0..batch * keys).map(|i| if hidden(i) { 0.0 } else { 1.0 }).collect()),
            dropout: None,
        }
    }

    fn operands(&self) -> Operands<'_> {
        Operands { q: &self.q, k: &self.k, v: &self.v, mask: self.mask.as_deref(), dropout: self.dropout }
    }

    fn run(&self, exec: Exec<'_>) -> [Vec<f32>; 5] {
        let (shape, of, threads) = (&self.shape, self.operands(), exec.pool.threads());
        let nan = |len: usize| vec![f32::NAN; len];
        let (mut y, mut lse) = (nan(self.dy.len()), nan(shape.batch * shape.heads * shape.queries));
        let mut scratch = nan(forward_scratch(shape, threads));
        forward(exec, shape, &of, Some(&mut y), Some(&mut lse), &mut scratch);
        let forwarded = Forwarded { y: &y, lse: &lse, dy: &self.dy };
        let [mut dq, mut dk, mut dv] = [&self.q, &self.k, &self.v].map(|x| nan(x.len()));
        let mut scratch = nan(backward_scratch(shape, threads));
        let all = [Some(&mut dq[..]), Some(&mut dk[..]), Some(&mut dv[..])];
        backward(exec, shape, &of, &forwarded, all, &mut scratch);
        [y, lse, dq, dk, dv]
    }

    /// The dropout mask's element.
    fn keep(&self, element: usize) -> f64 {
        let Some((mask, key)) = self.dropout else { return 1.0 };
        let counter = [(element / 4) as u32, mask.stream, key.step as u32, 0];
        let word = philox4x32(counter, [key.seed as u32, 0])[element % 4];
        if f64::from(word) >= mask.rate * 4_294_967_296.0 { 1.0 / (1.0 - mask.rate) } else { 0.0 }
    }

    fn exact(&self) -> Exact {
        let AttentionShape { batch, heads, queries, keys, key_dim: d, value_dim: e, causal, scale } = self.shape;
        let zeros = |len: usize| vec![0.0; len];
        let [mut dq, mut dk, mut dv] = [&self.q, &self.k, &self.v].map(|x| zeros(x.len()));
        let (mut y, mut lse) = (zeros(self.dy.len()), zeros(batch * heads * queries));
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        for (b, h, i) in (0..batch * heads * queries).map(|n| (n / queries / heads, n / queries % heads, n % queries)) {
            let q = ((b * queries + i) * heads + h) * d;
            let out = ((b * queries + i) * heads + h) * e;
            let k = |j: usize| ((b * keys + j) * heads + h) * d;
            let v = |j: usize| ((b * keys + j) * heads + h) * e;
            let sees = |j: &usize| (!causal || *j <= i) && self.mask.as_ref().is_none_or(|m| m[b * keys + j] > 0.5);
            let seen: Vec<_> = (0..keys).filter(sees).collect();
            let score = |j: usize| f64::from(scale) * dot(&self.q[q..q + d], &self.k[k(j)..k(j) + d]);
            let total: f64 = seen.iter().map(|&j| score(j).exp()).sum();
            let p: Vec<_> = seen.iter().map(|&j| score(j).exp() / total).collect();
            lse[(b * heads + h) * queries + i] = if seen.is_empty() { 0.0 } else { total.ln() };
            let keep = |j: usize| self.keep(((b * heads + h) * queries + i) * keys + j);
            let slope = |j: usize| keep(j) * dot(&self.dy[out..out + e], &self.v[v(j)..v(j) + e]);
            let delta: f64 = seen.iter().zip(&p).map(|(&j, p)| p * slope(j)).sum();
            for (&j, p) in seen.iter().zip(&p) {
                for c in 0..e {
                    y[out + c] += keep(j) * p * f64::from(self.v[v(j) + c]);
                    dv[v(j) + c] += keep(j) * p * f64::from(self.dy[out + c]);
                }
                let ds = p * (slope(j) - delta) * f64::from(scale);
                for c in 0..d {
                    dq[q + c] += ds * f64::from(self.k[k(j) + c]);
                    dk[k(j) + c] += ds * f64::from(self.q[q + c]);
                }
            }
        }
        [y, lse, dq, dk, dv]
    }
}

#[test]
fn results_and_gradients() {
    for (number, (shape, masked)) in shapes().into_iter().enumerate() {
        let mut example = Example::new(shape, masked);
        let mask = DropoutMask { rate: 0.25, stream: 3 };
        example.dropout = (number % 2 == 1).then_some((mask, RandomKey { seed: 7, step: 5 }));
        let exact = example.exact();
        every_exec(|exec| {
            let got = example.run(exec);
            for ((name, got), exact) in ["y", "lse", "dq", "dk", "dv"].iter().zip(&got).zip(&exact) {
                let largest = exact.iter().fold(1.0f64, |m, x| m.max(x.abs()));
                for (i, (&got, exact)) in got.iter().zip(exact).enumerate() {
                    let error = (f64::from(got) - exact).abs();
                    assert!(error <= 1e-5 * largest, "{shape:?} masked {masked}, {name}[{i}]: {got}, exactly {exact}");
                }
            }
            got.concat()
        });
    }
}

/// The logarithm alone, and each gradient alone, have the bits that they have together.
#[test]
fn results_one_by_one() {
    let (shape, masked) = shapes()[9];
    let example = Example::new(shape, masked);
    every_exec(|exec| {
        let [y, lse, dq, dk, dv] = example.run(exec);
        let mut alone = vec![f32::NAN; lse.len()];
        let mut scratch = vec![0.0; forward_scratch(&shape, exec.pool.threads())];
        let without_values = Operands { v: &[], ..example.operands() };
        forward(exec, &shape, &without_values, None, Some(&mut alone), &mut scratch);
        assert_eq!(alone, lse);
        let forwarded = Forwarded { y: &y, lse: &lse, dy: &example.dy };
        for (number, together) in [dq, dk, dv].into_iter().enumerate() {
            let mut alone = vec![f32::NAN; together.len()];
            let mut wanted = [None, None, None];
            wanted[number] = Some(&mut alone[..]);
            let mut scratch = vec![0.0; backward_scratch(&shape, exec.pool.threads())];
            backward(exec, &shape, &example.operands(), &forwarded, wanted, &mut scratch);
            assert_eq!(alone, together);
        }
        lse
    });
}

/// Scores far beyond the range of the exponential, which only the running maximum keeps finite.
#[test]
fn large_scores() {
    // Workers flush denormals, so the calling thread must too, as a session does.
    let _flush = FlushDenormals::new();
    let mut example = Example::new(shapes()[2].0, false);
    example.q.iter_mut().for_each(|q| *q *= 100.0);
    every_exec(|exec| {
        let got = example.run(exec).concat();
        assert!(got.iter().all(|x| x.is_finite()));
        got
    });
}
