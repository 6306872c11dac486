//! Weights of classes and of examples, from data and recipe to loss and step.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use kamado_data::{Dataset, FeatureData, Features, Labels};
use kamado_nn::layers::{Activation, Dense};
use kamado_nn::losses::Loss;
use kamado_nn::model::{Seed, Sequential};
use kamado_nn::optimizers::Sgd;
use kamado_train::recipe::Recipe;
use kamado_train::{ClassWeight, Fit, Metric, Trainer};

/// Two examples of "cat", one of "dog".
fn animals() -> Dataset {
    let data = FeatureData::F32(vec![0.3, -0.2, 0.1, 0.9, -0.7, 0.4]);
    let features = Features { shape: vec![2], data, max_value: 1.0 };
    let labels = Labels::Classes { indices: vec![0, 1, 0], names: vec!["cat".into(), "dog".into()] };
    Dataset::new("animals", features, labels).unwrap()
}

fn trainer() -> Trainer {
    let model = Sequential::new([2]).add(Dense::new(2).activation(Activation::Softmax)).build(Seed(4)).unwrap();
    let sgd = Sgd { learning_rate: 0.1.into(), ..Sgd::default() };
    Trainer::new(model, sgd, Loss::SPARSE_CATEGORICAL_CROSSENTROPY).unwrap().metric(Metric::Perplexity)
}

fn fitted(data: &Dataset, class_weight: Option<ClassWeight>) -> (f64, Vec<f32>) {
    let mut trainer = trainer();
    let history = trainer.fit(data, Fit { epochs: 1, class_weight, ..Fit::default() }).unwrap();
    (history.epochs[0].train.loss, trainer.model().variables.iter().flat_map(|v| v.value.clone()).collect())
}

#[test]
fn a_class_weighs_as_if_each_of_its_examples_did() {
    let data = animals();
    let named = ClassWeight::Named(BTreeMap::from([("dog".to_owned(), 3.0)]));
    let by_class = fitted(&data, Some(named.clone()));
    let weighted = data.clone().with_sample_weights(&[1.0, 3.0, 1.0]).unwrap();
    assert_eq!(by_class, fitted(&weighted, None));
    assert_ne!(by_class, fitted(&data, None));
    let nothing = data.clone().with_sample_weights(&[0.0; 3]).unwrap();
    let (loss, weights) = fitted(&nothing, Some(named));
    let untouched: Vec<f32> = trainer().model().variables.iter().flat_map(|v| v.value.clone()).collect();
    assert_eq!((loss, weights), (0.0, untouched));
}

#[test]
fn evaluation_weighs_examples_but_no_metrics() {
    let data = animals();
    let (trainer, single) = (trainer(), |i| data.subset(&[i]).unwrap());
    let losses: Vec<f64> = (0..3).map(|i| trainer.evaluate(&single(i)).unwrap().loss).collect();
    let weighted = trainer.evaluate(&data.clone().with_sample_weights(&[2.0, 0.0, 0.5]).unwrap()).unwrap();
    assert!((weighted.loss - (2.0 * losses[0] + 0.5 * losses[2]) / 3.0).abs() < 1e-6);
    let mean = losses.iter().sum::<f64>() / 3.0;
    assert!((weighted.get("perplexity").unwrap() - mean.exp()).abs() < 1e-5);
    let error = data.clone().with_sample_weights(&[1.0, -1.0, 1.0]).unwrap_err().to_string();
    assert!(error.contains("-1 at example 1"), "{error}");
    assert!(data.with_sample_weights(&[1.0]).is_err());
}

#[test]
fn recipes_name_classes() {
    let recipe = |weights: &str| {
        let text = format!(
            "[data]\nsource = \"digits\"\n[model]\nlayers = [{{ type = \"flatten\" }}, {{ type = \"dense\", units = 10, \
             activation = \"softmax\" }}]\n[train]\nloss = \"sparse_categorical_crossentropy\"\nclass_weight = {weights}\n"
        );
        Recipe::parse("r.toml", &text)
    };
    let named = recipe("{ 3 = 2.0, \"7\" = 1 }").unwrap();
    let expected = BTreeMap::from([("3".to_owned(), 2.0), ("7".to_owned(), 1.0)]);
    assert_eq!(named.train.class_weight, Some(ClassWeight::Named(expected)));
    assert_eq!(Recipe::parse("r.toml", &named.to_toml()).unwrap(), named);
    assert_eq!(recipe("\"balanced\"").unwrap().train.class_weight, Some(ClassWeight::Balanced));
    assert!(recipe("\"balance\"").unwrap_err().to_string().contains("balanced"));
    assert!(recipe("{ 3 = -2 }").is_err());
}
