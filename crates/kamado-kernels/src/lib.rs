//! Slices in, slices out: the numerical kernels, their run-time instruction-set choice and the thread pool.

pub mod attention;
pub mod conv2d;
pub mod cross_entropy;
pub mod ctc;
pub mod denormals;
pub mod dense_update;
pub mod elementwise;
pub mod gather;
pub mod gemm;
pub mod info_nce;
pub mod isa;
mod lanes;
pub mod layout;
pub mod moments;
pub mod norm;
pub mod peak;
pub mod pool;
pub mod pool2d;
pub mod positions;
pub mod random;
pub mod recurrent;
pub mod reduce;
pub mod resize;
pub mod rows;
pub mod softmax;
pub mod transcendental;
pub mod update_rule;

mod parallel;
mod simd;

/// What every kernel needs to run: an instruction set and threads.
#[derive(Clone, Copy, Debug)]
pub struct Exec<'a> {
    /// The instruction set to use.
    pub isa: isa::Isa,
    /// The threads to use.
    pub pool: &'a pool::ThreadPool,
}
