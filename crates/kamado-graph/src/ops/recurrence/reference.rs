//! The recurrent operators in f64, one number at a time.

use super::{Cell, Given, Recurrence};
use crate::tensor::Tensor;

/// What flows back into a recurrence.
pub(in crate::ops) struct Upstream<'a> {
    /// The gradient of each step's result.
    pub(in crate::ops) each: Option<&'a Tensor>,
    /// Whether `each` is in the order in which the steps run.
    pub(in crate::ops) in_order_of_steps: bool,
    /// The gradient of the last h.
    pub(in crate::ops) h: Option<&'a Tensor>,
    /// The gradient of the last c.
    pub(in crate::ops) c: Option<&'a Tensor>,
}

/// What flows out of it.
pub(in crate::ops) struct Gradients {
    pub(in crate::ops) z: Tensor,
    pub(in crate::ops) h: Tensor,
    pub(in crate::ops) c: Tensor,
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Row `row` of the rows of a tensor's last axis.
fn row(tensor: &Tensor, row: usize) -> &[f64] {
    let width = tensor.shape[tensor.shape.len() - 1];
    &tensor.data[row * width..][..width]
}

/// `v · U` in column `j`, with the transpose of U if `back`.
struct Kernel<'a> {
    data: &'a [f64],
    columns: usize,
}

impl Kernel<'_> {
    fn forth(&self, v: &[f64], j: usize) -> f64 {
        v.iter().enumerate().map(|(k, v)| v * self.data[k * self.columns + j]).sum()
    }

    /// `Σ v[j] · U[k, first + j]`
    fn back(&self, v: &[f64], first: usize, k: usize) -> f64 {
        v.iter().enumerate().map(|(j, v)| v * self.data[k * self.columns + first + j]).sum()
    }
}

impl Recurrence {
    fn masks(given: &Given<&Tensor>, row: usize) -> bool {
        given.mask.is_some_and(|mask| mask.data[row] <= 0.5)
    }

    /// The tape of operands z, U, the inner bias if there is one, and what is given.
    pub(in crate::ops) fn tape(&self, inputs: &[&Tensor]) -> Tensor {
        let (z, kernel, given) = (inputs[0], inputs[1], self.split(inputs));
        let bias = self.cell.has_inner_bias().then(|| inputs[2].data.as_slice());
        let (batch, steps, units) = (z.shape[0], z.shape[1], kernel.shape[0]);
        let u = Kernel { data: &kernel.data, columns: kernel.shape[1] };
        let width = self.cell.tape() * units;
        let mut tape = Tensor::full(vec![batch, steps, width], 0.0);
        for b in 0..batch {
            let mut h = given.h.map_or(vec![0.0; units], |t| row(t, b).to_vec());
            let mut c = given.c.map_or(vec![0.0; units], |t| row(t, b).to_vec());
            for t in self.times(steps) {
                let at = b * steps + t;
                let record = &mut tape.data[at * width..][..width];
                if !Self::masks(&given, at) {
                    self.cell.step(row(z, at), &u, bias, &mut h, &mut c, record);
                }
                if self.cell.has_cell_state() {
                    record[width - 2 * units..][..units].copy_from_slice(&c);
                }
                record[width - units..].copy_from_slice(&h);
            }
        }
        tape
    }

    /// The gradients from a tape.
    pub(in crate::ops) fn backward(
        &self,
        tape: &Tensor,
        kernel: &Tensor,
        upstream: &Upstream<'_>,
        given: &Given<&Tensor>,
    ) -> Gradients {
        let (batch, steps, units) = (tape.shape[0], tape.shape[1], kernel.shape[0]);
        let gates = self.cell.gates();
        let u = Kernel { data: &kernel.data, columns: kernel.shape[1] };
        let mut dz = Tensor::full(vec![batch, steps, gates * units], 0.0);
        let [mut dh0, mut dc0] = [0, 1].map(|_| Tensor::full(vec![batch, units], 0.0));
        let zeros = vec![0.0; units];
        for b in 0..batch {
            let mut dh = upstream.h.map_or(zeros.clone(), |t| row(t, b).to_vec());
            let mut dc = upstream.c.map_or(zeros.clone(), |t| row(t, b).to_vec());
            let times: Vec<_> = self.times(steps).collect();
            for (s, &t) in times.iter().enumerate().rev() {
                let at = b * steps + t;
                if let Some(each) = upstream.each {
                    let place = b * steps + if upstream.in_order_of_steps { s } else { t };
                    dh.iter_mut().zip(row(each, place)).for_each(|(sum, d)| *sum += d);
                }
                if Self::masks(given, at) {
                    continue;
                }
                let before = |slot: usize, first: Option<&Tensor>| match s.checked_sub(1) {
                    Some(s) => row(tape, b * steps + times[s])[slot * units..][..units].to_vec(),
                    None => first.map_or(zeros.clone(), |t| row(t, b).to_vec()),
                };
                let out = &mut dz.data[at * gates * units..][..gates * units];
                let h = before(self.cell.tape() - 1, given.h);
                let c = if self.cell.has_cell_state() { before(4, given.c) } else { Vec::new() };
                self.cell.step_back(row(tape, at), &u, [&h, &c], &mut dh, &mut dc, out);
            }
            dh0.data[b * units..][..units].copy_from_slice(&dh);
            dc0.data[b * units..][..units].copy_from_slice(&dc);
        }
        Gradients { z: dz, h: dh0, c: dc0 }
    }

