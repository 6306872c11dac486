//! Layer norm and RMS norm over the last axis, and their gradients.

use kamado_graph::graph::NodeId;
use kamado_graph::op::Op;
use kamado_kernels::norm::{NormGradients, RowNorm, gradients, normalize};

use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

struct Norm {
    norm: RowNorm,
    x: Place,
    gamma: Place,
    beta: Option<Place>,
    y: Place,
}

struct Gradients {
    norm: RowNorm,
    x: Place,
    gamma: Place,
    dy: Place,
    dx: Place,
    dgamma: Place,
    dbeta: Place,
}

/// The kernel of a norm, or of one of its gradients alone.
pub(super) fn lower(root: NodeId, at: &Lower<'_>) -> Box<dyn Kernel> {
    let node = at.graph.node(root);
    let (epsilon, centred) = match &node.op {
        Op::LayerNorm(norm) => (norm.epsilon, true),
        Op::RmsNorm(norm) => (norm.epsilon, false),
        Op::NormGrad(_) => return lower_gradients(None, Some(root), None, at),
        _ => return lower_gradients(Some(root), None, None, at),
    };
    Box::new(Norm {
        norm: row_norm(centred, epsilon, node.inputs[0], at),
        x: at.place(node.inputs[0]),
        gamma: at.place(node.inputs[1]),
        beta: node.inputs.get(2).map(|&beta| at.place(beta)),
        y: at.place(root),
    })
}

/// The kernel of those gradients of a norm that are given.
///
/// # Panics
/// If neither that of the factor nor that of the input is.
pub(super) fn lower_gradients(
    dgamma: Option<NodeId>,
    dx: Option<NodeId>,
    dbeta: Option<NodeId>,
    at: &Lower<'_>,
) -> Box<dyn Kernel> {
    let root = at.graph.node(dgamma.or(dx).expect("a gradient of the factor or the input"));
    let (epsilon, centred) = match &root.op {
        Op::NormGrad(norm) => (norm.epsilon, norm.centred),
        Op::NormScaleGrad(norm) => (norm.epsilon, norm.centred),
        op => unreachable!("{} is no gradient of a norm", op.name()),
    };
    let place = |id: Option<NodeId>| id.map_or(Place::EMPTY, |id| at.place(id));
    let (x, dy) = (root.inputs[0], root.inputs[root.inputs.len() - 1]);
    Box::new(Gradients {
        norm: row_norm(centred, epsilon, x, at),
        x: at.place(x),
        gamma: place(dx.map(|dx| at.graph.node(dx).inputs[1])),
        dy: at.place(dy),
        dx: place(dx),
        dgamma: place(dgamma),
        dbeta: place(dbeta),
    })
}

fn row_norm(centred: bool, epsilon: f64, x: NodeId, at: &Lower<'_>) -> RowNorm {
    RowNorm { centred, epsilon: epsilon as f32, columns: at.dims(x).last().copied().unwrap_or(1) }
}

impl Kernel for Norm {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let ([x, gamma, beta], [y]) = memory.view([self.x, self.gamma, self.beta.unwrap_or(Place::EMPTY)], [self.y]);
        normalize(at.exec, self.norm, x, gamma, self.beta.map(|_| beta), y);
        Ok(())
    }
}

impl Kernel for Gradients {
    fn scratch(&self) -> usize {
        self.norm.scratch(self.x.len())
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let ([x, gamma, dy], [dx, dgamma, dbeta, scratch]) =
            memory.view([self.x, self.gamma, self.dy], [self.dx, self.dgamma, self.dbeta, at.scratch]);
        gradients(at.exec, self.norm, x, gamma, dy, NormGradients { dx, dgamma, dbeta }, scratch);
        Ok(())
    }
}
