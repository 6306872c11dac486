//! A schedule: groups of nodes that become one kernel each, in the order in which they run.

use std::fmt;

use kamado_graph::graph::{Graph, NodeId, VariableId};
use kamado_graph::op::Op;
use kamado_kernels::gemm::Activation;

/// What a group computes.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Kind {
    /// The operator of one node.
    Single(NodeId),
    /// A product or convolution with what follows it: bias, activation, or the mask of a relu's gradient.
    Product { root: NodeId, bias: Option<NodeId>, activation: Activation, mask: Option<NodeId> },
    /// The gradient of a convolution's kernel and, in the same pass, that of its bias: the second output.
    KernelGrad { root: NodeId, bias: Option<NodeId> },
    /// An attention, the logarithm of its sums, or both.
    Attention { result: Option<NodeId>, sums: Option<NodeId> },
    /// The gradients of one attention's queries, keys and values, some of them.
    AttentionGrad { gradients: [Option<NodeId>; 3] },
    /// The gradients of a norm that are needed: of its factor and, in the same pass, of its input and its offset.
    NormGrad { dgamma: NodeId, dx: Option<NodeId>, dbeta: Option<NodeId> },
    /// One pass over a sequence with several results: those of a recurrent layer and its tape, or its gradients.
    Recurrent { members: Vec<NodeId> },
    /// The variance of each channel and, in the same pass, the mean: the second output.
    Moments { variance: NodeId, mean: Option<NodeId> },
    /// A chain of elementwise operators; the nodes ascend, the last is the result.
    Elementwise { members: Vec<NodeId> },
    /// A reduction of a chain of elementwise operators, which may be empty.
    Reduction { root: NodeId, members: Vec<NodeId> },
    /// The update of this number.
    Update(usize),
    /// The update of this number, of a table by the gradient of its looked-up rows.
    TableUpdate(usize),
    /// A dense layer's weight gradient that goes straight into the update of this number, with the gradient of the
    /// layer's input, masked if that is the output of a relu.
    DenseUpdate { update: usize, x: NodeId, dy: NodeId, dx: Option<NodeId>, mask: Option<NodeId> },
}

/// Nodes that become one kernel.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Group {
    pub(crate) kind: Kind,
    /// What it reads from other groups, feeds and variables.
    pub(crate) inputs: Vec<NodeId>,
    /// The nodes whose values others may read.
    pub(crate) outputs: Vec<NodeId>,
    /// The variables that it changes.
    pub(crate) writes: Vec<VariableId>,
}

/// Groups in the order in which they run.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Schedule(pub(crate) Vec<Group>);

impl Group {
    /// A group without updates.
    pub(crate) fn new(kind: Kind, inputs: Vec<NodeId>, outputs: Vec<NodeId>) -> Self {
        Group { kind, inputs, outputs, writes: Vec::new() }
    }

    /// The operators of the group, as they follow each other.
    pub(crate) fn name(&self, graph: &Graph) -> String {
        let name = |id: &NodeId| graph.node(*id).op.name();
        let names = |ids: &[NodeId]| ids.iter().map(name).collect::<Vec<_>>().join("+");
        match &self.kind {
            Kind::Single(root) => name(root).to_owned(),
            Kind::Product { root, bias, activation, mask } => {
                let activation = match activation {
                    Activation::None => "",
                    Activation::Relu => "+relu",
                    Activation::Sigmoid => "+sigmoid",
                    Activation::Tanh => "+tanh",
                };
                let suffix = |part: &Option<NodeId>, text| part.map_or("", |_| text);
                format!("{}{}{activation}{}", name(root), suffix(bias, "+bias"), suffix(mask, "+mask"))
            }
            Kind::KernelGrad { root, bias } => format!("{}{}", name(root), bias.map_or("", |_| "+bias_grad")),
            Kind::Attention { result, sums } => names(&result.iter().chain(sums).copied().collect::<Vec<_>>()),
            Kind::AttentionGrad { gradients } => names(&gradients.iter().flatten().copied().collect::<Vec<_>>()),
            Kind::NormGrad { dx, dbeta, .. } => {
                let part = |part: &Option<NodeId>, text| part.map_or("", |_| text);
                format!("norm_scale_grad{}{}", part(dx, "+norm_grad"), part(dbeta, "+offset_grad"))
            }
            Kind::Moments { variance, mean } => format!("{}{}", name(variance), mean.map_or("", |_| "+mean")),
            Kind::Elementwise { members } => names(members),
            Kind::Recurrent { members } => names(members),
            Kind::Reduction { root, members } if members.is_empty() => name(root).to_owned(),
            Kind::Reduction { root, members } => format!("{}+{}", names(members), name(root)),
            Kind::Update(_) => "update".to_owned(),
            Kind::TableUpdate(_) => "gather_grad+update".to_owned(),
            Kind::DenseUpdate { dx, mask, .. } => {
                let part = |on: bool, text| if on { text } else { "" };
                format!("weight_grad+update{}{}", part(dx.is_some(), "+input_grad"), part(mask.is_some(), "+mask"))
            }
        }
    }

    /// The layer that the group belongs to.
    pub(crate) fn scope<'g>(&self, graph: &'g Graph) -> &'g str {
        let first = self.outputs.first().or(self.inputs.last());
        first.map_or("", |id| graph.node(*id).scope.as_str())
    }
}

impl Schedule {
    /// One line for each group, for golden tests and for people.
    pub(crate) fn text(&self, graph: &Graph) -> String {
        let list = |ids: &[NodeId]| ids.iter().map(|id| operand(graph, *id)).collect::<Vec<_>>().join(", ");
        self.0.iter().fold(String::new(), |text, group| {
            let writes = group.writes.iter().map(|v| graph.variables()[v.index()].name.as_str());
            let outputs: Vec<_> = group.outputs.iter().map(NodeId::to_string).collect();
            let left: Vec<_> = outputs.iter().map(String::as_str).chain(writes).collect();
            format!("{text}{} = {}({})\n", left.join(", "), group.name(graph), list(&group.inputs))
        })
    }
}

/// A node as an operand: variables and inputs by their names.
fn operand(graph: &Graph, id: NodeId) -> String {
    match &graph.node(id).op {
        Op::Variable(v) => graph.variables()[v.id.index()].name.clone(),
        Op::Input(input) => input.name.clone(),
        _ => id.to_string(),
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}
