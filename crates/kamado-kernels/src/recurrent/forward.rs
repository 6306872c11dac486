//! The forward pass of a recurrent layer.

use std::ops::Range;

use super::{Cell, Packed, RecurrentShape, cell};
use crate::Exec;
use crate::simd::{ALIGN_SLACK, Kernel, Shared, Simd, aligned, dispatch};

/// What a forward pass reads.
#[derive(Clone, Copy, Debug)]
pub struct ForwardOperands<'a> {
    /// `x·W + b`, `[batch, steps, gates · units]`.
    pub z: &'a [f32],
    /// U, `[units, gates · units]`.
    pub kernel: &'a [f32],
    /// The bias within the product, of [`Cell::GruResetAfter`] only, `[gates · units]`.
    pub bias: Option<&'a [f32]>,
    /// `[batch, steps]`; a step that is not above ½ keeps the state.
    pub mask: Option<&'a [f32]>,
    /// The first h, `[batch, units]`; zero if none.
    pub h: Option<&'a [f32]>,
    /// The first c of an LSTM.
    pub c: Option<&'a [f32]>,
}

/// What a forward pass writes, as far as it is asked for.
#[derive(Debug, Default)]
pub struct ForwardResults<'a> {
    /// h after each step, `[batch, steps, units]`, in the order of time.
    pub sequence: Option<&'a mut [f32]>,
    /// The same in the order in which the steps run.
    pub steps: Option<&'a mut [f32]>,
    /// The last h, `[batch, units]`.
    pub last: Option<&'a mut [f32]>,
    /// The last c of an LSTM.
    pub last_cell: Option<&'a mut [f32]>,
    /// What the backward pass needs, `[batch, steps, tape · units]`.
    pub tape: Option<&'a mut [f32]>,
}

/// Floats that a task needs for each example: h, c, r⊙h or the candidate, and the gates.
fn state(shape: &RecurrentShape) -> usize {
    3 * shape.units + shape.width()
}

fn packed(shape: &RecurrentShape) -> usize {
    let first = shape.cell.first_gates();
    let rest = shape.cell.gates() - first;
    Packed::len(shape.units, first * shape.units) + Packed::len(shape.units, rest * shape.units)
}

fn worker(shape: &RecurrentShape, threads: usize) -> usize {
    (shape.rows(threads) * state(shape)).next_multiple_of(ALIGN_SLACK)
}

/// Floats of scratch that [`forward`] needs.
pub fn forward_scratch(shape: &RecurrentShape, threads: usize) -> usize {
    packed(shape) + threads * worker(shape, threads) + ALIGN_SLACK
}

/// Runs the layer over all steps. `scratch` has [`forward_scratch`] floats.
///
/// # Panics
/// If a slice does not have the length of its shape.
pub fn forward(
    exec: Exec<'_>,
    shape: &RecurrentShape,
    operands: &ForwardOperands<'_>,
    results: ForwardResults<'_>,
    scratch: &mut [f32],
) {
    check(shape, operands, &results);
    let threads = exec.pool.threads();
    shape.check("the scratch", scratch.len().min(forward_scratch(shape, threads)), forward_scratch(shape, threads));
    let (units, width, first) = (shape.units, shape.width(), shape.cell.first_gates() * shape.units);
    let (front, workers) = aligned(scratch).split_at_mut(packed(shape));
    let (front, workers) = (Shared::new(front), Shared::new(workers));
    let u = operands.kernel.as_ptr();
    // SAFETY: U is units by width, and the front of the scratch has room for its two parts.
    let kernels = unsafe {
        let second = front.offset(Packed::len(units, first));
        [
            Packed::new(exec, u, width, false, units, first, front),
            Packed::new(exec, u.wrapping_add(first), width, false, units, width - first, second),
        ]
    };
    let shared = |slice: Option<&mut [f32]>| slice.map(Shared::new);
    let places = Places {
        sequence: shared(results.sequence),
        steps: shared(results.steps),
        last: shared(results.last),
        last_cell: shared(results.last_cell),
        tape: shared(results.tape),
    };
    exec.pool.run(shape.tasks(threads), |task, index| {
        let examples = shape.examples(task, threads);
        let scratch = workers.offset(index * worker(shape, threads));
        dispatch(exec.isa, Run { shape, operands, kernels, places, examples, scratch });
    });
}

