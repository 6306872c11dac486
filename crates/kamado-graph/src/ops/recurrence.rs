//! What the recurrent operators share: the cells, the optional operands, and the naive computation in f64.
//!
//! A step takes `z = x·W + b`, computed for all steps at once beforehand, and the state `h` (and `c`) of the step before.
//! With the recurrent kernel `U` and `⊙` for products of elements:
//! - LSTM, gates in the order i, f, g, o: `[i f g o] = [σ σ tanh σ](z + h·U)`, `c' = f⊙c + i⊙g`, `h' = o⊙tanh c'`.
//! - GRU, gates in the order u, r, n, if the reset comes after the product, which then has a bias b of its own:
//!   `u, r = σ(z + h·U + b)`, `n = tanh(z + r⊙(h·U + b))`; if before: `u, r = σ(z + h·U)`, `n = tanh(z + (r⊙h)·U)`.
//!   Then `h' = u⊙h + (1 - u)⊙n`.
//! - Simple: `h' = tanh(z + h·U)`, or relu.
//!
//! A step whose mask is not above ½ keeps the state, so its result repeats the one before. The first state is zero if none
//! is given. Source: Keras 3 (`LSTM`, `GRU`, `SimpleRNN`), whose order of the gates is kept.

mod reference;

use serde::{Deserialize, Serialize};

pub(super) use reference::{Gradients, Upstream};

use crate::error::ShapeError;
use crate::op::{Case, Fill};
use crate::shape::{Dim, Shape};

/// A cell; see the module.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// Long short-term memory.
    Lstm,
    /// Gated recurrent unit.
    Gru {
        /// Whether the reset gate is applied after the product with the recurrent kernel, as in cuDNN.
        reset_after: bool,
    },
    /// One layer of units fed back.
    Simple {
        /// Whether the activation is relu instead of tanh.
        relu: bool,
    },
}

impl Cell {
    /// Gates, by which the last axis of `z` and `U` is wider than the state.
    pub fn gates(self) -> usize {
        match self {
            Cell::Lstm => 4,
            Cell::Gru { .. } => 3,
            Cell::Simple { .. } => 1,
        }
    }

    /// Vectors of the state's width that the tape keeps of a step: i, f, g, o, c, h of an LSTM; u, r, n, h of a GRU, with
    /// h·U + b of its candidate before the h if the reset comes after; h of a simple cell.
    pub fn tape(self) -> usize {
        match self {
            Cell::Lstm => 6,
            Cell::Gru { reset_after } => 4 + usize::from(reset_after),
            Cell::Simple { .. } => 1,
        }
    }

    /// Whether the state is a pair, h and c.
    pub fn has_cell_state(self) -> bool {
        self == Cell::Lstm
    }

    /// Whether there is a bias within the recurrent product, because it is not simply added to `z`.
    pub fn has_inner_bias(self) -> bool {
        self == Cell::Gru { reset_after: true }
    }
}

/// A cell run over the steps of a sequence.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Recurrence {
    /// The cell.
    pub cell: Cell,
    /// Whether the last step comes first.
    pub go_backwards: bool,
    /// Whether a mask `[B, T]` is given.
    pub masked: bool,
    /// Whether the state before the first step is given: `h [B, H]`, and `c [B, H]` of an LSTM.
    pub initial: bool,
}

/// The operands that a [`Recurrence`] may have.
#[derive(Clone, Copy, Debug)]
pub struct Given<T> {
    /// `[B, T]`
    pub mask: Option<T>,
    /// `[B, H]`
    pub h: Option<T>,
    /// `[B, H]`
    pub c: Option<T>,
}

impl Recurrence {
    /// The cell from the first step to the last, without mask and from the zero state.
    pub fn new(cell: Cell) -> Self {
        Recurrence { cell, go_backwards: false, masked: false, initial: false }
    }

    /// How many operands are optional and given.
    pub fn given(&self) -> usize {
        usize::from(self.masked) + if self.initial { 1 + usize::from(self.cell.has_cell_state()) } else { 0 }
    }

    /// Takes apart the optional operands, which come last, in the order mask, h, c.
    ///
    /// # Panics
    /// If there are fewer than [`Self::given`].
    pub fn split<T: Copy>(&self, operands: &[T]) -> Given<T> {
        let last = &operands[operands.len() - self.given()..];
        let states = &last[usize::from(self.masked)..];
        Given { mask: self.masked.then(|| last[0]), h: states.first().copied(), c: states.get(1).copied() }
    }

