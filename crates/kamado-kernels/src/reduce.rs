//! Sums, means and maxima over any axes, of a tensor or of an elementwise [`Program`].
//!
//! `y[k] = ⊕ over r of f(x₁, x₂, …)[k, r]`, where ⊕ is + or max: `sum(g * x_hat)` reads `g` and `x_hat` once and stores no
//! product.
//!
//! Numerics: partial results of fixed blocks that are combined in pairs. At most some 64 additions follow one another
//! before the pairwise part, so the error is bounded by (64 + log₂ n)·ε·Σ|x| whatever the size. The order depends on
//! the shape alone. The maximum of anything with NaN is NaN; an empty sum is 0, an empty maximum −∞, an empty mean NaN.

use crate::Exec;
use crate::elementwise::{self, BLOCK, Evaluator, MAX_AXES, Program, Registers, block_len, columns, maximum};
use crate::isa::multiversion;
use crate::lanes;
use crate::parallel::{self, TASK};
use crate::random::RandomKey;

/// How values are combined.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reduction {
    /// Σ x
    Sum,
    /// max x
    Max,
}

/// Rows that are combined one after the other where rows are longer than a block.
const ROWS: usize = 64;

/// Columns of such rows that one task combines: long runs to read, and a result that stays in the first-level cache.
const WIDE: usize = 4 * BLOCK;

/// A tensor seen as `[outer, reduced, inner]`, to be reduced to `[outer, inner]`.
#[derive(Clone, Copy, Debug)]
struct Pass {
    outer: usize,
    reduced: usize,
    inner: usize,
    /// Elements that are evaluated together; whole rows of the tensor where they fit.
    block: usize,
}

