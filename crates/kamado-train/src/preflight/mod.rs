//! Checks before the first step: model, loss and data together.
//!
//! What cannot learn, or would learn nonsense without a word, is refused here with the remedy. Everything is checked
//! before anything is reported, so that one look mends it all.

mod finding;
mod input;
mod labels;
mod output;
mod structure;
#[cfg(test)]
mod tests;

pub use finding::{Finding, Report, Severity};
pub(crate) use output::{Ending, ending};

use kamado_data::{Dataset, Labels};
use kamado_graph::graph::{Graph, NodeId};
use kamado_nn::losses::Loss;
use kamado_nn::model::ModelSpec;

use crate::targets::example_len;

/// What is checked.
pub(crate) struct Subject<'a> {
    spec: &'a ModelSpec,
    /// The graph for prediction.
    graph: &'a Graph,
    /// The node of its only output, if there is but one.
    output: Option<NodeId>,
    /// The number of outputs per example.
    units: usize,
    loss: &'a Loss,
    train: &'a Dataset,
    validation: Option<&'a Dataset>,
    batch_size: usize,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(
        spec: &'a ModelSpec,
        graph: &'a Graph,
        loss: &'a Loss,
        train: &'a Dataset,
        validation: Option<&'a Dataset>,
        batch_size: usize,
    ) -> Self {
        let output = graph.output("prediction");
        let units = output.map_or(0, |node| example_len(graph.shape(node)));
        Subject { spec, graph, output, units, loss, train, validation, batch_size }
    }

    /// Runs every check.
    pub(crate) fn check(&self) -> Report {
        let mut findings = structure::check(self);
        findings.extend(input::check(self));
        // With several outputs, which is itself a finding, there is nothing to compare loss and labels with.
        if let Some(output) = self.output {
            findings.extend(output::check(self, output));
            findings.extend(labels::check(self, output));
        }
        Report::new(findings)
    }

    /// The parts of the data that there are, by name.
    fn parts(&self) -> impl Iterator<Item = (&'static str, &'a Dataset)> {
        [("training", Some(self.train)), ("validation", self.validation)]
            .into_iter()
            .filter_map(|(name, part)| Some((name, part?)))
    }

    /// The targets of the training data, if they are numbers.
    fn targets(&self) -> impl Iterator<Item = f32> + '_ {
        let (width, data) = match self.train.labels() {
            Labels::Values { width, data } => (*width, &data[..]),
            Labels::Classes { .. } | Labels::NextTokens { .. } => (0, &[][..]),
        };
        self.train.rows().flat_map(move |row| data[row * width..(row + 1) * width].iter().copied())
    }

    /// A layer as errors name it: `model.layers[2] "dense_1"`.
    fn layer(&self, name: &str) -> String {
        match self.spec.layers.iter().position(|layer| layer.name == name) {
            Some(index) => format!("model.layers[{index}] {name:?}"),
            None => format!("model layer {name:?}"),
        }
    }

    /// The layer whose result is the model's.
    fn last_layer(&self) -> String {
        self.spec.outputs.first().map_or_else(|| "model".to_owned(), |name| self.layer(name))
    }
}
