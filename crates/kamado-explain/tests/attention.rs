//! Attention: published rollouts, and maps against the engine's own result.

mod common;

use common::{assert_near, flat, vectors};
use kamado_explain::{AttentionMap, Explainer, Fuse, Method, Request, Sample, rollout};
use kamado_nn::layers::{Dense, Embedding, GlobalAveragePooling1d, MultiHeadAttention};
use kamado_nn::model::{Model, Seed, Sequential};

#[test]
fn published_rollouts() {
    let known = &vectors()["attention_rollout"];
    let layers: Vec<AttentionMap> = known["attention"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| {
            let probabilities = flat(layer);
            let gradient = vec![1.0; probabilities.len()];
            AttentionMap { layer: "a".into(), heads: 2, tokens: [4, 4], probabilities, gradient }
        })
        .collect();
    for (how, name) in [(Fuse::Mean, "mean"), (Fuse::Max, "max"), (Fuse::Min, "min")] {
        let maps: Vec<Vec<f64>> = layers.iter().map(|layer| layer.fused(how)).collect();
        assert_near(&rollout(&maps, 4), &flat(&known["rollout"][name]), 1e-12, name);
    }
    assert_near(&layers[0].relevant(), &layers[0].fused(Fuse::Mean), 1e-15, "with gradients of one");
}

fn reader() -> Model {
    Sequential::with_tokens([5])
        .add(Embedding::new(12, 8).mask_zero(true))
        .add(MultiHeadAttention::new(2, 4))
        .add(GlobalAveragePooling1d::new())
        .add(Dense::new(2))
        .build(Seed(4))
        .unwrap()
}

#[test]
fn probabilities_add_up_and_padding_is_not_seen() {
    let mut explainer = Explainer::of_model(reader(), Vec::new(), Some(1)).unwrap();
    let text = Sample::of_tokens([3, 9, 1, 7, 0]);
    let maps = explainer.attention(&text, &Request::new(Method::AttentionRollout)).unwrap();
    assert_eq!((maps.len(), maps[0].heads, maps[0].tokens), (1, 2, [5, 5]));
    for row in maps[0].probabilities.chunks_exact(5) {
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-9 && row[4] == 0.0, "{row:?}");
    }
    for method in [Method::AttentionRollout, Method::AttentionXGradient] {
        let found = explainer.explain(std::slice::from_ref(&text), &Request::new(method)).unwrap().remove(0);
        let values = found.values();
        assert_eq!(values.len(), 5);
        assert!((values.iter().sum::<f64>() - 1.0).abs() < 1e-9, "rows of a rollout add up to one: {values:?}");
    }
}

#[test]
fn a_model_without_attention_says_so() {
    let model = Sequential::new([3]).add(Dense::new(2)).build(Seed(1)).unwrap();
    let mut explainer = Explainer::of_model(model, Vec::new(), Some(1)).unwrap();
    let request = Request::new(Method::AttentionRollout);
    let error = explainer.explain(&[Sample::of([1.0, 2.0, 3.0])], &request).unwrap_err().to_string();
    assert!(error.contains("the model has no attention"), "{error}");
}