/// Where the values to be reduced come from.
enum Source<'a> {
    Slice(&'a [f32]),
    Program(Evaluator<'a>),
}

/// A task's means to evaluate: registers, and a block for values that are not in memory.
struct Scratch<'a, 'b> {
    registers: Option<&'a mut Registers<'b>>,
    values: [f32; BLOCK],
}

/// How many `f32` of scratch [`reduce`] needs.
pub fn reduce_scratch(shape: &[usize], axes: &[usize]) -> usize {
    let mut passes = Passes::new(shape, axes);
    let (mut total, mut next) = (0, passes.next());
    while let Some(pass) = next {
        next = passes.next();
        total += pass.partials() + if next.is_some() { pass.outer * pass.inner } else { 0 };
    }
    total
}

/// Reduces `program` over the axes `axes` of `shape`; `out` has the remaining axes in their order.
///
/// A plain reduction is that of [`Program::copy`]. `key` is read by dropout instructions alone.
///
/// # Panics
/// If a size does not fit `shape`, an axis is not below its rank, the rank exceeds [`MAX_AXES`], or `scratch` is
/// smaller than [`reduce_scratch`].
#[allow(clippy::too_many_arguments)]
pub fn reduce(
    exec: Exec<'_>,
    how: Reduction,
    program: &Program,
    inputs: &[Option<&[f32]>],
    shape: &[usize],
    axes: &[usize],
    out: &mut [f32],
    scratch: &mut [f32],
    key: RandomKey,
) {
    assert!(inputs.iter().all(Option::is_some), "a reduction cannot overwrite its input");
    let count: usize = axes.iter().map(|&axis| shape[axis]).product();
    if count == 0 {
        out.fill(if how == Reduction::Max { f32::NEG_INFINITY } else { 0.0 });
    } else {
        run_passes(exec, how, program, inputs, shape, axes, out, scratch, key);
    }
}

#[allow(clippy::too_many_arguments)]
fn run_passes(
    exec: Exec<'_>,
    how: Reduction,
    program: &Program,
    inputs: &[Option<&[f32]>],
    shape: &[usize],
    axes: &[usize],
    out: &mut [f32],
    scratch: &mut [f32],
    key: RandomKey,
) {
    let mut passes = Passes::new(shape, axes);
    let Some(mut pass) = passes.next() else {
        // Only axes of length one: nothing to combine.
        elementwise::run(exec, program, inputs, out, shape, key);
        return;
    };
    let evaluator = Evaluator::new(exec.isa, program, inputs, shape, key);
    let mut source = evaluator.as_slice().map_or(Source::Program(evaluator), Source::Slice);
    let mut scratch = scratch;
    for next in passes {
        let (result, rest) = scratch.split_at_mut(pass.outer * pass.inner);
        let (partials, rest) = rest.split_at_mut(pass.partials());
        pass.run(exec, how, &source, result, partials);
        (source, scratch, pass) = (Source::Slice(result), rest, next);
    }
    pass.run(exec, how, &source, out, &mut scratch[..pass.partials()]);
}

/// The passes that reduce a shape, one per group of neighbouring axes, the last group first.
struct Passes {
    /// Sizes of groups of neighbouring axes, alternately kept and reduced.
    sizes: [usize; MAX_AXES],
    reduced: [bool; MAX_AXES],
    groups: usize,
    /// Elements behind the groups that are left, all kept.
    inner: usize,
    columns: usize,
}

impl Passes {
    fn new(shape: &[usize], axes: &[usize]) -> Self {
        assert!(shape.len() <= MAX_AXES, "{} axes, at most {MAX_AXES}", shape.len());
        assert!(axes.iter().all(|&axis| axis < shape.len()), "axes {axes:?} of shape {shape:?}");
        let (sizes, reduced) = ([1; MAX_AXES], [false; MAX_AXES]);
        let mut passes = Passes { sizes, reduced, groups: 0, inner: 1, columns: columns(shape) };
        for (axis, &size) in shape.iter().enumerate().filter(|&(_, &size)| size != 1) {
            let reduce = axes.contains(&axis);
            if passes.groups > 0 && passes.reduced[passes.groups - 1] == reduce {
                passes.sizes[passes.groups - 1] *= size;
            } else {
                passes.sizes[passes.groups] = size;
                passes.reduced[passes.groups] = reduce;
                passes.groups += 1;
            }
        }
        passes
    }
}

impl Iterator for Passes {
    type Item = Pass;

    fn next(&mut self) -> Option<Pass> {
        while self.groups > 0 {
            self.groups -= 1;
            let size = self.sizes[self.groups];
            if self.reduced[self.groups] {
                let outer = self.sizes[..self.groups].iter().product();
                return Some(Pass::new(outer, size, self.inner, self.columns));
            }
            self.inner *= size;
        }
        None
    }
}

impl Pass {
    fn new(outer: usize, reduced: usize, inner: usize, columns: usize) -> Self {
        let unit = if inner == 1 { columns } else { inner };
        Pass { outer, reduced, inner, block: block_len(unit.max(1)) }
    }

    /// Reduced rows whose partial result is computed by one task.
    fn rows_per_chunk(&self) -> usize {
        if self.inner > BLOCK { ROWS } else { (TASK / BLOCK * self.block / self.inner.max(1)).max(1) }
    }

    fn chunks(&self) -> usize {
        self.reduced.div_ceil(self.rows_per_chunk())
    }

    fn partials(&self) -> usize {
        if self.chunks() > 1 { self.outer * self.chunks() * self.inner } else { 0 }
    }

    fn run(&self, exec: Exec<'_>, how: Reduction, source: &Source<'_>, out: &mut [f32], partials: &mut [f32]) {
        assert_eq!(out.len(), self.outer * self.inner, "the result of a reduction");
        let chunks = self.chunks();
        if out.is_empty() {
            return;
        }
        if chunks == 1 && self.inner <= BLOCK {
            let group = (TASK / (self.reduced * self.inner)).max(1);
            parallel::for_each_chunk(exec.pool, out, group * self.inner, |first, piece| {
                source.with_scratch(|scratch| self.groups(exec, how, source, scratch, first / self.inner, piece));
            });
            return;
        }
        let target = if chunks == 1 { &mut *out } else { &mut *partials };
        if self.inner > BLOCK {
            parallel::for_each_tile(exec.pool, target, self.inner, WIDE, |row, column, piece| {
                source.with_scratch(|scratch| self.wide(exec, how, source, scratch, (row, column), piece));
            });
        } else {
            parallel::for_each_chunk(exec.pool, target, self.inner, |first, piece| {
                source.with_scratch(|scratch| self.chunk(exec, how, source, scratch, first / self.inner, piece));
            });
        }
        if chunks > 1 {
            fold(exec.isa, how, partials, chunks * self.inner, self.inner, out);
        }
    }

    /// Reduces consecutive outer indices from `first` that each fit into one chunk.
    fn groups(
        &self,
        exec: Exec<'_>,
        how: Reduction,
        source: &Source<'_>,
        scratch: &mut Scratch<'_, '_>,
        first: usize,
        out: &mut [f32],
    ) {
        let each = self.reduced * self.inner;
        let together = (BLOCK / each).max(1);
        let mut acc = [0.0; BLOCK];
        for (i, piece) in out.chunks_mut(together * self.inner).enumerate() {
            let start = (first + i * together) * each;
            let acc = self.accumulate(exec, how, source, scratch, (start, each * (piece.len() / self.inner)), &mut acc);
            fold(exec.isa, how, acc, acc.len().min(each), self.inner, piece);
        }
    }

    /// Reduces one chunk of rows, the `index`-th of all.
    fn chunk(
        &self,
        exec: Exec<'_>,
        how: Reduction,
        source: &Source<'_>,
        scratch: &mut Scratch<'_, '_>,
        index: usize,
        out: &mut [f32],
    ) {
        let (outer, chunk) = (index / self.chunks(), index % self.chunks());
        let first = chunk * self.rows_per_chunk();
        let rows = self.rows_per_chunk().min(self.reduced - first);
        let run = ((outer * self.reduced + first) * self.inner, rows * self.inner);
        let mut acc = [0.0; BLOCK];
        let acc = self.accumulate(exec, how, source, scratch, run, &mut acc);
        fold(exec.isa, how, acc, acc.len(), self.inner, out);
    }

    /// Combines the blocks of a run of `len` elements elementwise; what is left to fold is at most one block.
    fn accumulate<'a>(
        &self,
        exec: Exec<'_>,
        how: Reduction,
        source: &Source<'_>,
        scratch: &mut Scratch<'_, '_>,
        (start, len): (usize, usize),
        acc: &'a mut [f32; BLOCK],
    ) -> &'a mut [f32] {
        // Several short outer indices that fit into a block together must not be combined.
        let block = if len <= BLOCK { len } else { self.block };
        acc[..block].copy_from_slice(source.values(scratch, start, block));
        for at in (block..len).step_by(block) {
            let values = source.values(scratch, start + at, block.min(len - at));
            combine(exec.isa, how, values, &mut acc[..values.len()]);
        }
        &mut acc[..block]
    }

    /// Reduces some columns of one chunk of rows that are longer than a block.
    fn wide(
        &self,
        exec: Exec<'_>,
        how: Reduction,
        source: &Source<'_>,
        scratch: &mut Scratch<'_, '_>,
        (index, column): (usize, usize),
        out: &mut [f32],
    ) {
        let (outer, chunk) = (index / self.chunks(), index % self.chunks());
        let rows = chunk * ROWS..(chunk * ROWS + ROWS).min(self.reduced);
        for row in rows.clone() {
            for (i, piece) in out.chunks_mut(BLOCK).enumerate() {
                let start = (outer * self.reduced + row) * self.inner + column + i * BLOCK;
                let values = source.values(scratch, start, piece.len());
                if row == rows.start { piece.copy_from_slice(values) } else { combine(exec.isa, how, values, piece) }
            }
        }
    }
}

