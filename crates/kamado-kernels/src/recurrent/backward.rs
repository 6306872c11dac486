//! The backward pass of a recurrent layer: the steps in the opposite order.

use std::ops::Range;

use super::{Cell, Packed, RecurrentShape, cell};
use crate::Exec;
use crate::simd::{ALIGN_SLACK, Kernel, Shared, Simd, aligned, dispatch};

/// What a backward pass reads; gradients that are not given are zero.
#[derive(Clone, Copy, Debug)]
pub struct BackwardOperands<'a> {
    /// What the forward pass wrote.
    pub tape: &'a [f32],
    /// U, `[units, gates · units]`.
    pub kernel: &'a [f32],
    /// As in the forward pass.
    pub mask: Option<&'a [f32]>,
    /// As in the forward pass.
    pub h: Option<&'a [f32]>,
    /// As in the forward pass.
    pub c: Option<&'a [f32]>,
    /// The gradient of each step's h, `[batch, steps, units]`, in the order of time.
    pub sequence: Option<&'a [f32]>,
    /// The same in the order in which the steps run.
    pub steps: Option<&'a [f32]>,
    /// The gradient of the last h, `[batch, units]`.
    pub last: Option<&'a [f32]>,
    /// The gradient of the last c.
    pub last_cell: Option<&'a [f32]>,
}

/// What a backward pass writes, as far as it is asked for.
#[derive(Debug, Default)]
pub struct BackwardResults<'a> {
    /// The gradient of z, `[batch, steps, gates · units]`.
    pub z: Option<&'a mut [f32]>,
    /// The gradient of the first h, `[batch, units]`.
    pub h: Option<&'a mut [f32]>,
    /// The gradient of the first c.
    pub c: Option<&'a mut [f32]>,
}

/// Floats that a task needs for each example: dh, dc, d(r⊙h), and the gates' gradients.
fn state(shape: &RecurrentShape) -> usize {
    3 * shape.units + shape.width()
}

fn packed(shape: &RecurrentShape) -> usize {
    let first = shape.cell.first_gates();
    let rest = shape.cell.gates() - first;
    Packed::len(first * shape.units, shape.units) + Packed::len(rest * shape.units, shape.units)
}

/// The state of each example, and a zero state for all.
fn worker(shape: &RecurrentShape, threads: usize) -> usize {
    (shape.rows(threads) * state(shape) + shape.units).next_multiple_of(ALIGN_SLACK)
}

/// Floats of scratch that [`backward`] needs.
pub fn backward_scratch(shape: &RecurrentShape, threads: usize) -> usize {
    packed(shape) + threads * worker(shape, threads) + ALIGN_SLACK
}

/// Runs the layer backwards over all steps. `scratch` has [`backward_scratch`] floats.
///
/// # Panics
/// If a slice does not have the length of its shape.
pub fn backward(
    exec: Exec<'_>,
    shape: &RecurrentShape,
    operands: &BackwardOperands<'_>,
    results: BackwardResults<'_>,
    scratch: &mut [f32],
) {
    check(shape, operands, &results);
    let threads = exec.pool.threads();
    shape.check("the scratch", scratch.len().min(backward_scratch(shape, threads)), backward_scratch(shape, threads));
    let (units, width, first) = (shape.units, shape.width(), shape.cell.first_gates() * shape.units);
    let (front, workers) = aligned(scratch).split_at_mut(packed(shape));
    let (front, workers) = (Shared::new(front), Shared::new(workers));
    let u = operands.kernel.as_ptr();
    // SAFETY: U is units by width, and the front of the scratch has room for its two parts.
    let kernels = unsafe {
        let second = front.offset(Packed::len(first, units));
        [
            Packed::new(exec, u, width, true, first, units, front),
            Packed::new(exec, u.wrapping_add(first), width, true, width - first, units, second),
        ]
    };
    let places = [results.z, results.h, results.c].map(|slice| slice.map(Shared::new));
    exec.pool.run(shape.tasks(threads), |task, index| {
        let examples = shape.examples(task, threads);
        let scratch = workers.offset(index * worker(shape, threads));
        dispatch(exec.isa, Run { shape, operands, kernels, places, examples, scratch });
    });
}

