//! Permutation importance: what the metric loses if a column is shuffled, so that it tells nothing about its row.
//!
//! A column is shuffled whole, whatever numbers encode it. Source: Breiman, "Random forests", 2001; Fisher et al.,
//! 2019.

use kamado_data::Labels;
use kamado_graph::rng::Rng;
use serde::Serialize;

use super::Table;
use crate::error::Result;
use crate::explainer::Explainer;
use crate::stats::{Moments, half_width};
use crate::target::likeliest;

/// How often each column is shuffled.
const SHUFFLES: usize = 5;

/// What the metric loses without a column.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Importance {
    /// The column.
    pub column: String,
    /// The fall of the accuracy, or the rise of the mean squared error.
    pub loss: f64,
    /// Half the width of its 95 % interval over shuffles.
    pub error: f64,
}

pub(super) fn of(table: &mut Table<'_>) -> Result<(&'static str, f64, Vec<Importance>)> {
    let n = table.samples.len();
    let whole = table.mixed(n, |row| (row, row), &[])?;
    let (metric, score) = measure(table.explainer, &table.labels, &whole);
    let mut all = Vec::new();
    for (group, column) in table.columns.clone().into_iter().enumerate() {
        let mut losses = Vec::new();
        for shuffle in 0..SHUFFLES {
            let mut order: Vec<usize> = (0..n).collect();
            Rng::new(table.seed, 100 + (group * SHUFFLES + shuffle) as u64).shuffle(&mut order);
            let answers = table.mixed(n, |row| (row, order[row]), &[group])?;
            let (_, shuffled) = measure(table.explainer, &table.labels, &answers);
            losses.push(if metric == "accuracy" { score - shuffled } else { shuffled - score });
        }
        let moments = Moments::of(&losses);
        all.push(Importance { column, loss: moments.mean(), error: half_width(&moments) });
    }
    all.sort_by(|a, b| b.loss.total_cmp(&a.loss));
    Ok((metric, score, all))
}

/// The accuracy for classes, the mean squared error for numbers.
fn measure(explainer: &Explainer, labels: &Labels, answers: &[Vec<f32>]) -> (&'static str, f64) {
    let n = answers.len().max(1) as f64;
    match labels {
        Labels::Classes { indices, .. } => {
            let half = if explainer.output.ending == crate::network::Ending::Sigmoid { 0.5 } else { 0.0 };
            let class =
                |answer: &[f32]| if answer.len() == 1 { usize::from(answer[0] > half) } else { likeliest(answer) };
            let right = answers.iter().zip(indices).filter(|(answer, label)| class(answer) as i32 == **label).count();
            ("accuracy", right as f64 / n)
        }
        Labels::Values { data, .. } => {
            let square = |(answer, y): (&Vec<f32>, &f32)| f64::from(answer[0] - y).powi(2);
            ("mse", answers.iter().zip(data).map(square).sum::<f64>() / n)
        }
        Labels::NextTokens { .. } => ("accuracy", f64::NAN),
    }
}
