//! Concepts and examples on models whose answer is known.

use kamado_explain::concept::concept;
use kamado_explain::examples::{influence, nearest, prototypes};
use kamado_explain::{Explainer, Sample};
use kamado_graph::rng::Rng;
use kamado_nn::layers::{Activation, Dense};
use kamado_nn::model::{Seed, Sequential};

/// Two outputs that are the first and the second number, through a hidden layer that passes numbers on.
fn transparent() -> Explainer {
    let model = Sequential::new([3]).add(Dense::new(3).activation(Activation::Relu)).add(Dense::new(2));
    let mut model = model.build(Seed(1)).unwrap();
    for variable in &mut model.variables {
        variable.value.fill(0.0);
        match variable.info.name.as_str() {
            "dense.kernel" => (0..3).for_each(|i| variable.value[i * 4] = 1.0),
            "dense_1.kernel" => (0..2).for_each(|i| variable.value[i * 3] = 1.0),
            _ => {}
        }
    }
    Explainer::of_model(model, Vec::new(), Some(1)).unwrap()
}

fn cloud(centre: [f32; 3], count: usize, seed: u64) -> Vec<Sample> {
    let mut rng = Rng::new(seed, 0);
    let mut around = |x: f32| x + 0.1 * rng.normal() as f32;
    (0..count).map(|_| Sample::of(centre.map(&mut around))).collect()
}

#[test]
fn a_concept_that_matters_is_told_from_one_that_does_not() {
    let mut explainer = transparent();
    let (others, class) = (cloud([1.0; 3], 40, 1), cloud([1.0; 3], 10, 2));
    let mut score = |centre: [f32; 3], target: &str| {
        let own = cloud(centre, 20, 3);
        concept(&mut explainer, [&own, &others, &class], target, Some("dense"), 0).unwrap()
    };
    let first = score([3.0, 1.0, 1.0], "0");
    assert!(first.score == 1.0 && first.passed && first.layer == "dense", "{first:?}");
    let against = score([0.2, 1.0, 1.0], "0");
    assert!(against.score == 0.0 && against.passed, "{against:?}");
    let error = concept(&mut explainer, [&others[..2], &others, &class], "0", None, 0).unwrap_err().to_string();
    assert!(error.contains("too few"), "{error}");
}

#[test]
fn near_and_influential_examples() {
    let mut explainer = transparent();
    let examples = [
        Sample::of([1.0, 0.0, 0.0]),
        Sample::of([0.0, 2.0, 0.0]),
        Sample::of([0.0, 0.0, 1.0]),
        Sample::of([2.0, 0.1, 0.0]),
    ];
    let near = nearest(&mut explainer, &Sample::of([5.0, 0.1, 0.0]), &examples, 2).unwrap();
    assert_eq!(near.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [0, 3]);
    assert!(near[0].1 > 0.99);
    let x = Sample::of([0.2, 0.0, 0.0]);
    let found = influence(&mut explainer, (&x, 0), (&examples, &[1, 1, 0, 0]), 4).unwrap();
    // (p - y)·(p' - y') (h·h' + 1), by hand.
    for ((i, value), (known, by_hand)) in found.into_iter().zip([(2, 0.8), (1, 0.0), (0, -0.96), (3, -1.12)]) {
        assert!(i == known && (value - by_hand).abs() < 1e-6, "{i} {value}");
    }
    assert!(influence(&mut explainer, (&x, 0), (&examples, &[1]), 4).is_err());
}

#[test]
fn prototypes_stand_for_every_cloud() {
    let mut explainer = transparent();
    let examples = [cloud([1.0, 0.0, 0.0], 20, 4), cloud([0.0, 5.0, 0.0], 20, 5), vec![Sample::of([9.0; 3])]].concat();
    let (chosen, criticisms) = prototypes(&mut explainer, &examples, 2).unwrap();
    let mut clouds: Vec<usize> = chosen.iter().map(|i| i / 20).collect();
    clouds.sort_unstable();
    assert_eq!(clouds, [0, 1]);
    assert_eq!(criticisms.len(), 2);
    assert!(prototypes(&mut explainer, &[], 2).is_err());
}
