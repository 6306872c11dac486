//! Who reads which node, among the nodes that the results need.

use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;

/// Who reads which node, among the nodes that the results need.
pub(crate) struct Uses {
    users: Vec<Vec<NodeId>>,
    updates: Vec<usize>,
    output: Vec<bool>,
    live: Vec<bool>,
}

impl Uses {
    pub(crate) fn new(graph: &Graph) -> Self {
        let n = graph.nodes().len();
        let mut uses =
            Uses { users: vec![vec![]; n], updates: vec![0; n], output: vec![false; n], live: vec![false; n] };
        graph.outputs().iter().for_each(|(_, id)| uses.output[id.index()] = true);
        graph.updates().iter().for_each(|update| uses.updates[update.value.index()] += 1);
        for index in (0..n).rev() {
            if uses.output[index] || uses.updates[index] > 0 || !uses.users[index].is_empty() {
                uses.live[index] = true;
                for input in &graph.nodes()[index].inputs {
                    uses.users[input.index()].push(NodeId(index as u32));
                }
            }
        }
        uses
    }

    /// Whether a result needs the node.
    pub(crate) fn live(&self, id: NodeId) -> bool {
        self.live[id.index()]
    }

    /// The live nodes that read the node, the last first.
    pub(crate) fn users(&self, id: NodeId) -> &[NodeId] {
        &self.users[id.index()]
    }

    /// Whether the node is a result itself, or taken by an update.
    pub(crate) fn is_result(&self, id: NodeId) -> bool {
        self.output[id.index()] || self.updates[id.index()] > 0
    }

    /// The one node that reads `id`, if there is just one and nothing else takes the value.
    pub(crate) fn only_user(&self, id: NodeId) -> Option<NodeId> {
        match self.users(id) {
            [user] if !self.is_result(id) => Some(*user),
            _ => None,
        }
    }

    /// Whether the value goes into one update and nowhere else.
    pub(crate) fn only_updates_one(&self, id: NodeId) -> bool {
        self.users(id).is_empty() && self.updates[id.index()] == 1 && !self.output[id.index()]
    }

    /// As [`Self::only_user`], looking through reshapes; also the last node before the user.
    pub(crate) fn only_user_through_reshapes(&self, graph: &Graph, id: NodeId) -> Option<(NodeId, NodeId)> {
        let mut last = id;
        loop {
            let user = self.only_user(last)?;
            if !matches!(graph.node(user).op, Op::Reshape(_)) {
                return Some((last, user));
            }
            last = user;
        }
    }
}

/// The node whose memory `id` shares: reshapes are views.
pub(crate) fn storage(graph: &Graph, id: NodeId) -> NodeId {
    let mut id = id;
    while let Op::Reshape(_) = graph.node(id).op {
        id = graph.node(id).inputs[0];
    }
    id
}