    /// The h before each step, `[B, T, H]`, and for a GRU that resets before the product also `r⊙h`.
    pub(in crate::ops) fn before(&self, tape: &Tensor, first: Option<&Tensor>) -> (Tensor, Tensor) {
        let (batch, steps) = (tape.shape[0], tape.shape[1]);
        let units = tape.shape[2] / self.cell.tape();
        let shape = vec![batch, steps, units];
        let times: Vec<_> = self.times(steps).collect();
        let h = Tensor::from_fn(shape.clone(), |i| {
            let s = times.iter().position(|&t| t == i[1]).unwrap_or(0);
            match s.checked_sub(1) {
                Some(s) => row(tape, i[0] * steps + times[s])[(self.cell.tape() - 1) * units + i[2]],
                None => first.map_or(0.0, |t| t.at(&[i[0], i[2]])),
            }
        });
        let reset = Tensor::from_fn(shape, |i| h.at(i) * tape.at(&[i[0], i[1], (units + i[2]) % tape.shape[2]]));
        (h, reset)
    }
}

impl Cell {
    fn step(self, z: &[f64], u: &Kernel<'_>, bias: Option<&[f64]>, h: &mut [f64], c: &mut [f64], tape: &mut [f64]) {
        let units = h.len();
        let product = |h: &[f64], j: usize| u.forth(h, j) + bias.map_or(0.0, |b| b[j]);
        let pre = |h: &[f64], gate: usize, j: usize| z[gate * units + j] + product(h, gate * units + j);
        let old = h.to_vec();
        match self {
            Cell::Lstm => {
                for j in 0..units {
                    let [i, f, o] = [0, 1, 3].map(|gate| sigmoid(pre(&old, gate, j)));
                    let g = pre(&old, 2, j).tanh();
                    c[j] = f * c[j] + i * g;
                    h[j] = o * c[j].tanh();
                    [i, f, g, o].into_iter().enumerate().for_each(|(gate, v)| tape[gate * units + j] = v);
                }
            }
            Cell::Gru { reset_after } => {
                let gate = |gate: usize| (0..units).map(|j| sigmoid(pre(&old, gate, j))).collect::<Vec<_>>();
                let (update, reset) = (gate(0), gate(1));
                let kept: Vec<_> = reset.iter().zip(&old).map(|(r, h)| r * h).collect();
                for j in 0..units {
                    let inner = product(&old, 2 * units + j);
                    let n = if reset_after { z[2 * units + j] + reset[j] * inner } else { pre(&kept, 2, j) }.tanh();
                    h[j] = update[j] * old[j] + (1.0 - update[j]) * n;
                    let record = [update[j], reset[j], n, inner];
                    let kept = if reset_after { 4 } else { 3 };
                    record[..kept].iter().enumerate().for_each(|(slot, v)| tape[slot * units + j] = *v);
                }
            }
            Cell::Simple { relu } => {
                for (j, new) in h.iter_mut().enumerate() {
                    let x = pre(&old, 0, j);
                    *new = if relu { x.max(0.0) } else { x.tanh() };
                }
            }
        }
    }

    /// One step back: `dh` and `dc` become those of the state before, `old`; `dz` is filled.
    fn step_back(self, tape: &[f64], u: &Kernel<'_>, old: [&[f64]; 2], dh: &mut [f64], dc: &mut [f64], dz: &mut [f64]) {
        let units = dh.len();
        let at = |slot: usize, j: usize| tape[slot * units + j];
        let [h, c] = old;
        let slope = |s: f64| s * (1.0 - s);
        // What reaches h past the products, and what goes back through all gates at once.
        let (mut direct, mut inner) = (vec![0.0; units], vec![0.0; dz.len()]);
        for j in 0..units {
            let set: [f64; 4] = match self {
                Cell::Lstm => {
                    let [i, f, g, o, new] = std::array::from_fn(|slot| at(slot, j));
                    let t = new.tanh();
                    let d = dc[j] + dh[j] * o * (1.0 - t * t);
                    dc[j] = d * f;
                    [d * g * slope(i), d * c[j] * slope(f), d * i * (1.0 - g * g), dh[j] * t * slope(o)]
                }
                Cell::Gru { .. } => {
                    let [u, _, n] = std::array::from_fn(|slot| at(slot, j));
                    direct[j] = dh[j] * u;
                    [dh[j] * (h[j] - n) * slope(u), 0.0, dh[j] * (1.0 - u) * (1.0 - n * n), 0.0]
                }
                Cell::Simple { relu: true } => [if at(0, j) > 0.0 { dh[j] } else { 0.0 }, 0.0, 0.0, 0.0],
                Cell::Simple { relu: false } => [dh[j] * (1.0 - at(0, j) * at(0, j)), 0.0, 0.0, 0.0],
            };
            (0..dz.len() / units).for_each(|gate| dz[gate * units + j] = set[gate]);
        }
        inner.copy_from_slice(dz);
        if let Cell::Gru { reset_after } = self {
            for j in 0..units {
                let (r, dn) = (at(1, j), dz[2 * units + j]);
                let before = if reset_after { 0.0 } else { u.back(&dz[2 * units..], 2 * units, j) };
                let dr = if reset_after { dn * at(3, j) } else { before * h[j] };
                inner[units + j] = dr * slope(r);
                inner[2 * units + j] = if reset_after { dn * r } else { 0.0 };
                direct[j] += before * r;
            }
            dz[units..2 * units].copy_from_slice(&inner[units..2 * units]);
        }
        for (k, dh) in dh.iter_mut().enumerate() {
            *dh = direct[k] + u.back(&inner, 0, k);
        }
    }
}
