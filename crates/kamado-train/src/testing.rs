//! Small datasets for tests.

use kamado_data::{Dataset, FeatureData, Features, Labels};
use kamado_nn::losses::{Loss, SparseCategoricalCrossentropy};

/// A cross-entropy of logits.
pub(crate) const SPARSE_LOGITS: Loss = Loss::SparseCategoricalCrossentropy(SparseCategoricalCrossentropy {
    from_logits: true,
    ignore_class: None,
    label_smoothing: 0.0,
});

/// Examples `[2]` with these classes, of `classes`.
pub(crate) fn classes(labels: &[i32], classes: usize) -> Dataset {
    let names = (0..classes).map(|class| format!("class {class}")).collect();
    with_labels(labels.len(), Labels::Classes { indices: labels.to_vec(), names })
}

/// Examples `[2]` with these targets.
pub(crate) fn values(targets: &[f32], width: usize) -> Dataset {
    with_labels(targets.len() / width, Labels::Values { width, data: targets.to_vec() })
}

fn with_labels(examples: usize, labels: Labels) -> Dataset {
    let data = (0..2 * examples).map(|i| (i * 7 % 17) as f32 / 17.0).collect();
    let features = Features { shape: vec![2], data: FeatureData::F32(data), max_value: 1.0 };
    Dataset::new("test data", features, labels).unwrap()
}
