//! Lowering: from a group of nodes to the kernel that computes it, with every size and place resolved.

mod attention;
mod conv2d;
mod ctc;
mod dense_update;
mod elementwise;
mod gather;
mod info_nce;
mod matmul;
mod moments;
mod norm;
mod pairs;
mod pooling;
mod positions;
mod recurrent;
mod reduction;
mod resize;
mod rows;
mod softmax;
mod softmax_cross_entropy;
mod table_update;
mod transpose;
mod update;

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;
use kamado_graph::update::StepInfo;
use kamado_kernels::Exec;
use kamado_kernels::random::RandomKey;

use crate::arena::{Memory, Place};
use crate::error::EngineError;
use crate::group::{Group, Kind};

/// A kernel with its sizes and places.
pub(crate) trait Kernel: Send + Sync {
    /// The scratch memory that a run needs, in floats.
    fn scratch(&self) -> usize {
        0
    }

    /// Runs the kernel.
    ///
    /// # Errors
    /// If the data are not what the operator accepts, such as a label that is no class.
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError>;
}

/// What a run of a kernel depends on besides its operands.
pub(crate) struct At<'a> {
    pub(crate) exec: Exec<'a>,
    pub(crate) info: &'a StepInfo,
    pub(crate) scratch: Place,
}

impl At<'_> {
    fn key(&self) -> RandomKey {
        RandomKey { seed: self.info.seed, step: self.info.step }
    }

    /// For a product; `rounded` says that its operands hold bfloat16 numbers.
    fn exec_of_product(&self, rounded: bool) -> Exec<'_> {
        if rounded { Exec { isa: self.exec.isa.for_bf16(), ..self.exec } } else { self.exec }
    }
}

/// What lowering depends on besides the group.
pub(crate) struct Lower<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    pub(crate) place: &'a dyn Fn(NodeId) -> Place,
    pub(crate) variables: &'a [Place],
}

impl Lower<'_> {
    fn dims(&self, id: NodeId) -> Vec<usize> {
        self.graph.shape(id).at(self.batch)
    }

    fn place(&self, id: NodeId) -> Place {
        (self.place)(id)
    }

    /// Whether all operands have just been rounded to bfloat16.
    fn rounded(&self, operands: &[NodeId]) -> bool {
        operands.iter().all(|id| matches!(self.graph.node(*id).op, Op::RoundBf16(_)))
    }

    /// The number of the feed behind an integer input.
    ///
    /// # Panics
    /// If the node is no input; integers only come from outside.
    fn feed(&self, id: NodeId) -> usize {
        match self.place(id) {
            Place::Feed(feed, _) => feed,
            place => panic!("integers are fed, but {id} is at {place:?}"),
        }
    }
}

/// The kernel of a group.
pub(crate) fn lower(group: &Group, at: &Lower<'_>) -> Box<dyn Kernel> {
    match &group.kind {
        Kind::Single(root) => single(*root, at),
        Kind::Product { root, .. } => match at.graph.node(*root).op {
            Op::MatMul(_) => matmul::lower(group, at),
            _ => conv2d::lower(group, at),
        },
        Kind::KernelGrad { root, bias } => conv2d::lower_kernel_grad(*root, *bias, at),
        Kind::Attention { result, sums } => attention::lower(*result, *sums, at),
        Kind::AttentionGrad { gradients } => attention::lower_grad(*gradients, at),
        Kind::NormGrad { dgamma, dx, dbeta } => norm::lower_gradients(Some(*dgamma), *dx, *dbeta, at),
        Kind::Recurrent { members } => recurrent::lower(members, at),
        Kind::Moments { variance, mean } => moments::lower(*variance, *mean, at),
        Kind::Elementwise { members } => elementwise::lower(members, group.outputs[0], at),
        Kind::Reduction { root, members } => reduction::lower(*root, members, at),
        Kind::Update(update) => update::lower(*update, at),
        Kind::TableUpdate(update) => table_update::lower(*update, at),
        Kind::DenseUpdate { .. } => dense_update::lower(group, at),
    }
}

/// The kernel of an operator that no pass fuses.
fn single(root: NodeId, at: &Lower<'_>) -> Box<dyn Kernel> {
    match &at.graph.node(root).op {
        Op::MaxPool2d(_) | Op::MaxPool2dGrad(_) | Op::AveragePool2d(_) | Op::AveragePool2dGrad(_) => {
            pooling::lower(root, at)
        }
        Op::LayerNorm(_) | Op::RmsNorm(_) | Op::NormGrad(_) | Op::NormScaleGrad(_) => norm::lower(root, at),
        Op::Resize(_) | Op::ResizeGrad(_) => resize::lower(root, at),
        Op::Softmax(_) | Op::LogSoftmax(_) => softmax::lower(root, at),
        Op::SoftmaxCrossEntropy(_) | Op::SoftmaxCrossEntropyGrad(_) => softmax_cross_entropy::lower(root, at),
        Op::Slice(_) | Op::Concatenate(_) | Op::Pad(_) => rows::lower(root, at),
        Op::Gather(_) | Op::GatherGrad(_) | Op::TokenMask(_) => gather::lower(root, at),
        Op::SameRows(_) | Op::PickRows(_) => pairs::lower(root, at),
        Op::Conv2dKernelGrads(_) => conv2d::lower_kernel_grads(root, at),
        Op::Rotary(_) | Op::SinusoidalPositions(_) => positions::lower(root, at),
        Op::Ctc(_) | Op::CtcGrad(_) => ctc::lower(root, at),
        Op::InfoNce(_) | Op::InfoNceGrad(_) => info_nce::lower(root, at),
        Op::Recurrent(_) | Op::RecurrentTape(_) | Op::RecurrentGrad(_) => recurrent::lower(&[root], at),
        Op::RecurrentKernelGrad(_) | Op::RecurrentInnerGrad(_) => recurrent::lower_gradient(root, at),
        Op::Transpose(transpose) => transpose::lower(root, transpose, at),
        op => unreachable!("{} belongs to a group of its own kind", op.name()),
    }
}
