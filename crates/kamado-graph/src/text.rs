//! The text form of a graph, for golden tests and for people. Parsing what was printed gives the same graph.
//!
//! ```text
//! variable 0 = {"name":"dense.kernel","shape":[3,2],"role":"trainable"}
//! %0 = input() {"name":"x","ty":…} : f32[B, 3]
//! %1 = variable() {"id":0,"shape":[3,2]} : f32[3, 2] @dense
//! %2 = matmul(%0, %1) {"transpose_a":false,"transpose_b":false} : f32[B, 2] @dense
//! output "y" = %2
//! update 0 [] {"rule":"sgd",…} {"every":2,…} = %5
//! ```
//!
//! An update's settings are left out where they are the default.

use std::fmt;

use serde_json::{Map, Value};

use crate::error::GraphError;
use crate::graph::{Graph, Node, NodeId, Update, VariableId};
use crate::op::Op;
use crate::shape::{DType, Shape, TensorType};
use crate::update::Settings;

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, variable) in self.variables.iter().enumerate() {
            writeln!(f, "variable {i} = {}", json(variable)?)?;
        }
        for (i, node) in self.nodes.iter().enumerate() {
            let inputs: Vec<_> = node.inputs.iter().map(NodeId::to_string).collect();
            write!(f, "%{i} = {}({})", node.op.name(), inputs.join(", "))?;
            let mut attributes = serde_json::to_value(&node.op).map_err(|_| fmt::Error)?;
            if let Some(map) = attributes.as_object_mut() {
                map.remove("op");
                if !map.is_empty() {
                    write!(f, " {attributes}")?;
                }
            }
            write!(f, " : {}", node.ty)?;
            match node.scope.as_str() {
                "" => writeln!(f)?,
                scope if is_plain(scope) => writeln!(f, " @{scope}")?,
                scope => writeln!(f, " @{}", json(&scope)?)?,
            }
        }
        for (name, id) in &self.outputs {
            writeln!(f, "output {} = {id}", json(name)?)?;
        }
        for update in &self.updates {
            let slots: Vec<_> = update.slots.iter().map(|s| s.0).collect();
            write!(f, "update {} {slots:?} {}", update.variable.0, json(&update.rule)?)?;
            if update.settings != Settings::default() {
                write!(f, " {}", json(&update.settings)?)?;
            }
            writeln!(f, " = {}", update.value)?;
        }
        Ok(())
    }
}

/// Whether a scope can be told from what stands around it without quotes.
fn is_plain(scope: &str) -> bool {
    !scope.contains(|c: char| c == '"' || c.is_whitespace() || c.is_control())
}

fn json(value: &impl serde::Serialize) -> Result<String, fmt::Error> {
    serde_json::to_string(value).map_err(|_| fmt::Error)
}

impl std::str::FromStr for Graph {
    type Err = GraphError;

    /// Reads the text form and verifies the graph.
    fn from_str(text: &str) -> Result<Self, GraphError> {
        let mut graph = Graph::new();
        for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            graph.parse_line(line.trim()).map_err(|why| GraphError::Text { line: i + 1, why })?;
        }
        graph.verify()?;
        Ok(graph)
    }
}

impl Graph {
    fn parse_line(&mut self, line: &str) -> Result<(), String> {
        let what = "expected `variable N = …`, `%N = …`, `output \"…\" = %N` or `update …`";
        let (left, right) = if line.starts_with("update") || line.starts_with("output") {
            line.rsplit_once(" = ").ok_or(what)?
        } else {
            line.split_once(" = ").ok_or(what)?
        };
        match left.split_once(' ') {
            Some(("variable", _)) => self.variables.push(parse_json(right)?),
            Some(("output", name)) => self.outputs.push((parse_json(name)?, parse_id(right)?)),
            Some(("update", rest)) => {
                let (variable, rest) = rest.split_once(" [").ok_or(what)?;
                let (slots, rule) = rest.split_once("] ").ok_or(what)?;
                let slots: Vec<u32> = parse_json(&format!("[{slots}]"))?;
                let variable = VariableId(variable.parse().map_err(|_| what)?);
                let slots = slots.into_iter().map(VariableId).collect();
                let (rule, settings) = match rule.split_once("} {") {
                    Some((rule, settings)) => {
                        (parse_json(&format!("{rule}}}"))?, parse_json(&format!("{{{settings}"))?)
                    }
                    None => (parse_json(rule)?, Settings::default()),
                };
                self.updates.push(Update { rule, variable, slots, value: parse_id(right)?, settings });
            }
            None if parse_id(left)?.index() == self.nodes.len() => {
                let node = parse_node(right)?;
                self.nodes.push(node);
            }
            _ => return Err(format!("{what}, with nodes numbered from 0 without gaps; got {left:?}")),
        }
        Ok(())
    }
}

/// Reads `operator(inputs) {attributes} : type @scope` from left to right, since quoted names may contain any mark.
fn parse_node(text: &str) -> Result<Node, String> {
    let (call, rest) = text.split_once(')').ok_or("expected `operator(inputs)`")?;
    let (name, inputs) = call.split_once('(').ok_or("expected `operator(inputs)`")?;
    let inputs = inputs.split(", ").filter(|s| !s.is_empty()).map(parse_id).collect::<Result<_, _>>()?;
    let (mut attributes, rest) = parse_attributes(rest)?;
    attributes.insert("op".into(), name.into());
    let op: Op = serde_json::from_value(attributes.into()).map_err(|e| format!("operator {name:?}: {e}"))?;
    let (ty, scope) = rest.strip_prefix(" : ").and_then(|r| r.split_once(']')).ok_or("expected ` : type`")?;
    let scope = match scope.strip_prefix(" @") {
        Some(quoted) if quoted.starts_with('"') => parse_json(quoted)?,
        Some(plain) if is_plain(plain) => plain.to_owned(),
        None if scope.is_empty() => String::new(),
        _ => return Err(format!("expected ` @layer`, got {scope:?}")),
    };
    Ok(Node { op, inputs, ty: parse_type(ty)?, scope })
}

/// The attributes at the start of `text`, if any, and what follows them.
fn parse_attributes(text: &str) -> Result<(Map<String, Value>, &str), String> {
    let Some(json) = text.strip_prefix(' ').filter(|t| t.starts_with('{')) else { return Ok((Map::new(), text)) };
    let mut values = serde_json::Deserializer::from_str(json).into_iter();
    match values.next() {
        Some(Ok(attributes)) => Ok((attributes, &json[values.byte_offset()..])),
        Some(Err(e)) => Err(format!("{e} in {json:?}")),
        None => Err("expected attributes".to_owned()),
    }
}

/// Reads a type that lacks its last bracket.
fn parse_type(text: &str) -> Result<TensorType, String> {
    let expected = || format!("expected a type such as f32[B, 3], got \"{text}]\"");
    let (dtype, dims) = text.split_once('[').ok_or_else(expected)?;
    let dims = dims.split(", ").filter(|s| !s.is_empty()).map(str::parse).collect::<Result<Vec<_>, _>>();
    let dtype = match dtype {
        "f32" => DType::F32,
        "i32" => DType::I32,
        _ => return Err(expected()),
    };
    Ok(TensorType { dtype, shape: Shape(dims.map_err(|_| expected())?) })
}

fn parse_id(text: &str) -> Result<NodeId, String> {
    let number = text.strip_prefix('%').and_then(|n| n.parse().ok());
    number.map(NodeId).ok_or_else(|| format!("expected a node such as %3, got {text:?}"))
}

fn parse_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|e| format!("{e} in {text:?}"))
}
