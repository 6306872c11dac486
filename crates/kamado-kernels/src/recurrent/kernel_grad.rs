//! The gradient of a recurrent kernel: one product over all examples and steps.

use super::{Cell, RecurrentShape, cell};
use crate::Exec;
use crate::gemm::{Epilogue, Gemm, Offsets, gemm, gemm_scratch};
use crate::isa::multiversion;
use crate::parallel;

/// Copies of the state that the product needs: h before each step, and r⊙h.
fn copies(shape: &RecurrentShape) -> usize {
    if shape.cell == Cell::GruResetBefore { 2 } else { 1 }
}

/// Floats of scratch that [`kernel_grad`] needs.
pub fn kernel_grad_scratch(shape: &RecurrentShape, threads: usize) -> usize {
    let (n, width, steps) = (shape.units, shape.width(), shape.batch * shape.steps);
    let together = shape.cell.first_gates() * n;
    let part = |columns| gemm_scratch(n, columns, steps, threads);
    copies(shape) * shape.sequence(n) + part(together).max(part(width - together))
}

/// `du = Σ hᵀ·d` over all examples and steps, where h, or r⊙h for the candidate of [`Cell::GruResetBefore`], is the state
/// before the step, from the tape and the first state. `scratch` has [`kernel_grad_scratch`] floats.
///
/// # Panics
/// If a slice does not have the length of its shape.
pub fn kernel_grad(
    exec: Exec<'_>,
    shape: &RecurrentShape,
    tape: &[f32],
    d: &[f32],
    first: Option<&[f32]>,
    du: &mut [f32],
    scratch: &mut [f32],
) {
    let (n, width) = (shape.units, shape.width());
    shape.check("the tape", tape.len(), shape.sequence(shape.record()));
    shape.check("the gradient", d.len(), shape.sequence(width));
    shape.check("the kernel's gradient", du.len(), n * width);
    shape.check_option("h", first, shape.batch * n);
    if d.is_empty() {
        du.fill(0.0);
        return;
    }
    let (before, scratch) = scratch.split_at_mut(shape.sequence(n));
    copy_before(exec, shape, tape, first, before);
    let mut product = |a: &[f32], column: usize, columns: usize, scratch: &mut [f32]| {
        let g = Gemm {
            m: n,
            n: columns,
            k: shape.batch * shape.steps,
            a,
            a_rows: Offsets::Stride(1),
            a_cols: Offsets::Stride(n),
            b: &d[column..],
            ldb: width,
            b_transposed: false,
            epilogue: Epilogue::default(),
        };
        gemm(exec, &g, &mut du[column..], width, scratch);
    };
    let together = shape.cell.first_gates() * n;
    product(before, 0, together, scratch);
    if together < width {
        let (kept, scratch) = scratch.split_at_mut(shape.sequence(n));
        copy_kept(exec, shape, tape, before, kept);
        product(kept, together, width - together, scratch);
    }
}

/// The h before each step.
fn copy_before(exec: Exec<'_>, shape: &RecurrentShape, tape: &[f32], first: Option<&[f32]>, to: &mut [f32]) {
    let (n, record, steps) = (shape.units, shape.record(), shape.steps);
    parallel::for_each_chunk(exec.pool, to, steps * n, |start, to| {
        let example = start / (steps * n);
        for s in 0..steps {
            let to = &mut to[shape.time(s) * n..][..n];
            match (s.checked_sub(1), first) {
                (Some(s), _) => {
                    let end = (example * steps + shape.time(s) + 1) * record;
                    to.copy_from_slice(&tape[end - n..end]);
                }
                (None, Some(first)) => to.copy_from_slice(&first[example * n..][..n]),
                (None, None) => to.fill(0.0),
            }
        }
    });
}

/// r⊙h of each step.
fn copy_kept(exec: Exec<'_>, shape: &RecurrentShape, tape: &[f32], before: &[f32], to: &mut [f32]) {
    let (n, record, steps) = (shape.units, shape.record(), shape.steps);
    parallel::for_each_chunk(exec.pool, to, steps * n, |start, to| {
        let rows = to.chunks_exact_mut(n).zip(before[start..].chunks_exact(n));
        for ((to, before), tape) in rows.zip(tape[start / n * record..].chunks_exact(record)) {
            to.copy_from_slice(before);
            reset(exec.isa, to, &tape[n..2 * n]);
        }
    });
}

/// The gradient within the product of [`Cell::GruResetAfter`]: `[du dr dn] → [du dr r⊙dn]`.
///
/// # Panics
/// If a slice does not have the length of its shape.
pub fn inner_grad(exec: Exec<'_>, shape: &RecurrentShape, tape: &[f32], dz: &[f32], out: &mut [f32]) {
    let (n, width, record) = (shape.units, shape.width(), shape.record());
    shape.check("the tape", tape.len(), shape.sequence(record));
    shape.check("dz", dz.len(), shape.sequence(width));
    shape.check("the result", out.len(), dz.len());
    parallel::for_each_chunk(exec.pool, out, shape.steps * width, |start, out| {
        let rows = out.chunks_exact_mut(width).zip(dz[start..].chunks_exact(width));
        for ((out, dz), tape) in rows.zip(tape[start / width * record..].chunks_exact(record)) {
            out.copy_from_slice(dz);
            reset(exec.isa, &mut out[2 * n..], &tape[n..2 * n]);
        }
    });
}

multiversion! {
    fn reset(isa; x: &mut [f32], gate: &[f32]) {
        cell::scale(x, gate);
    }
}
