//! What a model does over many rows: which columns matter, how the answer moves with them, and which work together.

mod dependence;
mod importance;
mod interaction;
mod page;

use kamado_data::media::Media;
use kamado_data::{Frame, Labels};
use serde::Serialize;
use std::sync::Arc;

use crate::error::{ExplainError, Result};
use crate::explainer::Explainer;
use crate::groups::Groups;
use crate::raw::RawReader;
use crate::sample::Sample;
use crate::target::Target;

pub use dependence::{Dependence, Point};
pub use importance::Importance;
pub use interaction::Interaction;
pub use page::html;

/// The rows that curves and interactions are drawn from.
const ROWS: usize = 200;

/// What a model does over the rows of a table.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Global {
    /// The rows that were measured.
    pub rows: usize,
    /// The class or output whose number the curves show.
    pub target: usize,
    /// Its name.
    pub label: Option<String>,
    /// `accuracy`, or `mse` for numbers.
    pub metric: &'static str,
    /// The metric on the rows as they are.
    pub score: f64,
    /// What the metric loses without each column, the most important first.
    pub importance: Vec<Importance>,
    /// How the answer moves with each column, the most important first.
    pub dependence: Vec<Dependence>,
    /// How much of what two columns do they do together, the strongest first.
    pub interaction: Vec<Interaction>,
}

/// Rows with their labels, and which numbers each column becomes.
pub(crate) struct Table<'a> {
    pub(crate) explainer: &'a mut Explainer,
    pub(crate) reader: &'a RawReader,
    pub(crate) frame: &'a Frame,
    pub(crate) samples: Vec<Sample>,
    pub(crate) labels: Labels,
    pub(crate) columns: Vec<String>,
    pub(crate) groups: Groups,
    pub(crate) target: Target,
    pub(crate) seed: u64,
}

impl Global {
    /// Measures a model on a table with labels; `target` names the class or output whose curves are drawn, the last if
    /// it is left out.
    ///
    /// # Errors
    /// If the model was not trained on tables, or the rows have no labels or do not fit.
    pub fn of(
        explainer: &mut Explainer,
        reader: &RawReader,
        frame: &Frame,
        target: Option<&str>,
        seed: u64,
    ) -> Result<Self> {
        let mut table = Table::new(explainer, reader, frame, target, seed)?;
        let (metric, score, importance) = importance::of(&mut table)?;
        let ranked: Vec<String> = importance.iter().map(|column| column.column.clone()).collect();
        let dependence = dependence::of(&mut table, &ranked)?;
        let interaction = interaction::of(&mut table, &ranked)?;
        let (number, rows) = (table.target.number, table.samples.len());
        let label = table.explainer.labels.get(number).cloned();
        Ok(Global { rows, target: number, label, metric, score, importance, dependence, interaction })
    }
}

impl<'a> Table<'a> {
    fn new(
        explainer: &'a mut Explainer,
        reader: &'a RawReader,
        frame: &'a Frame,
        target: Option<&str>,
        seed: u64,
    ) -> Result<Self> {
        let refuse = || {
            let problem = "the model was not trained on the columns of a table";
            ExplainError::request(problem, "Explain single examples instead")
        };
        let pipeline = reader.pipeline().ok_or_else(refuse)?;
        let data = pipeline.dataset("the rows", frame, &Arc::new(Media::new()))?;
        let samples = reader.samples_of(&data)?;
        let first = reader.rows(&frame.take(&[0])?)?.pop().ok_or_else(refuse)?;
        let groups = first.groups.ok_or_else(refuse)?;
        let columns = first.features.into_iter().map(|feature| feature.name).collect();
        let labels = explainer.labels.clone();
        let last = labels.len().max(explainer.units()).saturating_sub(1).to_string();
        let answer = vec![0.0; explainer.units()];
        let target = Target::new(&explainer.output, &labels, false, Some(target.unwrap_or(&last)), &answer)?;
        Ok(Table { explainer, reader, frame, samples, labels: data.labels().clone(), columns, groups, target, seed })
    }

    /// The answers for rows, each a sample in which some groups come from another sample.
    pub(crate) fn mixed(
        &mut self,
        rows: usize,
        of: impl Fn(usize) -> (usize, usize),
        groups: &[usize],
    ) -> Result<Vec<Vec<f32>>> {
        let mut answers = Vec::with_capacity(rows);
        let (samples, parts) = (&self.samples, &self.groups.of);
        self.explainer.output.answers(
            rows,
            &mut |row, input, mut slot| {
                let (own, other) = of(row);
                slot.copy(&samples[own].0[input]);
                let taken = parts[input].iter().enumerate().filter(|(_, group)| groups.contains(group));
                taken.for_each(|(i, _)| slot.copy_at(i, &samples[other].0[input]));
            },
            &mut |_, answer| answers.push(answer.to_vec()),
        )?;
        Ok(answers)
    }

    /// Some rows, spread evenly.
    pub(crate) fn some_rows(&self, most: usize) -> Vec<usize> {
        let (n, most) = (self.samples.len(), most.min(self.samples.len()));
        (0..most).map(|i| i * n / most).collect()
    }
}
