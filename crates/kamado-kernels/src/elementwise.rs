//! Chains of elementwise functions, fused: whatever the length of the chain, memory is read and written once.
//!
//! A [`Program`] is run in blocks of 512 elements whose intermediate values stay in the first-level cache. Copying with
//! broadcast ("expand") is [`Program::copy`] of a [`Access::General`] input.

mod evaluate;
mod functions;
mod program;

pub(crate) use evaluate::{BLOCK, Evaluator, Registers, columns};
pub(crate) use functions::maximum;
pub use functions::{BinaryFn, UnaryFn};
pub use program::{Access, Instr, MAX_AXES, Program};

use crate::Exec;
use crate::parallel;
use crate::random::RandomKey;

/// Computes `program` for every element of `shape`.
///
/// An input that is `None` is what `out` holds before the call; its access must be [`Access::Full`]. `key` is read by
/// [`Instr::Dropout`] alone.
///
/// # Panics
/// If `out` has not the elements of `shape`, or an input not those that its [`Access`] demands.
pub fn run(
    exec: Exec<'_>,
    program: &Program,
    inputs: &[Option<&[f32]>],
    out: &mut [f32],
    shape: &[usize],
    key: RandomKey,
) {
    assert_eq!(out.len(), shape.iter().product::<usize>(), "the output against shape {shape:?}");
    let evaluator = Evaluator::new(exec.isa, program, inputs, shape, key);
    let block = block_len(columns(shape));
    parallel::for_each_chunk(exec.pool, out, parallel::TASK / BLOCK * block, |first, piece| {
        evaluator.with_registers(|registers| {
            for (i, block_out) in piece.chunks_mut(block).enumerate() {
                evaluator.block(registers, first + i * block, block_out);
            }
        });
    });
}

/// A block of whole rows where they fit, so that every block begins at the same column and row vectors stay in place.
pub(crate) fn block_len(columns: usize) -> usize {
    if columns <= BLOCK { BLOCK / columns * columns } else { BLOCK }
}