fn check(shape: &RecurrentShape, operands: &BackwardOperands<'_>, results: &BackwardResults<'_>) {
    let (state, sequence) = (shape.batch * shape.units, shape.sequence(shape.units));
    shape.check("the tape", operands.tape.len(), shape.sequence(shape.record()));
    shape.check("the kernel", operands.kernel.len(), shape.units * shape.width());
    shape.check_option("the mask", operands.mask, shape.sequence(1));
    let states = [operands.h, operands.c, operands.last, operands.last_cell];
    states.into_iter().for_each(|slice| shape.check_option("a state", slice, state));
    let sequences = [operands.sequence, operands.steps];
    sequences.into_iter().for_each(|slice| shape.check_option("the gradient", slice, sequence));
    shape.check_option("dz", results.z.as_deref(), shape.sequence(shape.width()));
    shape.check_option("dh", results.h.as_deref(), state);
    shape.check_option("dc", results.c.as_deref(), state);
}

/// All steps of some examples.
struct Run<'a> {
    shape: &'a RecurrentShape,
    operands: &'a BackwardOperands<'a>,
    kernels: [Packed; 2],
    /// dz, dh and dc.
    places: [Option<Shared>; 3],
    examples: Range<usize>,
    /// Room for [`worker`] floats.
    scratch: Shared,
}

/// The working memory of a task: a zero state, and rows of dh, of dc, of d(r⊙h), and of the gates' gradients.
struct State<'a> {
    zero: &'a [f32],
    dh: &'a mut [f32],
    dc: &'a mut [f32],
    dkept: &'a mut [f32],
    d: &'a mut [f32],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (shape, rows) = (self.shape, self.examples.len());
        let n = shape.units;
        // SAFETY: the scratch is this worker's, with room for a state of all examples and a zero state.
        let scratch = unsafe { self.scratch.slice(0, rows * state(shape) + n) };
        let (dh, rest) = scratch.split_at_mut(rows * n);
        let (dc, rest) = rest.split_at_mut(rows * n);
        let (dkept, rest) = rest.split_at_mut(rows * n);
        let (d, zero) = rest.split_at_mut(rows * shape.width());
        zero.fill(0.0);
        let first = self.examples.start * n..self.examples.end * n;
        let start = |to: &mut [f32], from: Option<&[f32]>| match from {
            Some(from) => to.copy_from_slice(&from[first.clone()]),
            None => to.fill(0.0),
        };
        start(dh, self.operands.last);
        start(dc, self.operands.last_cell);
        let mut state = State { zero, dh, dc, dkept, d };
        for s in (0..shape.steps).rev() {
            self.gates(simd, s, &mut state);
            if shape.cell == Cell::GruResetBefore {
                self.product(simd, 1, &mut state);
                self.reset_before(s, &mut state);
            }
            self.hand_out(s, &mut state);
            self.product(simd, 0, &mut state);
        }
        for (place, from) in self.places[1..].iter().zip([&*state.dh, &*state.dc]) {
            // SAFETY: these examples are this task's alone.
            place.inspect(|place| unsafe { place.slice(first.start, first.len()) }.copy_from_slice(from));
        }
    }
}

