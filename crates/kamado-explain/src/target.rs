//! Which of the model's numbers is explained.

use crate::error::{ExplainError, Result, did_you_mean};
use crate::network::{Ending, Network};

/// The number that is explained: `offset + sign · answers[unit]`.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The class, or the output, by number.
    pub(crate) number: usize,
    pub(crate) unit: usize,
    pub(crate) sign: f64,
    pub(crate) offset: f64,
    /// The weights of the answers: `sign` at `unit`.
    pub(crate) direction: Vec<f32>,
}

impl Target {
    /// The target that is wished for, or else the likeliest class or the first output.
    pub(crate) fn new(
        network: &Network,
        labels: &[String],
        logits: bool,
        wish: Option<&str>,
        answer: &[f32],
    ) -> Result<Self> {
        // One number for two classes is that of the second.
        let second = network.units == 1 && labels.len() == 2;
        let number = match wish {
            Some(wish) => number_of(wish, if second { 2 } else { network.units }, labels)?,
            None if second => {
                let half = if network.ending == Ending::Sigmoid && !logits { 0.5 } else { 0.0 };
                usize::from(answer.first().is_some_and(|&x| x > half))
            }
            None => likeliest(answer),
        };
        let (unit, sign) = if second { (0, if number == 1 { 1.0 } else { -1.0 }) } else { (number, 1.0) };
        let offset = if second && number == 0 && network.ending == Ending::Sigmoid && !logits { 1.0 } else { 0.0 };
        let mut direction = vec![0.0; network.units];
        direction[unit] = sign as f32;
        Ok(Target { number, unit, sign, offset, direction })
    }

    /// The number that is explained.
    pub(crate) fn of(&self, answers: &[f32]) -> f64 {
        self.offset + self.sign * f64::from(answers[self.unit])
    }

    /// The number as a probability, if the model tells classes apart; as it is otherwise.
    pub(crate) fn probability(&self, network: &Network, logits: bool, answers: &[f32]) -> f64 {
        let x = self.of(answers);
        let open = logits || network.ending == Ending::Other;
        match (open, network.units) {
            (true, 1) if network.ending == Ending::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            (true, 2..) if network.ending != Ending::Sigmoid => {
                let largest = answers.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let total: f64 = answers.iter().map(|&y| f64::from(y - largest).exp()).sum();
                (x - f64::from(largest)).exp() / total
            }
            _ => x,
        }
    }
}

/// The number of the largest; the first of equals.
pub(crate) fn likeliest(answer: &[f32]) -> usize {
    (0..answer.len()).rev().max_by(|&a, &b| answer[a].total_cmp(&answer[b])).unwrap_or(0)
}

fn number_of(wish: &str, units: usize, labels: &[String]) -> Result<usize> {
    let named = || labels.iter().position(|label| label == wish);
    match wish.parse::<usize>().ok().or_else(named) {
        Some(number) if number < units => Ok(number),
        _ => {
            let names: Vec<&str> = labels.iter().map(String::as_str).collect();
            let known = match &names[..] {
                [] => format!("The model has the outputs 0 to {}", units.saturating_sub(1)),
                names => format!("The classes are {}", names.iter().take(30).copied().collect::<Vec<_>>().join(", ")),
            };
            let near = did_you_mean(wish, &names);
            Err(ExplainError::request(format!("the model has no target {wish:?}"), format!("{near}{known}")))
        }
    }
}
