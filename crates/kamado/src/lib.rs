//! A training compiler for small teams: one library from raw data to a trained, evaluated model.
#![forbid(unsafe_code)]
