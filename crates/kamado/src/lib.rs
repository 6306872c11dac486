//! A training compiler for small teams: one library from raw data to a trained, evaluated model.
//!
//! Names, argument order and defaults are those of Keras; the whole training step (forward, backward, update) is one
//! graph that is compiled before it runs.
//!
//! ```
//! use kamado::prelude::*;
//!
//! let digits = digits::load()?;
//! let parts = stratified_split(&digits.classes().unwrap_or_default(), &[Part::Fraction(0.8), Part::Rest], 7)?;
//! let (train, test) = (digits.subset(&parts[0])?, digits.subset(&parts[1])?);
//!
//! let model = Sequential::new([8, 8, 1])
//!     .add(Conv2d::new(16, [3, 3]).activation(Activation::Relu))
//!     .add(Flatten)
//!     .add(Dense::new(64).activation(Activation::Relu))
//!     .add(Dense::new(10).activation(Activation::Softmax))
//!     .build(Seed(7))?;
//! let mut trainer = Trainer::new(model, Adam::default(), Loss::SPARSE_CATEGORICAL_CROSSENTROPY)?
//!     .metric(Metric::Accuracy)
//!     .preprocessing(digits::preprocessing());
//! let history = trainer.fit(&train, Fit { epochs: 3, batch_size: 32, ..Fit::default() })?;
//! let result = trainer.evaluate(&test)?;
//!
//! assert_eq!(history.epochs.len(), 3);
//! assert!(result.get("accuracy") > Some(0.8), "{result}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The crates behind it, from the top down: [`train`], [`data`], [`nn`], [`engine`], [`graph`].
#![forbid(unsafe_code)]

#[doc(inline)]
pub use kamado_data as data;
#[doc(inline)]
pub use kamado_engine as engine;
#[doc(inline)]
pub use kamado_explain as explain;
#[doc(inline)]
pub use kamado_graph as graph;
#[doc(inline)]
pub use kamado_nn as nn;
#[doc(inline)]
pub use kamado_privacy as privacy;
#[doc(inline)]
pub use kamado_train as train;

/// What a training program needs, in one `use`.
pub mod prelude {
    pub use kamado_data::sources::{digits, idx_files, mnist};
    pub use kamado_data::{
        Augment, Dataset, FeatureData, Features, Labels, Part, Preprocessing, random_split, stratified_split,
    };
    pub use kamado_explain::{Explainer, Explanation};
    pub use kamado_nn::init::Initializer;
    pub use kamado_nn::layers::*;
    pub use kamado_nn::losses::Loss;
    pub use kamado_nn::model::{FunctionalBuilder, Model, Seed, Sequential};
    pub use kamado_nn::optimizers::schedules::Schedule;
    pub use kamado_nn::optimizers::{
        Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Group, Lamb, LearningRate, Lion, Nadam, Optimizer, Options,
        RmsProp, Sgd,
    };
    pub use kamado_train::recipe::Recipe;
    pub use kamado_train::{
        Baseline, Bytes, Decoding, Evaluation, Fit, Generation, Generator, History, Metric, Precision, Predictor,
        Sampling, StopFlag, Trainer,
    };
}
