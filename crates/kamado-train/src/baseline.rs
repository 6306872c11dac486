//! What is achieved without looking at the input: the result to beat.

use std::fmt;

use kamado_data::{Dataset, Labels};
use serde::Serialize;

/// The best answer that ignores the input, learnt on the training data and measured on other data.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Baseline {
    /// Always the most frequent class of the training data.
    MajorityClass {
        /// Its name.
        class: String,
        /// The share of examples that are of this class.
        accuracy: f64,
        /// `mean -ln p(class)` with `p` the shares of the classes in the training data: the cross-entropy of answering
        /// with those shares. Infinite (in JSON `null`) if there is a class that the training data lacks.
        loss: f64,
    },
    /// Always the frequencies of the tokens in the training text, whatever came before.
    TokenFrequencies {
        /// `mean -ln p(token)` in nats per token. Infinite (in JSON `null`) if there is a token that the training text
        /// lacks.
        loss: f64,
        /// The share of the tokens that are the most frequent one of the training text.
        accuracy: f64,
    },
    /// Always the mean of the training targets.
    Mean {
        /// The mean squared error.
        mse: f64,
        /// The mean absolute error.
        mae: f64,
    },
}

impl Baseline {
    /// The baseline of `train`, measured on `test`; `None` if one of them is empty or their labels are of different
    /// kinds.
    pub fn measure(train: &Dataset, test: &Dataset) -> Option<Baseline> {
        if train.is_empty() || test.is_empty() || train.label_width() != test.label_width() {
            return None;
        }
        match (train.labels(), test.labels()) {
            (Labels::Classes { names, .. }, Labels::Classes { .. }) => majority(train, test, names),
            (Labels::Values { width, data }, Labels::Values { data: test_data, .. }) => {
                Some(mean(*width, &rows(train, data, *width), &rows(test, test_data, *width)))
            }
            (Labels::NextTokens { names }, Labels::NextTokens { .. }) => Some(frequencies(train, test, names.len())),
            _ => None,
        }
    }
}

fn frequencies(train: &Dataset, test: &Dataset, tokens: usize) -> Baseline {
    let counts = |data: &Dataset| {
        let mut counts = vec![0.0f64; tokens.max(1)];
        let places = data.next_tokens();
        places.filter_map(|token| usize::try_from(token).ok()).for_each(|token| {
            counts.get_mut(token).into_iter().for_each(|count| *count += 1.0);
        });
        counts
    };
    let (seen, asked) = (counts(train), counts(test));
    let (seen_total, total) = (seen.iter().sum::<f64>(), asked.iter().sum::<f64>());
    let nats = |(&n, &m): (&f64, &f64)| if m > 0.0 { -(n / seen_total).ln() * m } else { 0.0 };
    let loss = seen.iter().zip(&asked).map(nats).sum::<f64>() / total;
    let most = (0..seen.len()).rev().max_by(|&a, &b| seen[a].total_cmp(&seen[b])).unwrap_or(0);
    Baseline::TokenFrequencies { loss, accuracy: asked[most] / total }
}

fn majority(train: &Dataset, test: &Dataset, names: &[String]) -> Option<Baseline> {
    let counts = train.class_counts()?;
    let mut test_counts = test.class_counts()?;
    test_counts.resize(counts.len().max(test_counts.len()), 0);
    // The first of equally frequent classes, as argmax would have it.
    let most = (0..counts.len()).rev().max_by_key(|&class| counts[class])?;
    let n = test.len() as f64;
    let share = |class: usize| counts.get(class).copied().unwrap_or(0) as f64 / train.len() as f64;
    let seen = test_counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let loss = seen.map(|(class, &count)| -share(class).ln() * count as f64).sum::<f64>() / n;
    let class = names.get(most).cloned().unwrap_or_else(|| most.to_string());
    Some(Baseline::MajorityClass { class, accuracy: test_counts[most] as f64 / n, loss })
}

fn mean(width: usize, train: &[f32], test: &[f32]) -> Baseline {
    let mut means = vec![0.0; width];
    train.iter().enumerate().for_each(|(i, &y)| means[i % width] += f64::from(y));
    let examples = (train.len() / width) as f64;
    let errors = || test.iter().enumerate().map(|(i, &y)| f64::from(y) - means[i % width] / examples);
    let n = test.len() as f64;
    Baseline::Mean { mse: errors().map(|e| e * e).sum::<f64>() / n, mae: errors().map(f64::abs).sum::<f64>() / n }
}

/// The targets of the examples of this view.
fn rows(dataset: &Dataset, data: &[f32], width: usize) -> Vec<f32> {
    dataset.rows().flat_map(|row| &data[row * width..(row + 1) * width]).copied().collect()
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Baseline::MajorityClass { class, accuracy, loss } => {
                write!(f, "always class {class:?}: loss: {loss:.4} - accuracy: {accuracy:.4}")
            }
            Baseline::TokenFrequencies { loss, accuracy } => {
                write!(f, "always the frequencies of the tokens: loss: {loss:.4} - accuracy: {accuracy:.4}")
            }
            Baseline::Mean { mse, mae } => write!(f, "always the mean: mse: {mse:.4} - mae: {mae:.4}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{classes, values};

    #[test]
    fn the_most_frequent_class_of_the_training_data() {
        let train = classes(&[1, 1, 2, 0], 3);
        let test = classes(&[1, 2, 2], 3);
        let Some(Baseline::MajorityClass { class, accuracy, loss }) = Baseline::measure(&train, &test) else {
            panic!()
        };
        assert_eq!((class.as_str(), accuracy), ("class 1", 1.0 / 3.0));
        assert!((loss - (0.5f64.ln() + 2.0 * 0.25f64.ln()) / -3.0).abs() < 1e-15);
    }

    #[test]
    fn a_class_that_training_lacks_costs_infinitely_much() {
        let baseline = Baseline::measure(&classes(&[0, 0], 2), &classes(&[0, 1], 2)).unwrap();
        assert!(matches!(baseline, Baseline::MajorityClass { loss: f64::INFINITY, accuracy: 0.5, .. }));
        assert!(serde_json::to_string(&baseline).unwrap().contains(r#""loss":null"#));
    }

    #[test]
    fn the_mean_of_each_target() {
        let baseline = Baseline::measure(&values(&[1.0, 10.0, 3.0, 30.0], 2), &values(&[0.0, 20.0], 2));
        assert_eq!(baseline, Some(Baseline::Mean { mse: 2.0, mae: 1.0 }));
        assert_eq!(Baseline::measure(&values(&[1.0], 1), &classes(&[0], 1)), None);
    }
}
