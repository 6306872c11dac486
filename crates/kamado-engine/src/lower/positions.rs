//! Rotary and sinusoidal positions.

use kamado_graph::graph::NodeId;
use kamado_graph::op::Op;
use kamado_kernels::positions::{frequencies, rotate, rotations, sinusoids};

use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

struct Rotate {
    x: Place,
    y: Place,
    heads: usize,
    dim: usize,
    inverse: bool,
    /// Places in all sequences.
    tokens: usize,
    frequencies: Vec<f64>,
    positions: Positions,
}

/// Where the positions come from.
enum Positions {
    /// They count from 0; this is their table.
    Counted(Vec<f32>),
    /// They are fed as this number.
    Fed(usize),
}

struct Sinusoids {
    y: Place,
    dim: usize,
    max_wavelength: f64,
    positions: Positions,
}

/// The kernel of a node with rotary or sinusoidal positions.
///
/// # Panics
/// If it is another operator.
pub(super) fn lower(root: NodeId, at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(root);
    match &node.op {
        Op::Rotary(op) => {
            let x = at.dims(node.inputs[0]);
            let frequencies = frequencies(x[3], op.base);
            let positions = match node.inputs.get(1) {
                Some(&positions) => Positions::Fed(at.feed(positions)),
                None => {
                    let mut table = vec![0.0; x[1] * x[3]];
                    rotations(0.., &frequencies, &mut table);
                    Positions::Counted(table)
                }
            };
            let (from, to, tokens) = (at.place(node.inputs[0]), at.place(root), x[0] * x[1]);
            let (heads, dim, inverse) = (x[2], x[3], op.inverse);
            Box::new(Rotate { x: from, y: to, heads, dim, inverse, tokens, frequencies, positions })
        }
        Op::SinusoidalPositions(op) => {
            let positions = match node.inputs.first() {
                Some(&positions) => Positions::Fed(at.feed(positions)),
                None => {
                    let mut table = vec![0.0; op.len * op.dim];
                    sinusoids(0.., op.dim, op.max_wavelength, &mut table);
                    Positions::Counted(table)
                }
            };
            Box::new(Sinusoids { y: at.place(root), dim: op.dim, max_wavelength: op.max_wavelength, positions })
        }
        op => unreachable!("{} knows no positions", op.name()),
    }
}

impl Kernel for Rotate {
    fn scratch(&self) -> usize {
        match self.positions {
            Positions::Counted(_) => 0,
            Positions::Fed(_) => self.tokens * self.dim,
        }
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let fed = self.positions.fed(memory);
        let ([x], [y, scratch]) = memory.view([self.x], [self.y, at.scratch]);
        let table = match &self.positions {
            Positions::Counted(table) => table,
            Positions::Fed(_) => {
                rotations(fed, &self.frequencies, scratch);
                &*scratch
            }
        };
        rotate(at.exec, x, table, self.heads, self.dim, self.inverse, y);
        Ok(())
    }
}

impl Kernel for Sinusoids {
    fn run(&self, _: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let fed = self.positions.fed(memory);
        let ([], [y]) = memory.view([], [self.y]);
        match &self.positions {
            Positions::Counted(table) => y.copy_from_slice(table),
            Positions::Fed(_) => sinusoids(fed, self.dim, self.max_wavelength, y),
        }
        Ok(())
    }
}

impl Positions {
    /// The positions that are fed, if any.
    fn fed<'a>(&self, memory: &Memory<'a>) -> impl Iterator<Item = i64> + use<'a> {
        let fed: &[i32] = match self {
            Positions::Counted(_) => &[],
            Positions::Fed(feed) => memory.integers(*feed),
        };
        fed.iter().map(|&position| i64::from(position))
    }
}
