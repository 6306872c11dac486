//! Convolutions and their gradients, with what is fused into them.

use kamado_graph::graph::NodeId;
use kamado_graph::op::Op;
use kamado_graph::ops::window::windows;
use kamado_graph::ops::{Conv2d as ConvOp, Window};
use kamado_kernels::conv2d::{Conv2d, Conv2dShape};
use kamado_kernels::gemm::{Activation, Epilogue};

use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;
use crate::group::{Group, Kind};

struct Forward {
    conv: Conv2d,
    x: Place,
    kernel: Place,
    bias: Option<Place>,
    activation: Activation,
    rounded: bool,
    y: Place,
    threads: usize,
}

struct InputGrad {
    conv: Conv2d,
    dy: Place,
    kernel: Place,
    mask: Option<Place>,
    rounded: bool,
    dx: Place,
    threads: usize,
}

struct KernelGrad {
    conv: Conv2d,
    x: Place,
    dy: Place,
    dw: Place,
    db: Option<Place>,
    rounded: bool,
    threads: usize,
}

struct KernelGrads {
    conv: Conv2d,
    examples: usize,
    x: Place,
    dy: Place,
    dw: Place,
    rounded: bool,
    threads: usize,
}

/// The sizes of a convolution on images of extents `x` with `filters` filters of extents `kernel`.
///
/// # Panics
/// If the windows do not fit, which shape inference has excluded.
fn conv(op: &ConvOp, x: &[usize], kernel: [usize; 2], filters: usize) -> Conv2d {
    let windows = windows([x[1], x[2]], kernel, op.strides, op.dilation, op.padding);
    let Ok([down, across]): Result<[Window; 2], _> = windows else { unreachable!("shapes were inferred") };
    Conv2d::new(Conv2dShape {
        batch: x[0],
        in_h: x[1],
        in_w: x[2],
        in_c: x[3],
        out_h: down.output,
        out_w: across.output,
        out_c: filters,
        kernel_h: kernel[0],
        kernel_w: kernel[1],
        stride_h: op.strides[0],
        stride_w: op.strides[1],
        pad_top: down.pad_begin,
        pad_left: across.pad_begin,
        dilation_h: op.dilation[0],
        dilation_w: op.dilation[1],
        groups: op.groups,
    })
}

/// The kernel of a product group whose root is a convolution or the gradient of its input.
///
/// # Panics
/// If the group is of another kind.
pub(super) fn lower(group: &Group, at: &Lower<'_>) -> Box<dyn Kernel> {
    let Kind::Product { root, bias, activation, mask } = group.kind else { unreachable!("a product group") };
    let node = at.graph.node(root);
    let (first, kernel) = (at.place(node.inputs[0]), at.place(node.inputs[1]));
    let k = at.dims(node.inputs[1]);
    let (size, filters, out) = ([k[0], k[1]], k[3], at.place(group.outputs[0]));
    match &node.op {
        Op::Conv2d(op) => Box::new(Forward {
            conv: conv(op, &at.dims(node.inputs[0]), size, filters),
            x: first,
            kernel,
            bias: bias.map(|id| at.place(id)),
            activation,
            rounded: at.rounded(&node.inputs),
            y: out,
            threads: at.threads,
        }),
        Op::Conv2dInputGrad(op) => Box::new(InputGrad {
            conv: conv(&op.conv, &op.input.at(at.batch), size, filters),
            dy: first,
            kernel,
            mask: mask.map(|id| at.place(id)),
            rounded: at.rounded(&node.inputs),
            dx: out,
            threads: at.threads,
        }),
        op => unreachable!("{} is no convolution", op.name()),
    }
}

/// The kernel of the gradient of a convolution's kernel and, if it is given, that of its bias.
///
/// # Panics
/// If the node is another operator.
pub(super) fn lower_kernel_grad(root: NodeId, bias: Option<NodeId>, at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(root);
    let Op::Conv2dKernelGrad(op) = &node.op else { unreachable!("a kernel gradient") };
    let [x, dy] = [node.inputs[0], node.inputs[1]];
    Box::new(KernelGrad {
        conv: conv(&op.conv, &at.dims(x), op.kernel_size, at.dims(dy)[3]),
        x: at.place(x),
        dy: at.place(dy),
        dw: at.place(root),
        db: bias.map(|id| at.place(id)),
        rounded: at.rounded(&node.inputs),
        threads: at.threads,
    })
}

/// The kernel of the gradients of a convolution's kernel, one for each example.
///
/// # Panics
/// If the node is another operator.
pub(super) fn lower_kernel_grads(root: NodeId, at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(root);
    let Op::Conv2dKernelGrads(op) = &node.op else { unreachable!("kernel gradients of examples") };
    let [x, dy] = [node.inputs[0], node.inputs[1]];
    // The images of one example.
    let mut images = at.dims(x);
    images[0] /= at.batch.max(1);
    Box::new(KernelGrads {
        conv: conv(&op.sum.conv, &images, op.sum.kernel_size, at.dims(dy)[3]),
        examples: at.batch,
        x: at.place(x),
        dy: at.place(dy),
        dw: at.place(root),
        rounded: at.rounded(&node.inputs),
        threads: at.threads,
    })
}

impl Kernel for KernelGrads {
    fn scratch(&self) -> usize {
        self.conv.kernel_grads_scratch(self.threads)
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let ([x, dy], [dw, scratch]) = memory.view([self.x, self.dy], [self.dw, at.scratch]);
        self.conv.kernel_grads(at.exec_of_product(self.rounded), self.examples, x, dy, dw, scratch);
        Ok(())
    }
}

impl Kernel for Forward {
    fn scratch(&self) -> usize {
        self.conv.forward_scratch(self.threads)
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let bias = self.bias.unwrap_or(Place::EMPTY);
        let ([x, kernel, bias], [y, scratch]) = memory.view([self.x, self.kernel, bias], [self.y, at.scratch]);
        let bias = self.bias.map(|_| bias);
        let epilogue = Epilogue { bias, activation: self.activation, mask: None, accumulate: false };
        self.conv.forward(at.exec_of_product(self.rounded), x, kernel, epilogue, y, scratch);
        Ok(())
    }
}

impl Kernel for InputGrad {
    fn scratch(&self) -> usize {
        self.conv.input_grad_scratch(self.threads)
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let mask = self.mask.unwrap_or(Place::EMPTY);
        let ([dy, kernel, mask], [dx, scratch]) = memory.view([self.dy, self.kernel, mask], [self.dx, at.scratch]);
        self.conv.input_grad(at.exec_of_product(self.rounded), dy, kernel, self.mask.map(|_| mask), dx, scratch);
        Ok(())
    }
}

impl Kernel for KernelGrad {
    fn scratch(&self) -> usize {
        self.conv.kernel_grad_scratch(self.threads)
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let db = self.db.unwrap_or(Place::EMPTY);
        let ([x, dy], [dw, db, scratch]) = memory.view([self.x, self.dy], [self.dw, db, at.scratch]);
        self.conv.kernel_grad(at.exec_of_product(self.rounded), x, dy, dw, self.db.map(|_| db), scratch);
        Ok(())
    }
}