    /// The steps in the order in which they run.
    pub fn times(&self, steps: usize) -> impl DoubleEndedIterator<Item = usize> + use<> {
        let backwards = self.go_backwards;
        (0..steps).map(move |s| if backwards { steps - 1 - s } else { s })
    }

    /// Checks the number of inputs, of which `fixed` are not optional, and the optional ones.
    pub(super) fn expect(&self, shapes: &[Shape], fixed: usize, size: &Size) -> Result<(), ShapeError> {
        let state = Shape(vec![size.batch, Dim::Fixed(size.units)]);
        let given = self.split(shapes.iter().collect::<Vec<_>>().as_slice());
        expect_shape("the mask", given.mask, &Shape(vec![size.batch, Dim::Fixed(size.steps)]))?;
        expect_shape("the state h", given.h, &state)?;
        expect_shape("the state c", given.c, &state)?;
        debug_assert_eq!(shapes.len(), fixed + self.given());
        Ok(())
    }

    /// Inputs of every cell in awkward sizes, with and without what is optional; `fixed` gives the shapes that are not,
    /// from the cell, the steps and the units.
    pub(super) fn examples<O>(
        op: impl Fn(Recurrence) -> O,
        fixed: impl Fn(Cell, usize, usize) -> Vec<(Shape, Fill)>,
    ) -> Vec<Case>
    where
        crate::op::Op: From<O>,
    {
        let gru = |reset_after| Cell::Gru { reset_after };
        let simple = |relu| Cell::Simple { relu };
        let mut cases = Vec::new();
        for cell in [Cell::Lstm, gru(true), gru(false), simple(false), simple(true)] {
            for (i, (batch, steps, units)) in [(1, 1, 1), (3, 4, 5), (2, 3, 17), (7, 3, 8)].into_iter().enumerate() {
                let (masked, initial, go_backwards) = (i % 2 == 1, i > 1, i > 0 && i < 3);
                let recurrence = Recurrence { cell, go_backwards, masked, initial };
                let mut inputs = fixed(cell, steps, units);
                if masked {
                    let mask = (0..batch * steps).map(|i| f64::from(i % 5 != 1 && i % 7 != 3)).collect();
                    inputs.push((Shape::batched(&[steps]), Fill::Values(mask)));
                }
                let states = recurrence.given() - usize::from(masked);
                inputs.extend((0..states).map(|_| (Shape::batched(&[units]), Fill::Normal)));
                cases.push(Case::new(op(recurrence), inputs).batch(batch));
            }
        }
        cases
    }
}

fn expect_shape(what: &str, got: Option<&Shape>, expected: &Shape) -> Result<(), ShapeError> {
    match got {
        Some(got) if got != expected => Err(ShapeError::new(format!("{what} must be {expected}, got {got}"))),
        _ => Ok(()),
    }
}

/// The extents of a sequence.
pub(super) struct Size {
    pub(super) batch: Dim,
    pub(super) steps: usize,
    pub(super) units: usize,
}

impl Size {
    /// From a sequence `[B, T, vectors·H]`.
    pub(super) fn of(what: &str, sequence: &Shape, vectors: usize) -> Result<Self, ShapeError> {
        match sequence[..] {
            [batch, Dim::Fixed(steps), Dim::Fixed(width)]
                if steps > 0 && width > 0 && width.is_multiple_of(vectors) =>
            {
                Ok(Size { batch, steps, units: width / vectors })
            }
            _ => Err(ShapeError::new(format!(
                "{what} must be [B, steps, {vectors} · units] with at least one step and one unit, got {sequence}"
            ))),
        }
    }

    /// A sequence of `vectors` vectors for each step.
    pub(super) fn sequence(&self, vectors: usize) -> Shape {
        Shape(vec![self.batch, Dim::Fixed(self.steps), Dim::Fixed(vectors * self.units)])
    }

    /// The recurrent kernel of a cell.
    pub(super) fn kernel(&self, cell: Cell) -> Shape {
        Shape::fixed(&[self.units, cell.gates() * self.units])
    }

    pub(super) fn expect(&self, what: &str, got: &Shape, expected: Shape) -> Result<(), ShapeError> {
        expect_shape(what, Some(got), &expected)
    }
}
