//! Layers, initialisers, losses, optimisers, models and the model file.
//!
//! A [`Sequential`](model::Sequential) or [`FunctionalBuilder`](model::FunctionalBuilder) describes a model; both give
//! a [`Model`](model::Model): its [`ModelSpec`](model::ModelSpec) and its weights. From a model come graphs: one for
//! prediction, one for evaluation, one for training with loss, gradients and updates. Names, argument order and
//! defaults are those of Keras 3.
//!
//! ```
//! use kamado_nn::layers::{Activation, Conv2d, Dense, Flatten};
//! use kamado_nn::model::{Seed, Sequential};
//!
//! let model = Sequential::new([28, 28, 1])
//!     .add(Conv2d::new(32, [3, 3]).activation(Activation::Relu))
//!     .add(Flatten)
//!     .add(Dense::new(64).activation(Activation::Relu))
//!     .add(Dense::new(10).activation(Activation::Softmax))
//!     .build(Seed(7))?;
//! assert!(model.summary()?.contains("Total params: 1,385,482 (5.29 MB)"));
//! # Ok::<(), kamado_nn::NnError>(())
//! ```
#![forbid(unsafe_code)]

mod error;
pub mod init;
pub mod layers;
pub mod losses;
pub mod model;
pub mod model_file;
mod one_or_more;
pub mod optimizers;
mod text_or_table;

pub use error::NnError;
