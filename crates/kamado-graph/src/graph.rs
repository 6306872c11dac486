//! The graph: nodes in the order in which they can be computed, variables, outputs and updates.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::op::Op;
use crate::ops::{Constant, Input, Variable};
use crate::shape::{Shape, TensorType};
use crate::update::{Settings, UpdateRule};

/// A node of a [`Graph`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The position in [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

/// A variable of a [`Graph`]: storage that lives from step to step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct VariableId(pub u32);

impl VariableId {
    /// The position in [`Graph::variables`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An operator applied to earlier nodes.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    /// The operator and its attributes.
    pub op: Op,
    /// Its inputs, all earlier in the graph.
    pub inputs: Vec<NodeId>,
    /// The type of the result.
    pub ty: TensorType,
    /// The layer that added it.
    pub scope: String,
}

/// What a variable is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A weight that training changes.
    Trainable,
    /// A weight that belongs to the model but gets no gradient, such as a moving average.
    NonTrainable,
    /// State of the optimiser: part of a checkpoint, not of the model.
    Slot,
}

/// Storage that lives from step to step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VariableInfo {
    /// A stable path, such as `dense_1.kernel`.
    pub name: String,
    /// Its extents.
    pub shape: Vec<usize>,
    /// What it is for.
    pub role: Role,
}

/// An assignment at the end of a step: `variable, slots ← rule(variable, slots, value)`. All updates of a step read the
/// values from before the step.
#[derive(Clone, PartialEq, Debug)]
pub struct Update {
    /// How the new value is computed.
    pub rule: UpdateRule,
    /// The variable that changes.
    pub variable: VariableId,
    /// The optimiser's state for it.
    pub slots: Vec<VariableId>,
    /// The gradient, or the value that a moving average takes in.
    pub value: NodeId,
    /// When it runs, how fast, and how the variable decays.
    pub settings: Settings,
}

/// A computation on tensors.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) variables: Vec<VariableInfo>,
    pub(crate) outputs: Vec<(String, NodeId)>,
    pub(crate) updates: Vec<Update>,
    pub(crate) scope: String,
}

impl Graph {
    /// A graph without nodes.
    pub fn new() -> Self {
        Graph::default()
    }

    /// The nodes, inputs before their readers.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node `id`.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The shape of a node's result.
    pub fn shape(&self, id: NodeId) -> &Shape {
        &self.nodes[id.index()].ty.shape
    }

    /// The variables.
    pub fn variables(&self) -> &[VariableInfo] {
        &self.variables
    }

    /// The named results, in the order in which they were declared.
    pub fn outputs(&self) -> &[(String, NodeId)] {
        &self.outputs
    }

    /// The node behind a named result.
    pub fn output(&self, name: &str) -> Option<NodeId> {
        self.outputs.iter().find(|(n, _)| n == name).map(|&(_, id)| id)
    }

    /// The assignments at the end of a step.
    pub fn updates(&self) -> &[Update] {
        &self.updates
    }

