//! A planted watermark is found.

use kamado_data::{Dataset, FeatureData, Features, Labels};
use kamado_explain::shortcuts::shortcuts;
use kamado_explain::{Explainer, Method, Request, Sample};
use kamado_graph::rng::Rng;
use kamado_nn::layers::{Activation, Dense, Flatten};
use kamado_nn::losses::Loss;
use kamado_nn::model::{Seed, Sequential};
use kamado_nn::optimizers::Adam;
use kamado_train::{Fit, Trainer};

const SIDE: usize = 16;

/// Grey noise with a blob somewhere in the middle; a third of class 1 has a mark in the lower right corner instead of
/// the blob.
fn pictures(count: usize) -> (Vec<f32>, Vec<i32>, Vec<bool>) {
    let mut rng = Rng::new(5, 0);
    let (mut data, mut labels, mut marked) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..count {
        let (class, mark) = (i % 2, i % 6 == 1);
        let mut picture: Vec<f32> = (0..SIDE * SIDE).map(|_| 0.2 * rng.uniform() as f32).collect();
        let (y, x) = if mark { (13, 13) } else { (3 + rng.below(7) as usize, 3 + rng.below(7) as usize) };
        // The blob of class 1 is light and that of class 0 dark.
        let tone = if class == 1 { 1.0 } else { -1.0 };
        (0..9).for_each(|k| picture[(y + k / 3) * SIDE + x + k % 3] = tone);
        data.extend(picture);
        labels.push(class as i32);
        marked.push(mark);
    }
    (data, labels, marked)
}

#[test]
fn a_watermark_is_ranked_first() {
    let (data, labels, marked) = pictures(240);
    let features = Features { shape: vec![SIDE, SIDE, 1], data: FeatureData::F32(data.clone()), max_value: 1.0 };
    let names = vec!["dark".to_owned(), "light".to_owned()];
    let train = Dataset::new("planted", features, Labels::Classes { indices: labels, names: names.clone() }).unwrap();
    let model = Sequential::new([SIDE, SIDE, 1])
        .add(Flatten)
        .add(Dense::new(32).activation(Activation::Relu))
        .add(Dense::new(2).activation(Activation::Softmax))
        .build(Seed(2))
        .unwrap();
    let mut trainer = Trainer::new(model, Adam::default(), Loss::SPARSE_CATEGORICAL_CROSSENTROPY).unwrap();
    trainer.fit(&train, Fit { epochs: 12, batch_size: 16, ..Fit::default() }).unwrap();
    let mut explainer = Explainer::of_model(trainer.into_model(), names, Some(1)).unwrap();
    let samples: Vec<Sample> = data.chunks_exact(SIDE * SIDE).map(Sample::of).collect();
    let request = Request { checks: false, ..Request::new(Method::IntegratedGradients) };
    let groups = shortcuts(&explainer.explain(&samples, &request).unwrap(), 0).unwrap();
    let first = &groups[0];
    assert!(first.suspicious && first.peak.0 >= 6 && first.peak.1 >= 6, "{first:?}");
    let right = first.members.iter().filter(|&&i| marked[i]).count();
    assert!(right * 10 >= first.members.len() * 9 && right >= 36, "{right} of {}", first.members.len());
    assert_eq!(first.targets[0].0, 1, "the mark stands for the light class");
    assert!(groups[1..].iter().all(|group| group.suspicion < 0.7 * first.suspicion), "{groups:?}");
}
