//! A skeleton for an operator.

use std::fs;

use crate::tree::Tree;

const OPS: &str = "crates/kamado-graph/src/ops";

/// Writes `ops/NAME.rs` and names the places that must learn of it; the compiler names the rest.
pub(crate) fn scaffold(tree: &Tree, name: &str) -> Result<(), String> {
    let valid = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !valid {
        return Err(format!("`{name}` is not a name for a module: use small letters, digits and _"));
    }
    let path = format!("{OPS}/{name}.rs");
    let file = tree.root.join(&path);
    if file.exists() {
        return Err(format!("{path} exists"));
    }
    let title: String = name.split('_').map(capital).collect();
    let text = TEMPLATE.replace("Title", &title).replace("name_of_op", name);
    fs::write(&file, text).map_err(|error| format!("{path}: {error}"))?;
    println!("wrote {path}\n\nNow\n  1. {OPS}/mod.rs: add `mod {name};` and `pub use {name}::{title};`");
    println!("  2. crates/kamado-graph/src/op.rs: add {title} to the list of operators");
    println!("  3. follow the compiler to the engine, and lower the operator in a file of the same name");
    println!("  4. run the sweep: cargo test --release --workspace");
    Ok(())
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

const TEMPLATE: &str = r#"//! One sentence.
//!
//! `y = f(x)`, formula and shapes. Gradient: `dx = …`.
//!
//! Numerics and source.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// One sentence: `y = f(x)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Title;

impl Operator for Title {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        compile_error!("state the gradient");
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        compile_error!("state the value, naively, in f64");
    }

    fn cases() -> Vec<Case> {
        unary_cases(Title, Fill::NonZero)
    }
}

impl Graph {
    /// `y = f(x)`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn name_of_op(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Title, &[x])
    }
}
"#;
