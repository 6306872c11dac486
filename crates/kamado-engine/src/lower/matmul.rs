//! Matrix products, with what is fused into them.

use kamado_graph::op::Op;
use kamado_kernels::gemm::{Epilogue, Gemm, Offsets, gemm_batched, gemm_batched_scratch};

use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;
use crate::group::{Group, Kind};
use kamado_kernels::gemm::Activation;

/// `batches` products of `[m, k]` and `[k, n]`.
struct MatMul {
    batches: usize,
    m: usize,
    n: usize,
    k: usize,
    a: Place,
    lda: usize,
    transpose_a: bool,
    b: Place,
    ldb: usize,
    transpose_b: bool,
    bias: Place,
    mask: Place,
    has_bias: bool,
    has_mask: bool,
    activation: Activation,
    rounded: bool,
    c: Place,
    threads: usize,
}

/// The kernel of a product group whose root is a matrix product.
///
/// # Panics
/// If the group is of another kind.
pub(super) fn lower(group: &Group, at: &Lower<'_>) -> Box<dyn Kernel> {
    let Kind::Product { root, bias, activation, mask } = group.kind else { unreachable!("a product group") };
    let node = at.graph.node(root);
    let Op::MatMul(op) = &node.op else { unreachable!("a matrix product") };
    let (a, b, c) = (at.dims(node.inputs[0]), at.dims(node.inputs[1]), at.dims(root));
    let (ra, rb, rc) = (a.len(), b.len(), c.len());
    // With one matrix b for all, the leading axes of a are rows like any other.
    let batches = if rb == 2 { 1 } else { c[..rc - 2].iter().product() };
    let lead: usize = if rb == 2 { c[..rc - 2].iter().product() } else { 1 };
    Box::new(MatMul {
        batches,
        m: lead * c[rc - 2],
        n: c[rc - 1],
        k: if op.transpose_a { a[ra - 2] } else { a[ra - 1] },
        a: at.place(node.inputs[0]),
        lda: a[ra - 1],
        transpose_a: op.transpose_a,
        b: at.place(node.inputs[1]),
        ldb: b[rb - 1],
        transpose_b: op.transpose_b,
        bias: bias.map_or(Place::EMPTY, |id| at.place(id)),
        mask: mask.map_or(Place::EMPTY, |id| at.place(id)),
        has_bias: bias.is_some(),
        has_mask: mask.is_some(),
        activation,
        rounded: at.rounded(&node.inputs),
        c: at.place(group.outputs[0]),
        threads: at.threads,
    })
}

impl Kernel for MatMul {
    fn scratch(&self) -> usize {
        gemm_batched_scratch(self.m, self.n, self.k, self.threads)
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let ([a, b, bias, mask], [c, scratch]) =
            memory.view([self.a, self.b, self.bias, self.mask], [self.c, at.scratch]);
        let (m, n, k) = (self.m, self.n, self.k);
        let one_and_ld = (Offsets::Stride(1), Offsets::Stride(self.lda));
        let (a_cols, a_rows) = if self.transpose_a { (one_and_ld.1, one_and_ld.0) } else { one_and_ld };
        let g = Gemm {
            m,
            n,
            k,
            a,
            a_rows,
            a_cols,
            b,
            ldb: self.ldb,
            b_transposed: self.transpose_b,
            epilogue: Epilogue {
                bias: self.has_bias.then_some(bias),
                activation: self.activation,
                mask: self.has_mask.then_some(mask),
                accumulate: false,
            },
        };
        gemm_batched(at.exec_of_product(self.rounded), &g, self.batches, [m * k, k * n], c, scratch);
        Ok(())
    }
}
