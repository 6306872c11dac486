//! A dense layer's backward pass fused with the update of its weights.

use kamado_graph::update::UpdateRule;
use kamado_kernels::dense_update::{DenseUpdate, dense_update, dense_update_scratch};
use kamado_kernels::update_rule::Parameter;

use super::update::{Target, resolve};
use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;
use crate::group::{Group, Kind};

struct Backward {
    batch: usize,
    inputs: usize,
    outputs: usize,
    rule: UpdateRule,
    target: Target,
    x: Place,
    dy: Place,
    dx: Option<Place>,
    mask: Option<Place>,
    rounded: bool,
    threads: usize,
}

/// The kernel of a dense update group.
///
/// # Panics
/// If the group is of another kind.
pub(super) fn lower(group: &Group, at: &Lower<'_>) -> Box<dyn Kernel> {
    let Kind::DenseUpdate { update, x, dy, dx, mask } = group.kind else { unreachable!("a dense update group") };
    let (x_dims, dy_dims) = (at.dims(x), at.dims(dy));
    let update = &at.graph.updates()[update];
    Box::new(Backward {
        batch: x_dims[0],
        inputs: x_dims[1],
        outputs: dy_dims[1],
        rule: update.rule,
        target: Target::new(update, at),
        x: at.place(x),
        dy: at.place(dy),
        dx: dx.map(|id| at.place(id)),
        mask: mask.map(|id| at.place(id)),
        // The gradient of the input is fused only with weights that are not rounded.
        rounded: dx.is_none() && at.rounded(&[x, dy]),
        threads: at.threads,
    })
}

impl Kernel for Backward {
    fn scratch(&self) -> usize {
        dense_update_scratch(self.batch, self.inputs, self.outputs, self.threads)
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let Target { variable, slots: [first, second, third], settings } = self.target;
        // The pass is chosen only for an update that never rests.
        let info = settings.at(at.info).unwrap_or(*at.info);
        let (dx, mask) = (self.dx.unwrap_or(Place::EMPTY), self.mask.unwrap_or(Place::EMPTY));
        let ([x, dy, mask], [value, first, second, third, dx, scratch]) =
            memory.view([self.x, self.dy, mask], [variable, first, second, third, dx, at.scratch]);
        let layer = DenseUpdate {
            batch: self.batch,
            inputs: self.inputs,
            outputs: self.outputs,
            x,
            dy,
            mask: self.mask.map(|_| mask),
            rule: resolve(&self.rule, &info),
        };
        let weights = Parameter { value, slots: [first, second, third], keep: settings.kept(&info) as f32 };
        dense_update(at.exec_of_product(self.rounded), &layer, weights, None, self.dx.map(|_| dx), scratch);
        Ok(())
    }
}
