//! Differential privacy for training: what a run costs, noise for a given cost, and bounds on the truth from both sides.
//!
//! [`Accountant`] composes steps of the Poisson-sampled Gaussian mechanism numerically: every step becomes a distribution of
//! privacy losses on a grid, once made worse and once made better than it is, and both are convolved by FFT. The true
//! `epsilon` lies between the two answers. [`rdp`] is an independent and looser bound, to check against.
//!
//! The unit is one example; neighbouring data sets differ by adding or removing one.
#![forbid(unsafe_code)]

pub mod accountant;
pub mod error;
pub mod gaussian;
pub mod mechanism;
pub mod rdp;

pub use accountant::{Accountant, Bounds, calibrate};
pub use error::PrivacyError;
pub use mechanism::{Direction, Phase, SampledGaussian};