    /// The nodes that are fed from outside, with their names.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, NodeId)> {
        self.nodes.iter().enumerate().filter_map(|(i, node)| match &node.op {
            Op::Input(input) => Some((input.name.as_str(), NodeId(i as u32))),
            _ => None,
        })
    }

    /// Names the layer whose nodes are added from now on; returns the name before.
    pub fn set_scope(&mut self, scope: impl Into<String>) -> String {
        std::mem::replace(&mut self.scope, scope.into())
    }

    /// Adds an operator.
    ///
    /// # Errors
    /// [`GraphError::Shape`], naming the layer, if it does not accept its inputs.
    pub fn push(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        let op = op.into();
        let types: Vec<_> = inputs.iter().map(|&id| &self.nodes[id.index()].ty).collect();
        let ty = op.infer(&types).map_err(|why| self.refuse(op.name(), why.0))?;
        self.nodes.push(Node { op, inputs: inputs.to_vec(), ty, scope: self.scope.clone() });
        Ok(NodeId(self.nodes.len() as u32 - 1))
    }

    /// As [`Graph::push`], but if a node computes the same from the same inputs, that node.
    ///
    /// # Errors
    /// As [`Graph::push`].
    pub(crate) fn push_once(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        let op = op.into();
        match self.nodes.iter().position(|node| node.op == op && node.inputs == inputs) {
            Some(index) => Ok(NodeId(index as u32)),
            None => self.push(op, inputs),
        }
    }

    /// The error that `op`, in the current scope, does not accept its inputs.
    pub(crate) fn refuse(&self, op: &'static str, why: String) -> GraphError {
        GraphError::Shape { scope: self.scope.clone(), op, why: ShapeError(why) }
    }

    /// Adds a tensor that is fed from outside.
    ///
    /// # Errors
    /// If another input has this name, or the batch size enters the shape twice.
    pub fn input(&mut self, name: &str, ty: TensorType) -> Result<NodeId, GraphError> {
        if self.inputs().any(|(other, _)| other == name) {
            let why = format!("two inputs are named {name:?}");
            return Err(GraphError::Malformed { place: format!("input {name:?}"), why });
        }
        self.push(Input { name: name.to_owned(), ty }, &[])
    }

    /// Declares a variable and adds the node that reads it.
    ///
    /// # Errors
    /// If its number of elements overflows.
    pub fn variable(&mut self, info: VariableInfo) -> Result<(VariableId, NodeId), GraphError> {
        let id = self.declare(info);
        let node = self.read(id)?;
        Ok((id, node))
    }

    /// Declares a variable that no node reads yet, such as an optimiser's state.
    pub fn declare(&mut self, info: VariableInfo) -> VariableId {
        self.variables.push(info);
        VariableId(self.variables.len() as u32 - 1)
    }

    /// The node that reads a variable's value from before the step.
    ///
    /// # Errors
    /// If its number of elements overflows.
    pub fn read(&mut self, id: VariableId) -> Result<NodeId, GraphError> {
        let known = self.nodes.iter().position(|n| matches!(&n.op, Op::Variable(v) if v.id == id));
        match known {
            Some(node) => Ok(NodeId(node as u32)),
            None => {
                let shape = self.variables[id.index()].shape.clone();
                self.push(Variable { id, shape }, &[])
            }
        }
    }

    /// Adds a tensor with the same value everywhere.
    ///
    /// # Errors
    /// If the batch size enters the shape twice.
    pub fn constant(&mut self, value: f64, shape: Shape) -> Result<NodeId, GraphError> {
        self.push(Constant { value, shape }, &[])
    }

    /// Names a result.
    pub fn set_output(&mut self, name: &str, node: NodeId) {
        self.outputs.retain(|(n, _)| n != name);
        self.outputs.push((name.to_owned(), node));
    }

    /// Adds an assignment at the end of the step.
    pub fn add_update(&mut self, update: Update) {
        self.updates.push(update);
    }

    /// Adds the update of a variable by a rule, with the state that the rule keeps: `<prefix>.<variable>.<slot>`.
    pub fn follow(&mut self, rule: UpdateRule, settings: Settings, variable: VariableId, value: NodeId, prefix: &str) {
        let VariableInfo { name, shape, .. } = self.variables[variable.index()].clone();
        let slots = rule.slots(&shape).into_iter().map(|slot| {
            let name = format!("{prefix}.{name}.{}", slot.name);
            self.declare(VariableInfo { name, shape: slot.shape, role: Role::Slot })
        });
        let slots = slots.collect();
        self.add_update(Update { rule, variable, slots, value, settings });
    }

    /// What every element of a variable starts with if it is an optimiser's state; 0 for others.
    pub fn slot_start(&self, variable: VariableId) -> f64 {
        let start = |update: &Update| {
            let position = update.slots.iter().position(|&slot| slot == variable)?;
            let shape = &self.variables.get(update.variable.index())?.shape;
            update.rule.slots(shape).get(position).map(|slot| slot.start)
        };
        self.updates.iter().find_map(start).unwrap_or(0.0)
    }
}
