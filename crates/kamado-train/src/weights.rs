//! How much examples count in the loss.

use std::collections::BTreeMap;

use kamado_data::{Dataset, Labels};
use kamado_engine::Feed;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::recipe::suggest::closest;

/// How much the examples of each class count in the loss of training. As in Keras, a weight multiplies the loss of an
/// example, and the mean still divides by the number of examples. Evaluation does not weigh classes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeight {
    /// `examples / (classes · examples of the class)`, so that all classes count alike; as in scikit-learn.
    Balanced,
    /// The weights of classes by name; 1 for others.
    #[serde(untagged)]
    Named(BTreeMap<String, f64>),
}

/// The weights of a batch.
pub(crate) struct Weights {
    data: Vec<f32>,
    classes: Option<Vec<f32>>,
}

impl Weights {
    /// Memory for `batch` examples; `None` if all count alike.
    ///
    /// # Errors
    /// If there is no such class, the labels are no classes, or a weight is negative.
    pub(crate) fn new(data: &Dataset, wish: Option<&ClassWeight>, batch: usize) -> Result<Option<Self>, TrainError> {
        let classes = wish.map(|wish| class_weights(data, wish)).transpose()?;
        let needed = classes.is_some() || data.has_sample_weights();
        Ok(needed.then(|| Weights { data: vec![1.0; batch], classes }))
    }

    /// Takes the weights of these examples.
    pub(crate) fn fill(&mut self, data: &Dataset, examples: &[usize]) {
        for (to, &example) in self.data.iter_mut().zip(examples) {
            *to = data.sample_weight(example);
            if let (Some(weights), Labels::Classes { indices, .. }) = (&self.classes, data.labels()) {
                *to *= weights[indices[data.row(example)] as usize];
            }
        }
    }

    /// The first `examples` weights, for the engine.
    pub(crate) fn feed(&self, examples: usize) -> Feed<'_> {
        Feed::F32(&self.data[..examples])
    }
}

/// The weight of each class.
fn class_weights(data: &Dataset, wish: &ClassWeight) -> Result<Vec<f32>, TrainError> {
    let (Labels::Classes { names, .. }, Some(counts)) = (data.labels(), data.class_counts()) else {
        let problem = format!("class_weight needs one class per example, but the labels of {} are others", data.name());
        return Err(TrainError::request(problem, "Leave out class_weight, or give the dataset sample weights"));
    };
    let ClassWeight::Named(named) = wish else {
        let balanced = |&count: &usize| (data.len() as f64 / (counts.len() * count.max(1)) as f64) as f32;
        return Ok(counts.iter().map(balanced).collect());
    };
    let mut weights = vec![1.0; names.len()];
    for (name, &weight) in named {
        let Some(class) = names.iter().position(|known| known == name) else {
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            let near = closest(name, &known).map_or_else(String::new, |near| format!("did you mean {near:?}? "));
            let listed = known.iter().take(20).copied().collect::<Vec<_>>().join(", ");
            let problem = format!("class_weight names a class {name:?}, which {} does not have", data.name());
            return Err(TrainError::request(problem, format!("{near}Its classes are {listed}")));
        };
        if !(weight >= 0.0 && weight.is_finite()) {
            let problem = format!("the class weight of {name:?} is {weight}");
            return Err(TrainError::request(problem, "Give a number of at least 0"));
        }
        weights[class] = weight as f32;
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{classes, values};

    fn named(weights: &[(&str, f64)]) -> ClassWeight {
        ClassWeight::Named(weights.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect())
    }

    #[test]
    fn classes_and_examples_weigh_together() {
        let data = classes(&[0, 1, 1, 1], 2).with_sample_weights(&[2.0, 1.0, 0.5, 1.0]).unwrap();
        let view = data.subset(&[2, 0]).unwrap();
        let mut weights = Weights::new(&view, Some(&named(&[("class 1", 4.0)])), 2).unwrap().unwrap();
        weights.fill(&view, &[1, 0]);
        assert_eq!(weights.data, [2.0, 2.0]);
        assert_eq!(class_weights(&data, &ClassWeight::Balanced).unwrap(), [2.0, 4.0 / 6.0]);
        assert!(Weights::new(&classes(&[0], 1), None, 1).unwrap().is_none());
    }

    #[test]
    fn mistakes_are_named() {
        let error = |data: &Dataset, wish| class_weights(data, &wish).unwrap_err().to_string();
        let data = classes(&[0, 1], 2);
        let unknown = error(&data, named(&[("clas 1", 1.0)]));
        assert!(unknown.contains("did you mean \"class 1\"?"), "{unknown}");
        assert!(error(&data, named(&[("class 1", -1.0)])).contains("at least 0"));
        assert!(error(&values(&[1.0], 1), ClassWeight::Balanced).contains("one class per example"));
    }
}
