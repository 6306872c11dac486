//! Models with several inputs, from end to end.
#![forbid(unsafe_code)]

use std::sync::Arc;

use kamado_data::{DataError, Dataset, Examples, FeatureData, Features, FeaturesMut, Input, Labels};
use kamado_graph::rng::Rng;
use kamado_nn::layers::{CategoryEmbedding, Concatenate, Dense};
use kamado_nn::losses::Loss;
use kamado_nn::model::{FunctionalBuilder, Model, Seed};
use kamado_nn::optimizers::Adam;
use kamado_train::{Fit, Trainer};

/// One number per row that is read when it is needed.
#[derive(Debug)]
struct Lazy(Vec<f32>);

impl Examples for Lazy {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn read(&self, row: usize, _: Option<&mut Rng>, out: FeaturesMut<'_>) -> Result<(), DataError> {
        if let FeaturesMut::F32(out) = out {
            out.copy_from_slice(&self.0[row..=row]);
        }
        Ok(())
    }

    fn identity(&self, row: usize) -> Vec<u8> {
        self.0[row].to_le_bytes().to_vec()
    }
}

/// `y = x + [0, 1, -2][category] + lazy / 2`, with the inputs in this order.
fn data(names: [&str; 3]) -> Dataset {
    let shift = [0.0, 1.0, -2.0];
    let x: Vec<f32> = (0..60).map(|i| (i * 7 % 11) as f32 / 11.0 - 0.5).collect();
    let category: Vec<i32> = (0..60).map(|i| i * 5 % 3).collect();
    let lazy: Vec<f32> = (0..60).map(|i| (i * 3 % 13) as f32 / 13.0 - 0.5).collect();
    let y = (0..60).map(|i| x[i] + shift[category[i] as usize] + lazy[i] / 2.0).collect();
    let input =
        |name: &str, data| Input { name: name.to_owned(), features: Features { shape: vec![1], data, max_value: 1.0 } };
    let inputs = vec![
        input(names[0], FeatureData::F32(x)),
        input(names[1], FeatureData::Tokens { tokens: category, stride: 1 }),
        input(names[2], FeatureData::Lazy(Arc::new(Lazy(lazy)))),
    ];
    Dataset::of_inputs("three inputs", inputs, Labels::Values { width: 1, data: y }).unwrap()
}

fn model() -> Model {
    let mut b = FunctionalBuilder::new();
    // Not in the order of the data: names decide.
    let category = b.input_i32("categories", [1]);
    let lazy = b.input("lazy", [1]);
    let table = b.input("table", [1]);
    let category = b.layer(CategoryEmbedding::new([3], 2), &[category]);
    let all = b.layer(Concatenate::default(), &[category, lazy, table]);
    let y = b.layer(Dense::new(1), &[all]);
    b.build(&[y], Seed(3)).unwrap()
}

fn trainer() -> Trainer {
    Trainer::new(model(), Adam { learning_rate: 0.05.into(), ..Adam::default() }, Loss::MSE).unwrap()
}

#[test]
fn every_input_reaches_the_model_by_its_name() {
    let data = data(["table", "categories", "lazy"]);
    let mut trainer = trainer();
    let fit = Fit { epochs: 60, batch_size: 8, validation: Some(&data), ..Fit::default() };
    let history = trainer.fit(&data, fit).unwrap();
    let loss = history.epochs.last().and_then(|epoch| epoch.validation.as_ref()).unwrap().loss;
    assert!(loss < 1e-4, "the sum is linear and can be learnt exactly, but the loss is {loss}");
    let waited = history.epochs[0].waited;
    assert!((0.0..=1.0).contains(&waited), "{waited}");
    assert_eq!(trainer.evaluate(&data).unwrap().loss, loss);
    let Labels::Values { data: y, .. } = data.labels() else { panic!() };
    let predictions = trainer.predict(&data).unwrap();
    assert!(predictions.data.iter().zip(y).all(|(p, y)| (p - y).abs() < 0.1));
}

#[test]
fn inputs_that_the_model_does_not_have_are_told() {
    let data = data(["table", "categories", "picture"]);
    let error = trainer().fit(&data, Fit::default()).unwrap_err().to_string();
    assert!(
        error.contains("the data have an input \"picture\", but the model takes categories, lazy, table"),
        "{error}"
    );
    let error = trainer().predict(&data).unwrap_err().to_string();
    assert!(error.contains("\"picture\""), "{error}");
}
