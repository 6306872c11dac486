//! Slices in, slices out: the numerical kernels, their run-time instruction-set choice and the thread pool.

pub mod cross_entropy;
pub mod denormals;
pub mod elementwise;
pub mod isa;
mod lanes;
pub mod layout;
mod parallel;
pub mod pool;
pub mod pool2d;
pub mod random;
pub mod reduce;
pub mod softmax;
pub mod transcendental;

/// What every kernel needs to run: an instruction set and threads.
#[derive(Clone, Copy, Debug)]
pub struct Exec<'a> {
    /// The instruction set to use.
    pub isa: isa::Isa,
    /// The threads to use.
    pub pool: &'a pool::ThreadPool,
}