impl Source<'_> {
    fn with_scratch(&self, body: impl FnOnce(&mut Scratch<'_, '_>)) {
        match self {
            Source::Slice(_) => body(&mut Scratch { registers: None, values: [0.0; BLOCK] }),
            Source::Program(evaluator) => evaluator.with_registers(|registers| {
                body(&mut Scratch { registers: Some(registers), values: [0.0; BLOCK] });
            }),
        }
    }

    fn values<'a>(&'a self, scratch: &'a mut Scratch<'_, '_>, start: usize, len: usize) -> &'a [f32] {
        match (self, &mut scratch.registers) {
            (Source::Slice(x), _) => &x[start..start + len],
            (Source::Program(evaluator), Some(registers)) => {
                evaluator.block(registers, start, &mut scratch.values[..len]);
                &scratch.values[..len]
            }
            (Source::Program(_), None) => unreachable!("a program's scratch has registers"),
        }
    }
}

#[inline(always)]
fn combine_with(values: &[f32], acc: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    for (acc, &v) in acc.iter_mut().zip(values) {
        *acc = f(*acc, v);
    }
}

#[inline(always)]
fn combine_body(how: Reduction, values: &[f32], acc: &mut [f32]) {
    match how {
        Reduction::Sum => combine_with(values, acc, |a, b| a + b),
        Reduction::Max => combine_with(values, acc, maximum),
    }
}

multiversion! {
    fn combine(isa; how: Reduction, values: &[f32], acc: &mut [f32]) {
        combine_body(how, values, acc);
    }
}

multiversion! {
    /// Reduces each group of `group` elements of `acc`, rows of `inner`, to one row of `out`, in pairs and in place.
    fn fold(isa; how: Reduction, acc: &mut [f32], group: usize, inner: usize, out: &mut [f32]) {
        for (group, out) in acc.chunks_exact_mut(group).zip(out.chunks_exact_mut(inner)) {
            if inner == 1 {
                // Ever shorter halves would cost more than they save.
                out[0] = if how == Reduction::Max { lanes::max(group) } else { lanes::sum(group) };
                continue;
            }
            let mut rows = group.len() / inner;
            while rows > 1 {
                let half = rows.div_ceil(2);
                let (low, high) = group[..rows * inner].split_at_mut(half * inner);
                combine_body(how, high, low);
                rows = half;
            }
            out.copy_from_slice(&group[..inner]);
        }
    }
}
