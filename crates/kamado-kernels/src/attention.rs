//! Attention without its score matrix: scores exist one tile at a time.
//!
//! `S = scale · Q Kᵀ`, `P = softmax(S)` over the keys that a query sees, `Y = P V`. The forward pass keeps the running
//! maximum and sum of each row (the online softmax) and rescales what it has when the maximum rises. The backward pass
//! computes P again from the logarithm of the row's sum, `P = e^{S − lse}`, and needs of the softmax's gradient only
//! `δ = Σ dY · Y`: `dS = P · (dY Vᵀ − δ)`, `dQ = scale · dS K`, `dK = scale · dSᵀ Q`, `dV = Pᵀ dY`.
//!
//! Sources: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et al., "FlashAttention", 2022.
//!
//! Every tensor is `[batch, tokens, heads, features]`, the projections as they come; the products read them with strides.
//! With dropout each probability is multiplied by its element M of a random mask, drawn anew where it is needed:
//! `Y = (P · M) V`, `dS = P · (M · dY Vᵀ − δ)`, `dV = (P · M)ᵀ dY`.
//!
//! How keys and queries are cut into tiles depends on the shape alone, so the number of threads changes no bit.

use std::ops::Range;

use crate::Exec;
use crate::isa::Isa;
use crate::random::{DropoutMask, RandomKey};
use crate::simd::{ALIGN_SLACK, Shared, aligned, dispatch};

mod backward;
mod forward;
mod tile;

use backward::{Backward, Wanted};
use forward::Forward;
use tile::{KEYS, QUERIES};

/// Parts into which the heads are cut for each thread, if there are too few heads to go round.
const PARTS_PER_THREAD: usize = 2;

/// The sizes of an attention.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AttentionShape {
    /// Sequences.
    pub batch: usize,
    /// Heads of each.
    pub heads: usize,
    /// Queries of each sequence.
    pub queries: usize,
    /// Keys of each sequence.
    pub keys: usize,
    /// Features of a query and of a key.
    pub key_dim: usize,
    /// Features of a value.
    pub value_dim: usize,
    /// Whether query `i` sees only the keys `0..=i`.
    pub causal: bool,
    /// What the products of queries and keys are multiplied by.
    pub scale: f32,
}

/// What attention reads.
#[derive(Clone, Copy, Debug)]
pub struct Operands<'a> {
    /// `[batch, queries, heads, key_dim]`.
    pub q: &'a [f32],
    /// `[batch, keys, heads, key_dim]`.
    pub k: &'a [f32],
    /// `[batch, keys, heads, value_dim]`; may be empty if no result is wanted but the logarithm of the sums.
    pub v: &'a [f32],
    /// `[batch, keys]`: a key is seen where this is above one half; all are if there is none.
    pub mask: Option<&'a [f32]>,
    /// What the probabilities are multiplied by, as a tensor `[batch, heads, queries, keys]`.
    pub dropout: Option<(DropoutMask, RandomKey)>,
}

/// What the backward pass reads besides the operands.
#[derive(Clone, Copy, Debug)]
pub struct Forwarded<'a> {
    /// The result, `[batch, queries, heads, value_dim]`.
    pub y: &'a [f32],
    /// The logarithm of the rows' sums, `[batch, heads, queries]`.
    pub lse: &'a [f32],
    /// The gradient of the result, laid out as it.
    pub dy: &'a [f32],
}

impl AttentionShape {
    /// Keys that the queries before `end` see at most.
    fn seen_before(&self, end: usize) -> usize {
        if self.causal { self.keys.min(end) } else { self.keys }
    }

    /// Floats between the tokens of queries and keys, and between those of values.
    fn token(&self) -> (usize, usize) {
        (self.heads * self.key_dim, self.heads * self.value_dim)
    }

    fn queries_len(&self) -> usize {
        self.batch * self.queries * self.token().0
    }

    fn result_len(&self) -> usize {
        self.batch * self.queries * self.token().1
    }

    fn sums_len(&self) -> usize {
        self.batch * self.heads * self.queries
    }

    fn check(&self, of: &Operands<'_>) {
        let (token, value) = self.token();
        assert_eq!(of.q.len(), self.queries_len(), "the queries");
        assert_eq!(of.k.len(), self.batch * self.keys * token, "the keys");
        assert!(of.v.is_empty() || of.v.len() == self.batch * self.keys * value, "the values");
        assert!(of.mask.is_none_or(|mask| mask.len() == self.batch * self.keys), "the mask");
    }

    /// Parts of the queries of one head, so that every thread has some; each a whole number of tiles.
    fn parts(&self, threads: usize) -> usize {
        let heads = (self.batch * self.heads).max(1);
        let fair = heads.is_multiple_of(threads.max(1)) || heads >= 2 * PARTS_PER_THREAD * threads;
        if fair { 1 } else { (PARTS_PER_THREAD * threads).div_ceil(heads) }
    }
}

/// Part `part` of `parts` of `0..len`, cut at multiples of `tile`.
fn cut(len: usize, tile: usize, part: usize, parts: usize) -> Range<usize> {
    let tiles = len.div_ceil(tile);
    let at = |part: usize| (tiles * part / parts * tile).min(len);
    at(part)..at(part + 1)
}

/// One head of one sequence, by the places of its first elements.
#[derive(Clone, Copy)]
struct Head {
    q: *const f32,
    k: *const f32,
    v: *const f32,
    /// Null if every key is seen.
    mask: *const f32,
    /// The instruction set, the dropout's mask, and where in it this head begins.
    dropout: Option<(Isa, DropoutMask, RandomKey)>,
    first_score: usize,
    /// Elements of `q` and `dq`, of `k` and `dk`, of `v` and `dv`, of `y` and `dy`, and of `lse` before this head.
    at: [usize; 5],
}