impl Run<'_> {
    /// `dh += d · Uᵀ` with the first gates, or `dkept = d · Uᵀ` with the others.
    #[inline(always)]
    fn product<S: Simd>(&self, simd: S, part: usize, state: &mut State<'_>) {
        let (n, width) = (self.shape.units, self.shape.width());
        let a = if part == 0 { state.d.as_ptr() } else { state.d[self.kernels[0].k..].as_ptr() };
        let c = if part == 0 { state.dh.as_mut_ptr() } else { state.dkept.as_mut_ptr() };
        let mut block = self.kernels[part].product(self.examples.len(), (a, width), (c, n));
        block.accumulate = part == 0;
        // SAFETY: the state has a row for each example.
        unsafe { block.run(simd, std::ptr::null_mut()) };
    }

    /// `which` vector of the state before step `s`, from the tape or the first state.
    #[inline(always)]
    fn before<'s>(
        &'s self,
        example: usize,
        s: usize,
        slot: usize,
        first: Option<&'s [f32]>,
        zero: &'s [f32],
    ) -> &'s [f32] {
        let (n, record) = (self.shape.units, self.shape.record());
        match (s.checked_sub(1), first) {
            (Some(s), _) => &self.record(example * self.shape.steps + self.shape.time(s), record)[slot * n..][..n],
            (None, Some(first)) => &first[example * n..][..n],
            (None, None) => zero,
        }
    }

    #[inline(always)]
    fn record(&self, at: usize, record: usize) -> &[f32] {
        &self.operands.tape[at * record..][..record]
    }

    #[inline(always)]
    fn masked(&self, at: usize) -> bool {
        self.operands.mask.is_some_and(|mask| mask[at] <= 0.5)
    }

    /// The gates' gradients, as far as they need no product.
    #[inline(always)]
    fn gates<S: Simd>(&self, simd: S, s: usize, state: &mut State<'_>) {
        let (n, width, record, steps) = (self.shape.units, self.shape.width(), self.shape.record(), self.shape.steps);
        let zero = state.zero;
        let rows = state.dh.chunks_exact_mut(n).zip(state.dc.chunks_exact_mut(n));
        for ((example, d), (dh, dc)) in self.examples.clone().zip(state.d.chunks_exact_mut(width)).zip(rows) {
            let at = example * steps + self.shape.time(s);
            for (each, place) in [(self.operands.sequence, at), (self.operands.steps, example * steps + s)] {
                if let Some(each) = each {
                    dh.iter_mut().zip(&each[place * n..][..n]).for_each(|(sum, d)| *sum += d);
                }
            }
            if self.masked(at) {
                d.fill(0.0);
                continue;
            }
            let tape = self.record(at, record);
            match self.shape.cell {
                Cell::Lstm => cell::lstm_back(simd, tape, self.before(example, s, 4, self.operands.c, zero), dh, dc, d),
                Cell::GruResetAfter => {
                    cell::gru_back(tape, self.before(example, s, 4, self.operands.h, zero), dh, d);
                    cell::gru_back_reset_after(tape, d);
                }
                Cell::GruResetBefore => {
                    cell::gru_back(tape, self.before(example, s, 3, self.operands.h, zero), dh, d);
                }
                Cell::Tanh => cell::simple_back(tape, false, dh, d),
                Cell::Relu => cell::simple_back(tape, true, dh, d),
            }
        }
    }

    /// The reset gate's gradient where it comes before the product.
    #[inline(always)]
    fn reset_before(&self, s: usize, state: &mut State<'_>) {
        let (n, width, record, steps) = (self.shape.units, self.shape.width(), self.shape.record(), self.shape.steps);
        let rows = state.dh.chunks_exact_mut(n).zip(state.dkept.chunks_exact(n));
        for ((example, d), (dh, dkept)) in self.examples.clone().zip(state.d.chunks_exact_mut(width)).zip(rows) {
            let at = example * steps + self.shape.time(s);
            if !self.masked(at) {
                let old = self.before(example, s, 3, self.operands.h, state.zero);
                cell::gru_back_reset_before(self.record(at, record), old, dkept, dh, &mut d[n..2 * n]);
            }
        }
    }

    /// Writes dz; where the reset comes after the product, the gradient within it takes its place in the working memory.
    #[inline(always)]
    fn hand_out(&self, s: usize, state: &mut State<'_>) {
        let (n, width, record, steps) = (self.shape.units, self.shape.width(), self.shape.record(), self.shape.steps);
        for (example, d) in self.examples.clone().zip(state.d.chunks_exact_mut(width)) {
            let at = example * steps + self.shape.time(s);
            // SAFETY: the steps of this example are this task's alone.
            self.places[0].inspect(|z| unsafe { z.slice(at * width, width) }.copy_from_slice(d));
            if self.shape.cell == Cell::GruResetAfter && !self.masked(at) {
                cell::scale(&mut d[2 * n..], &self.record(at, record)[n..2 * n]);
            }
        }
    }
}