fn check(shape: &RecurrentShape, operands: &ForwardOperands<'_>, results: &ForwardResults<'_>) {
    let state = shape.batch * shape.units;
    let sequence = shape.sequence(shape.units);
    shape.check("z", operands.z.len(), shape.sequence(shape.width()));
    shape.check("the kernel", operands.kernel.len(), shape.units * shape.width());
    shape.check_option("the bias", operands.bias, shape.width());
    shape.check_option("the mask", operands.mask, shape.sequence(1));
    shape.check_option("h", operands.h, state);
    shape.check_option("c", operands.c, state);
    shape.check_option("the sequence", results.sequence.as_deref(), sequence);
    shape.check_option("the steps", results.steps.as_deref(), sequence);
    shape.check_option("the last h", results.last.as_deref(), state);
    shape.check_option("the last c", results.last_cell.as_deref(), state);
    shape.check_option("the tape", results.tape.as_deref(), shape.sequence(shape.record()));
}

#[derive(Clone, Copy)]
struct Places {
    sequence: Option<Shared>,
    steps: Option<Shared>,
    last: Option<Shared>,
    last_cell: Option<Shared>,
    tape: Option<Shared>,
}

/// All steps of some examples.
struct Run<'a> {
    shape: &'a RecurrentShape,
    operands: &'a ForwardOperands<'a>,
    kernels: [Packed; 2],
    places: Places,
    examples: Range<usize>,
    /// Room for [`state`] floats of each example.
    scratch: Shared,
}

/// The working memory of a task: rows of h, of c, of r⊙h or the candidate, and of the gates.
struct State<'a> {
    h: &'a mut [f32],
    c: &'a mut [f32],
    extra: &'a mut [f32],
    gates: &'a mut [f32],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (shape, rows) = (self.shape, self.examples.len());
        let n = shape.units;
        // SAFETY: the scratch is this worker's, with room for the state of `rows` examples.
        let scratch = unsafe { self.scratch.slice(0, rows * state(shape)) };
        let (h, rest) = scratch.split_at_mut(rows * n);
        let (c, rest) = rest.split_at_mut(rows * n);
        let (extra, gates) = rest.split_at_mut(rows * n);
        let first = self.examples.start * n..self.examples.end * n;
        let start = |to: &mut [f32], from: Option<&[f32]>| match from {
            Some(from) => to.copy_from_slice(&from[first.clone()]),
            None => to.fill(0.0),
        };
        start(h, self.operands.h);
        start(c, self.operands.c);
        let mut state = State { h, c, extra, gates };
        for s in 0..shape.steps {
            self.product(simd, 0, &mut state);
            if shape.cell == Cell::GruResetBefore {
                self.reset(simd, s, &mut state);
                self.product(simd, 1, &mut state);
            }
            self.step(simd, s, &mut state);
        }
        // SAFETY: these examples are this task's alone.
        unsafe {
            self.places.last.inspect(|last| last.slice(first.start, first.len()).copy_from_slice(state.h));
            self.places.last_cell.inspect(|last| last.slice(first.start, first.len()).copy_from_slice(state.c));
        }
    }
}

