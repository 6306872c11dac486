//! Fit, evaluate and predict: the trainer, metrics, callbacks, history, preflight checks and recipes.
#![forbid(unsafe_code)]

pub mod metrics;
