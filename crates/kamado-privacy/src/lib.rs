//! Differential privacy for training: what a run costs, noise for a given cost, and bounds on the truth from both sides.
//!
//! [`Accountant`] composes steps of the Poisson-sampled Gaussian mechanism numerically: every step becomes a distribution of
//! privacy losses on a grid, once made worse and once made better than it is, and both are convolved by FFT. The true
//! `epsilon` lies between the two answers. [`rdp`] is an independent and looser bound, to check against.
//!
//! A [`PrivacyPlan`] is what a run does, before it begins; from it come the [`PoissonSampler`] that draws batches, the
//! [`Noise`] of their sums, and the account. A [`Ledger`] keeps what was charged, and a [`Certificate`] says what it comes to.
//!
//! The unit is one example; neighbouring data sets differ by adding or removing one.
#![forbid(unsafe_code)]

pub mod accountant;
pub mod audit;
pub mod certificate;
pub mod error;
pub mod gaussian;
pub mod ledger;
pub mod mechanism;
pub mod noise;
pub mod plan;
pub mod rdp;
pub mod sampler;

pub use accountant::{Accountant, Bounds, calibrate};
pub use certificate::Certificate;
pub use error::PrivacyError;
pub use ledger::Ledger;
pub use mechanism::{Direction, Phase, SampledGaussian};
pub use noise::{Entropy, Noise};
pub use plan::{Adjacency, Budget, PrivacyPlan};
pub use sampler::{PoissonBatch, PoissonSampler};