impl Run<'_> {
    /// The product of all rows of the state with one of the two parts of U.
    #[inline(always)]
    fn product<S: Simd>(&self, simd: S, part: usize, state: &mut State<'_>) {
        let (n, width) = (self.shape.units, self.shape.width());
        let a = if part == 0 { state.h.as_ptr() } else { state.extra.as_ptr() };
        let column = if part == 0 { 0 } else { self.kernels[0].n };
        let gates = state.gates[column..].as_mut_ptr();
        let mut block = self.kernels[part].product(self.examples.len(), (a, n), (gates, width));
        block.bias = self.operands.bias.map_or(std::ptr::null(), <[f32]>::as_ptr);
        // SAFETY: the state has a row for each example, and the packed part of U the columns from `column` on.
        unsafe { block.run(simd, std::ptr::null_mut()) };
    }

    /// The row of the `i`-th example in step `s`: its place among all steps, z, h, c, extra and gates.
    #[inline(always)]
    fn row<'r>(&self, s: usize, i: usize, state: &'r mut State<'_>) -> Row<'r>
    where
        Self: 'r,
    {
        let (n, width) = (self.shape.units, self.shape.width());
        let at = (self.examples.start + i) * self.shape.steps + self.shape.time(s);
        let State { h, c, extra, gates } = state;
        let [h, c, extra] = [h, c, extra].map(|all| &mut all[i * n..][..n]);
        Row { at, h, c, extra, gates: &mut gates[i * width..][..width] }
    }

    #[inline(always)]
    fn z(&self, at: usize) -> &[f32] {
        &self.operands.z[at * self.shape.width()..][..self.shape.width()]
    }

    /// The elementwise part before the second product of a GRU that resets before it.
    #[inline(always)]
    fn reset<S: Simd>(&self, simd: S, s: usize, state: &mut State<'_>) {
        for i in 0..self.examples.len() {
            let row = self.row(s, i, state);
            cell::gru_before_reset(simd, row.gates, self.z(row.at), row.extra, row.h);
        }
    }

    /// The elementwise part of a step, with its results.
    #[inline(always)]
    fn step<S: Simd>(&self, simd: S, s: usize, state: &mut State<'_>) {
        let (n, record) = (self.shape.units, self.shape.record());
        for i in 0..self.examples.len() {
            let Row { at, h, c, extra, gates } = self.row(s, i, state);
            let counts = self.operands.mask.is_none_or(|mask| mask[at] > 0.5);
            if counts {
                match self.shape.cell {
                    Cell::Lstm => cell::lstm(simd, gates, self.z(at), c, h),
                    Cell::GruResetAfter => cell::gru_after(simd, gates, self.z(at), extra, h),
                    Cell::GruResetBefore => cell::gru_before_candidate(simd, gates, self.z(at), h),
                    Cell::Tanh => cell::simple(simd, gates, self.z(at), false, h),
                    Cell::Relu => cell::simple(simd, gates, self.z(at), true, h),
                }
            }
            let place = at - self.shape.time(s) + s;
            // SAFETY: the steps of this example are this task's alone.
            unsafe {
                self.places.sequence.inspect(|p| p.slice(at * n, n).copy_from_slice(h));
                self.places.steps.inspect(|p| p.slice(place * n, n).copy_from_slice(h));
                if let Some(tape) = self.places.tape {
                    write(self.shape.cell, counts, tape.slice(at * record, record), h, c, extra, gates);
                }
            }
        }
    }
}

/// What belongs to one example in one step.
struct Row<'a> {
    at: usize,
    h: &'a mut [f32],
    c: &'a mut [f32],
    extra: &'a mut [f32],
    gates: &'a mut [f32],
}

/// The record of a step; of one that does not count, the state only.
#[inline(always)]
fn write(cell: Cell, counts: bool, tape: &mut [f32], h: &[f32], c: &[f32], extra: &[f32], gates: &[f32]) {
    let n = h.len();
    if !counts {
        tape.fill(0.0);
    }
    match cell {
        Cell::Lstm if counts => tape[..4 * n].copy_from_slice(gates),
        Cell::GruResetAfter if counts => {
            tape[..2 * n].copy_from_slice(&gates[..2 * n]);
            tape[2 * n..3 * n].copy_from_slice(extra);
            tape[3 * n..4 * n].copy_from_slice(&gates[2 * n..]);
        }
        Cell::GruResetBefore if counts => tape[..3 * n].copy_from_slice(gates),
        _ => {}
    }
    if cell == Cell::Lstm {
        tape[4 * n..5 * n].copy_from_slice(c);
    }
    let last = tape.len() - n;
    tape[last..].copy_from_slice(h);
}
