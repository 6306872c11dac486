//! Maximum and average pooling and their gradients.

use kamado_graph::graph::NodeId;
use kamado_graph::op::Op;
use kamado_graph::ops::Window;
use kamado_kernels::pool2d::{Pool2dShape, average_pool2d, average_pool2d_gradient, max_pool2d, max_pool2d_gradient};

use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

enum How {
    Max,
    MaxGrad,
    Average,
    AverageGrad,
}

struct Pool {
    how: How,
    shape: Pool2dShape,
    first: Place,
    second: Place,
    out: Place,
}

/// The kernel of a pooling node or the gradient of one.
///
/// # Panics
/// If the node is another operator, or its windows do not fit, which shape inference has excluded.
pub(super) fn lower(root: NodeId, at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(root);
    let own = at.dims(node.inputs[0]);
    let (how, image, windows) = match &node.op {
        Op::MaxPool2d(op) => (How::Max, own.clone(), op.windows([own[1], own[2]])),
        Op::MaxPool2dGrad(op) => (How::MaxGrad, own.clone(), op.pool.windows([own[1], own[2]])),
        Op::AveragePool2d(op) => (How::Average, own.clone(), op.windows([own[1], own[2]])),
        Op::AveragePool2dGrad(op) => {
            let image = op.input.at(at.batch);
            let windows = op.pool.windows([image[1], image[2]]);
            (How::AverageGrad, image, windows)
        }
        op => unreachable!("{} is no pooling", op.name()),
    };
    let Ok([down, across]): Result<[Window; 2], _> = windows else { unreachable!("shapes were inferred") };
    let shape = Pool2dShape {
        batch: image[0],
        in_h: image[1],
        in_w: image[2],
        channels: image[3],
        out_h: down.output,
        out_w: across.output,
        pool_h: down.size,
        pool_w: across.size,
        stride_h: down.stride,
        stride_w: across.stride,
        pad_top: down.pad_begin,
        pad_left: across.pad_begin,
    };
    let second = node.inputs.get(1).map_or(Place::EMPTY, |&id| at.place(id));
    Box::new(Pool { how, shape, first: at.place(node.inputs[0]), second, out: at.place(root) })
}

impl Kernel for Pool {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let ([first, second], [out]) = memory.view([self.first, self.second], [self.out]);
        match self.how {
            How::Max => max_pool2d(at.exec, &self.shape, first, out),
            How::MaxGrad => max_pool2d_gradient(at.exec, &self.shape, first, second, out),
            How::Average => average_pool2d(at.exec, &self.shape, first, out),
            How::AverageGrad => average_pool2d_gradient(at.exec, &self.shape, first, out),
        }
        Ok(())
    }
}
