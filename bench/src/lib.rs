//! The networks that are timed and held to PyTorch, and numbers to feed them.
#![forbid(unsafe_code)]

pub mod workload;

pub use workload::Workload;