// SAFETY: what it points to is only read.
unsafe impl Sync for Head {}
// SAFETY: as above.
unsafe impl Send for Head {}

impl Head {
    /// Head number `number` of all, sequence by sequence.
    fn new(isa: Isa, shape: &AttentionShape, of: &Operands<'_>, number: usize) -> Head {
        let (batch, head) = (number / shape.heads, number % shape.heads);
        let (token, value) = shape.token();
        let start = |tokens, token, features| batch * tokens * token + head * features;
        let q = start(shape.queries, token, shape.key_dim);
        let k = start(shape.keys, token, shape.key_dim);
        let v = start(shape.keys, value, shape.value_dim);
        let y = start(shape.queries, value, shape.value_dim);
        Head {
            q: of.q.as_ptr().wrapping_add(q),
            k: of.k.as_ptr().wrapping_add(k),
            v: of.v.as_ptr().wrapping_add(v),
            mask: of.mask.map_or(std::ptr::null(), |mask| mask[batch * shape.keys..].as_ptr()),
            dropout: of.dropout.map(|(mask, key)| (isa, mask, key)),
            first_score: number * shape.queries * shape.keys,
            at: [q, k, v, y, number * shape.queries],
        }
    }
}

/// Floats of scratch that [`forward`] needs.
pub fn forward_scratch(shape: &AttentionShape, threads: usize) -> usize {
    threads * forward::scratch(shape) + ALIGN_SLACK
}

/// Attention: the result into `y`, laid out as the queries with `value_dim` features, and the natural logarithm of each row's
/// sum of `e^S` into `lse`, `[batch, heads, queries]`. A query that sees no key has the result 0 and the logarithm 0.
/// `scratch` has [`forward_scratch`] floats.
///
/// # Panics
/// If a slice does not have the shape's length.
pub fn forward(
    exec: Exec<'_>,
    shape: &AttentionShape,
    of: &Operands<'_>,
    y: Option<&mut [f32]>,
    lse: Option<&mut [f32]>,
    scratch: &mut [f32],
) {
    shape.check(of);
    let y = y.map(|y| {
        assert_eq!((y.len(), of.v.is_empty()), (shape.result_len(), shape.batch * shape.keys == 0), "the result");
        Shared::new(y)
    });
    let lse = lse.map(|lse| {
        assert_eq!(lse.len(), shape.sums_len(), "the sums");
        Shared::new(lse)
    });
    let threads = exec.pool.threads();
    assert!(scratch.len() >= forward_scratch(shape, threads), "the scratch");
    let (workers, each) = (Shared::new(aligned(scratch)), forward::scratch(shape));
    let parts = shape.parts(threads);
    exec.pool.run(shape.batch * shape.heads * parts, |task, worker| {
        let head = Head::new(exec.isa, shape, of, task / parts);
        // The last queries see the most keys: those first.
        let rows = cut(shape.queries, QUERIES, parts - 1 - task % parts, parts);
        let scratch = workers.offset(worker * each).ptr();
        dispatch(exec.isa, Forward { shape: *shape, head, rows, y, lse, scratch });
    });
}

/// Floats of scratch that [`backward`] needs.
pub fn backward_scratch(shape: &AttentionShape, threads: usize) -> usize {
    threads * backward::scratch(shape) + ALIGN_SLACK
}

/// The gradients of attention with respect to queries, keys and values, laid out as they are, of which any may be left
/// out. `scratch` has [`backward_scratch`] floats.
///
/// # Panics
/// If a slice does not have the shape's length.
pub fn backward(
    exec: Exec<'_>,
    shape: &AttentionShape,
    of: &Operands<'_>,
    forwarded: &Forwarded<'_>,
    gradients: [Option<&mut [f32]>; 3],
    scratch: &mut [f32],
) {
    shape.check(of);
    assert_eq!(of.v.len(), shape.batch * shape.keys * shape.token().1, "the values");
    assert_eq!([forwarded.y.len(), forwarded.dy.len()], [shape.result_len(); 2], "the result and its gradient");
    assert_eq!(forwarded.lse.len(), shape.sums_len(), "the sums");
    let lengths = [of.q.len(), of.k.len(), of.v.len()];
    let mut gradients = gradients.into_iter().zip(lengths).map(|(gradient, len)| {
        gradient.map(|gradient| {
            assert_eq!(gradient.len(), len, "a gradient");
            Shared::new(gradient)
        })
    });
    let mut next = || gradients.next().flatten();
    let wanted = Wanted { dq: next(), dk: next(), dv: next() };
    let threads = exec.pool.threads();
    assert!(scratch.len() >= backward_scratch(shape, threads), "the scratch");
    let (workers, each) = (Shared::new(aligned(scratch)), backward::scratch(shape));
    let heads = shape.batch * shape.heads;
    let parts = shape.parts(threads);
    // In one go a head needs five products; cut apart, its queries and its keys each compute the scores again.
    let tasks = if parts == 1 { 1 } else { 2 * parts };
    exec.pool.run(heads * tasks, |task, worker| {
        let head = Head::new(exec.isa, shape, of, task / tasks);
        let part = task % tasks;
        let (mut rows, mut keys, mut wanted) = (0..shape.queries, 0..shape.keys, wanted);
        if tasks > 1 && part < parts {
            keys = cut(shape.keys, KEYS, part, parts);
            wanted.dq = None;
        } else if tasks > 1 {
            rows = cut(shape.queries, QUERIES, part - parts, parts);
            (wanted.dk, wanted.dv) = (None, None);
        }
        let scratch = workers.offset(worker * each).ptr();
        dispatch(exec.isa, Backward::new(shape, head, forwarded, wanted, rows, keys, scratch));
    });
}
