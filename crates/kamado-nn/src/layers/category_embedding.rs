//! Vectors for the categories of a table of data.

use kamado_graph::graph::NodeId;
use kamado_graph::ops::Gather;
use kamado_graph::shape::Shape;
use serde::{Deserialize, Serialize};

use super::embedding::uniform;
use super::{Layer, LayerBuilder};
use crate::error::NnError;
use crate::init::Initializer;
use crate::one_or_more::list;

/// For each column of categories a table of its own, and the vectors of a row side by side:
/// integer `[B, C] → [B, Σ output_dim]`.
///
/// Categories are numbered from 0 in each column; column `c` has `cardinalities[c]` of them. Number 0 is meant for what was
/// never seen: give it to missing values and to categories that turn up after training, and count it in the cardinality.
/// A number outside stops the run with an error that names row and column.
///
/// Weights: `embeddings [Σ cardinalities, output_dim]`, the tables of the columns one after the other; if `output_dim` lists
/// a length for each column, `embeddings_<c>` for each run of neighbours of the same length, which begins at column c.
///
/// Source: Guo and Berkhahn, "Entity Embeddings of Categorical Variables", 2016.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryEmbedding {
    /// The number of categories of each column.
    pub cardinalities: Vec<usize>,
    /// The length of a vector: one for all columns, or one for each.
    #[serde(deserialize_with = "list")]
    pub output_dim: Vec<usize>,
    /// How the tables start; uniform between -0.05 and 0.05 by default.
    #[serde(default = "uniform")]
    pub embeddings_initializer: Initializer,
}

/// Neighbouring columns that share a table.
struct Run {
    first: usize,
    len: usize,
    width: usize,
}

impl CategoryEmbedding {
    /// Vectors of length `output_dim` for columns with so many categories.
    pub fn new(cardinalities: impl Into<Vec<usize>>, output_dim: usize) -> Self {
        Self::with_dims(cardinalities, [output_dim])
    }

    /// Vectors whose length is given for each column.
    pub fn with_dims(cardinalities: impl Into<Vec<usize>>, output_dims: impl Into<Vec<usize>>) -> Self {
        let (cardinalities, output_dim) = (cardinalities.into(), output_dims.into());
        CategoryEmbedding { cardinalities, output_dim, embeddings_initializer: uniform() }
    }

    /// With tables that start like this.
    pub fn embeddings_initializer(self, embeddings_initializer: Initializer) -> Self {
        CategoryEmbedding { embeddings_initializer, ..self }
    }

    fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for first in 0..self.cardinalities.len() {
            let width = self.output_dim[if self.output_dim.len() == 1 { 0 } else { first }];
            match runs.last_mut() {
                Some(run) if run.width == width => run.len += 1,
                _ => runs.push(Run { first, len: 1, width }),
            }
        }
        runs
    }
}

impl Layer for CategoryEmbedding {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let indices = b.integers(inputs)?;
        let columns = self.cardinalities.len();
        if *b.graph.shape(indices) != Shape::batched(&[columns]) {
            let shape = b.graph.shape(indices);
            return Err(
                b.error(format!("expected integers [B, {columns}], a column for each cardinality, got {shape}"))
            );
        }
        if ![1, columns].contains(&self.output_dim.len()) {
            return Err(b.error(format!(
                "output_dim must be one length or one for each of the {columns} columns, got {} of them",
                self.output_dim.len()
            )));
        }
        b.at_least_one("cardinalities", &self.cardinalities)?;
        b.at_least_one("output_dim", &self.output_dim)?;
        let mut parts = Vec::new();
        for Run { first, len, width } in self.runs() {
            let rows = &self.cardinalities[first..first + len];
            let total = rows.iter().fold(0usize, |sum, &n| sum.saturating_add(n));
            let name = if self.output_dim.len() == 1 { "embeddings".to_owned() } else { format!("embeddings_{first}") };
            let table = b.trainable(&name, &[total, width], self.embeddings_initializer)?;
            let y = b.graph.gather(table, indices, Gather { rows: rows.to_vec(), first_column: first })?;
            parts.push(b.graph.reshape(y, Shape::batched(&[len * width]))?);
        }
        Ok(b.graph.concatenate(&parts, 1)?)
    }
}
