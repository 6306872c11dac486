//! The threads and the instruction set that sessions share.

use std::sync::Arc;

use kamado_kernels::Exec;
use kamado_kernels::isa::Isa;
use kamado_kernels::peak::multiply_add_rate;
use kamado_kernels::pool::ThreadPool;

use crate::error::EngineError;

/// The threads and the instruction set that sessions share.
#[derive(Debug)]
pub struct Runtime {
    isa: Isa,
    pool: ThreadPool,
}

impl Runtime {
    /// A runtime with this many threads, or as many as the machine runs at once, and the instruction set named by
    /// `KAMADO_ISA`, or the best.
    ///
    /// # Errors
    /// If `KAMADO_ISA` names an instruction set that this processor lacks.
    pub fn new(threads: Option<usize>) -> Result<Arc<Self>, EngineError> {
        Ok(Self::with_isa(threads, Isa::from_env()?))
    }

    /// A runtime with this instruction set.
    pub fn with_isa(threads: Option<usize>, isa: Isa) -> Arc<Self> {
        let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        Arc::new(Runtime { isa, pool: ThreadPool::new(threads) })
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// The instruction set: `scalar`, `avx2` or `avx512`.
    pub fn isa(&self) -> &'static str {
        self.isa.name()
    }

    /// The floating-point operations a second that the threads reach at most, measured in a tenth of a second.
    pub fn ceiling(&self) -> f64 {
        multiply_add_rate(self.exec())
    }

    pub(crate) fn exec(&self) -> Exec<'_> {
        Exec { isa: self.isa, pool: &self.pool }
    }
}
