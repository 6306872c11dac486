//! The rules that a graph must keep, checked after every pass in tests and debug builds.

use std::collections::HashSet;

use crate::error::GraphError;
use crate::graph::{Graph, NodeId, Role, VariableInfo};
use crate::op::Op;
use crate::shape::{Shape, TensorType};
use crate::update::{Settings, UpdateRule};

impl Graph {
    /// Checks every rule of a well-formed graph:
    /// 1. a node's inputs come before it, and its type is what its operator infers;
    /// 2. variables have unique names and countable elements, nodes that read them repeat their shape;
    /// 3. inputs and outputs have unique names; outputs, updates and slots exist;
    /// 4. a variable is updated at most once, an optimiser's slots are its own, and the value has the variable's type.
    ///
    /// # Errors
    /// [`GraphError::Malformed`], naming the first place that breaks a rule.
    pub fn verify(&self) -> Result<(), GraphError> {
        (0..self.nodes.len()).try_for_each(|i| self.verify_node(NodeId(i as u32)))?;
        unique("input", self.inputs().map(|(name, _)| name))?;
        unique("variable", self.variables.iter().map(|v| v.name.as_str()))?;
        unique("output", self.outputs.iter().map(|(name, _)| name.as_str()))?;
        for VariableInfo { name, shape, .. } in &self.variables {
            if Shape::fixed(shape).elements().is_none() {
                return malformed(format!("variable {name:?}"), format!("shape {shape:?} has too many elements"));
            }
        }
        for (name, id) in &self.outputs {
            if id.index() >= self.nodes.len() {
                return malformed(format!("output {name:?}"), format!("node {id} does not exist"));
            }
        }
        self.verify_updates()
    }

    fn verify_node(&self, id: NodeId) -> Result<(), GraphError> {
        let node = self.node(id);
        let place = || format!("{id} = {} in {:?}", node.op.name(), node.scope);
        if let Some(late) = node.inputs.iter().find(|input| **input >= id) {
            return malformed(place(), format!("its input {late} does not come before it"));
        }
        let types: Vec<_> = node.inputs.iter().map(|&i| &self.node(i).ty).collect();
        match node.op.infer(&types) {
            Err(why) => return malformed(place(), why.to_string()),
            Ok(ty) if ty != node.ty => {
                return malformed(place(), format!("it is declared {} but infers {ty}", node.ty));
            }
            Ok(_) => {}
        }
        if let Op::Variable(v) = &node.op {
            match self.variables.get(v.id.index()) {
                None => return malformed(place(), format!("variable {} does not exist", v.id.0)),
                Some(info) if info.shape != v.shape => {
                    return malformed(
                        place(),
                        format!("{:?} has shape {:?}, not {:?}", info.name, info.shape, v.shape),
                    );
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn verify_updates(&self) -> Result<(), GraphError> {
        let mut written = HashSet::new();
        for update in &self.updates {
            let Some(info) = self.variables.get(update.variable.index()) else {
                return malformed("an update".into(), format!("variable {} does not exist", update.variable.0));
            };
            let place = || format!("the update of {:?}", info.name);
            if update.value.index() >= self.nodes.len() {
                return malformed(place(), format!("node {} does not exist", update.value));
            }
            let of_a_table = matches!(self.node(update.value).op, Op::GatherGrad(_)) && update.rule.is_elementwise();
            if update.settings.lazy && !of_a_table {
                return malformed(place(), "only a rule by element that follows a gather_grad can be lazy");
            }
            let (value, expected) = (&self.node(update.value).ty, TensorType::f32(Shape::fixed(&info.shape)));
            if *value != expected {
                return malformed(place(), format!("its value is {value}, not {expected}"));
            }
            let slots = update.rule.slots(&info.shape);
            if update.slots.len() != slots.len() {
                return malformed(place(), format!("the rule needs {} slots", slots.len()));
            }
            let Settings { every, learning_rate, weight_decay, lazy: _ } = update.settings;
            if every == 0 || ![learning_rate, weight_decay].iter().all(|x| *x >= 0.0 && x.is_finite()) {
                return malformed(place(), "its settings are out of range");
            }
            if !update.rule.is_optimizer() && weight_decay != 0.0 {
                return malformed(place(), "only what follows a gradient decays");
            }
            if matches!(update.rule, UpdateRule::Accumulate(_)) && every != 1 {
                return malformed(place(), "a sum of gradients takes in every step's");
            }
            for id in std::iter::once(&update.variable).chain(&update.slots) {
                if !written.insert(id) {
                    return malformed(place(), format!("variable {} is written twice", id.0));
                }
            }
            for (id, slot) in update.slots.iter().zip(slots) {
                match self.variables.get(id.index()) {
                    Some(s) if s.role == Role::Slot && s.shape == slot.shape => {}
                    _ => return malformed(place(), format!("variable {} is no slot of shape {:?}", id.0, slot.shape)),
                }
            }
        }
        Ok(())
    }
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), GraphError> {
    let mut seen = HashSet::new();
    names.into_iter().try_for_each(|name| match seen.insert(name) {
        true => Ok(()),
        false => malformed(format!("{what} {name:?}"), "another has this name"),
    })
}

fn malformed(place: String, why: impl Into<String>) -> Result<(), GraphError> {
    Err(GraphError::Malformed { place, why: why.into() })
}
