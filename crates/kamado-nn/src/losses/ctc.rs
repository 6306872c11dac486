//! Sequences whose alignment is not known.

use kamado_graph::shape::{Dim, Shape, TensorType};
use serde::{Deserialize, Serialize};

use super::logits::logits;
use super::{Each, Expects, Rule, Site, error};
use crate::error::NnError;

/// Connectionist temporal classification: `-ln` of the probability that the output, read without repetitions and without
/// blanks, is the target. Output `[B, T, classes]`, of which one class is the blank; targets are integers `[B, L]`, of which
/// negative ones are padding. Where time steps have a mask, only the real ones are read.
///
/// The loss of an example is not divided by its length, as in Keras; PyTorch's `CTCLoss` divides it by the number of its
/// labels. A target that is too long for its time steps, counting one step more between equal neighbours, has an infinite
/// loss; see `zero_infinity`.
///
/// Source: Graves et al., "Connectionist temporal classification", 2006.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ctc {
    /// The class that stands for no label; 0 by default.
    pub blank: usize,
    /// Whether impossible targets have loss and gradient 0 rather than infinity; false by default, as in PyTorch.
    pub zero_infinity: bool,
    /// `L`, the number of integers per example with padding; as many as there are time steps by default.
    pub max_label_length: Option<usize>,
    /// Whether the output is logits rather than a softmax; false by default.
    pub from_logits: bool,
}

impl Rule for Ctc {
    const NAME: &'static str = "ctc";

    fn targets(&self, output: &Shape) -> Result<Option<TensorType>, NnError> {
        let [batch, Dim::Fixed(steps), Dim::Fixed(classes)] = output[..] else {
            let problem =
                format!("expected an output [B, T, classes], got {output}; end the model in a layer of sequences");
            return Err(error(self, problem));
        };
        if self.blank >= classes {
            let problem = format!("blank = {} is not one of the {classes} classes of the output", self.blank);
            return Err(error(self, format!("{problem}; choose one from 0 to {}", classes.saturating_sub(1))));
        }
        let labels = self.max_label_length.unwrap_or(steps);
        if labels == 0 || labels > steps {
            let problem = format!("max_label_length must be from 1 to {steps}, the number of time steps, got {labels}");
            return Err(error(self, problem));
        }
        Ok(Some(TensorType::i32(Shape(vec![batch, Dim::Fixed(labels)]))))
    }

    fn expects(&self) -> Expects {
        Expects::Softmax { from_logits: self.from_logits }
    }

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        let logits = logits(self, at)?;
        Ok(at.graph.ctc(logits, at.targets, at.mask, self.blank, self.zero_infinity)?.into())
    }
}
