//! The elementwise formulas of the cells, one example and step at a time, written so that the compiler vectorises them.
//!
//! All slices of a call are cut to the same length first, so that no loop checks bounds, and a loop writes to one slice only:
//! with more the compiler gives up telling them apart and leaves the loop as it is.

use super::activation::{sigmoid, tanh};
use crate::simd::Simd;

/// What [`update`] computes. No closure, because only what must be inlined is compiled for the instruction set.
trait Function {
    fn apply<S: Simd>(simd: S, x: S::V, a: S::V, b: S::V) -> S::V;
}

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident($simd:ident, $x:ident, $a:ident, $b:ident) $body:expr;)*) => {
        $($(#[$doc])* struct $name;
        impl Function for $name {
            #[inline(always)]
            fn apply<S: Simd>($simd: S, $x: S::V, $a: S::V, $b: S::V) -> S::V {
                $body
            }
        })*
    };
}

functions! {
    /// σ(x + a)
    SigmoidOfSum(simd, x, a, _b) sigmoid(simd, simd.add(x, a));
    /// tanh(x + a)
    TanhOfSum(simd, x, a, _b) tanh(simd, simd.add(x, a));
    /// tanh(x + a·b)
    TanhOfProduct(simd, x, a, b) tanh(simd, simd.mul_add(a, b, x));
    /// tanh a
    Tanh(simd, _x, a, _b) tanh(simd, a);
    /// b·tanh a
    TimesTanh(simd, _x, a, b) simd.mul(b, tanh(simd, a));
    /// max(0, x + a)
    ReluOfSum(simd, x, a, _b) simd.max(simd.splat(0.0), simd.add(x, a));
}

/// `x = f(x, a, b)`, vector by vector.
#[inline(always)]
fn update<S: Simd, F: Function>(simd: S, _: F, x: &mut [f32], a: &[f32], b: &[f32]) {
    let n = x.len();
    assert!(a.len() == n && b.len() == n, "operands of one length");
    let (x, a, b) = (x.as_mut_ptr(), a.as_ptr(), b.as_ptr());
    let mut j = 0;
    // SAFETY: all three hold n floats, and no vector goes beyond them.
    unsafe {
        while j + S::LANES <= n {
            let y = F::apply(simd, simd.load(x.add(j)), simd.load(a.add(j)), simd.load(b.add(j)));
            simd.store(x.add(j), y);
            j += S::LANES;
        }
        if j < n {
            let lanes = n - j;
            let [x0, a, b] = [x.cast_const(), a, b].map(|p| p.add(j));
            let y = F::apply(simd, simd.load_first(x0, lanes), simd.load_first(a, lanes), simd.load_first(b, lanes));
            simd.store_first(x.add(j), y, lanes);
        }
    }
}

/// `x = σ(x + z)`
#[inline(always)]
fn sigmoid_sum<S: Simd>(simd: S, x: &mut [f32], z: &[f32]) {
    update(simd, SigmoidOfSum, x, z, z);
}

/// `x = tanh(x + z)`
#[inline(always)]
fn tanh_sum<S: Simd>(simd: S, x: &mut [f32], z: &[f32]) {
    update(simd, TanhOfSum, x, z, z);
}

/// The derivative of the sigmoid whose value is `s`.
#[inline(always)]
fn slope(s: f32) -> f32 {
    s * (1.0 - s)
}

/// `gates` holds h·U and becomes i, f, g, o.
#[inline(always)]
pub(super) fn lstm<S: Simd>(simd: S, gates: &mut [f32], z: &[f32], c: &mut [f32], h: &mut [f32]) {
    let n = h.len();
    sigmoid_sum(simd, &mut gates[..2 * n], &z[..2 * n]);
    tanh_sum(simd, &mut gates[2 * n..3 * n], &z[2 * n..3 * n]);
    sigmoid_sum(simd, &mut gates[3 * n..], &z[3 * n..]);
    let (i, f, g, o) = (&gates[..n], &gates[n..2 * n], &gates[2 * n..3 * n], &gates[3 * n..4 * n]);
    let (c, h) = (&mut c[..n], &mut h[..n]);
    for j in 0..n {
        c[j] = f[j] * c[j] + i[j] * g[j];
    }
    update(simd, TimesTanh, h, c, o);
}

/// `dh` and `dc` become what goes on past the product, `d` the gradients of the gates before their activation.
#[inline(always)]
pub(super) fn lstm_back<S: Simd>(simd: S, tape: &[f32], old_c: &[f32], dh: &mut [f32], dc: &mut [f32], d: &mut [f32]) {
    let n = dh.len();
    let (i, f, g) = (&tape[..n], &tape[n..2 * n], &tape[2 * n..3 * n]);
    let (o, c) = (&tape[3 * n..4 * n], &tape[4 * n..5 * n]);
    let (di, rest) = d.split_at_mut(n);
    let (df, rest) = rest.split_at_mut(n);
    let (dg, r#do) = rest.split_at_mut(n);
    let (old_c, dc, dg, r#do) = (&old_c[..n], &mut dc[..n], &mut dg[..n], &mut r#do[..n]);
    update(simd, Tanh, r#do, c, c);
    for j in 0..n {
        dc[j] += dh[j] * o[j] * (1.0 - r#do[j] * r#do[j]);
    }
    for j in 0..n {
        di[j] = dc[j] * g[j] * slope(i[j]);
    }
    for j in 0..n {
        df[j] = dc[j] * old_c[j] * slope(f[j]);
    }
    for j in 0..n {
        dg[j] = dc[j] * i[j] * (1.0 - g[j] * g[j]);
    }
    for j in 0..n {
        r#do[j] *= dh[j] * slope(o[j]);
    }
    scale(dc, f);
    dh.fill(0.0);
}

/// `gates` holds h·U + b and becomes u, r and, in its last part, what was there; `n` becomes the candidate.
#[inline(always)]
pub(super) fn gru_after<S: Simd>(simd: S, gates: &mut [f32], z: &[f32], candidate: &mut [f32], h: &mut [f32]) {
    let n = h.len();
    sigmoid_sum(simd, &mut gates[..2 * n], &z[..2 * n]);
    let (u, r, inner) = (&gates[..n], &gates[n..2 * n], &gates[2 * n..3 * n]);
    let (z, candidate) = (&z[2 * n..3 * n], &mut candidate[..n]);
    candidate.copy_from_slice(z);
    update(simd, TanhOfProduct, candidate, r, inner);
    for j in 0..n {
        h[j] = u[j] * h[j] + (1.0 - u[j]) * candidate[j];
    }
}

/// `gates` holds h·U of u and r and becomes these; `kept` becomes r⊙h.
#[inline(always)]
pub(super) fn gru_before_reset<S: Simd>(simd: S, gates: &mut [f32], z: &[f32], kept: &mut [f32], h: &[f32]) {
    let n = h.len();
    sigmoid_sum(simd, &mut gates[..2 * n], &z[..2 * n]);
    let (r, kept) = (&gates[n..2 * n], &mut kept[..n]);
    for j in 0..n {
        kept[j] = r[j] * h[j];
    }
}

/// The last part of `gates` holds (r⊙h)·U and becomes the candidate.
#[inline(always)]
pub(super) fn gru_before_candidate<S: Simd>(simd: S, gates: &mut [f32], z: &[f32], h: &mut [f32]) {
    let n = h.len();
    tanh_sum(simd, &mut gates[2 * n..], &z[2 * n..]);
    let (u, candidate) = (&gates[..n], &gates[2 * n..3 * n]);
    for j in 0..n {
        h[j] = u[j] * h[j] + (1.0 - u[j]) * candidate[j];
    }
}

/// The gradients of u and of the candidate before their activations; `dh` becomes u⊙dh.
#[inline(always)]
pub(super) fn gru_back(tape: &[f32], old_h: &[f32], dh: &mut [f32], d: &mut [f32]) {
    let n = dh.len();
    let (u, candidate, old_h) = (&tape[..n], &tape[2 * n..3 * n], &old_h[..n]);
    let (du, rest) = d.split_at_mut(n);
    let dn = &mut rest[n..2 * n];
    for j in 0..n {
        du[j] = dh[j] * (old_h[j] - candidate[j]) * slope(u[j]);
    }
    for j in 0..n {
        dn[j] = dh[j] * (1.0 - u[j]) * (1.0 - candidate[j] * candidate[j]);
    }
    scale(dh, u);
}

/// The gradient of r before its activation, where the reset comes after the product.
#[inline(always)]
pub(super) fn gru_back_reset_after(tape: &[f32], d: &mut [f32]) {
    let n = d.len() / 3;
    let (r, inner) = (&tape[n..2 * n], &tape[3 * n..4 * n]);
    let (dr, dn) = d[n..].split_at_mut(n);
    let dn = &dn[..n];
    for j in 0..n {
        dr[j] = dn[j] * inner[j] * slope(r[j]);
    }
}

/// The gradient of r before its activation and what goes on to h, from the gradient `dkept` of r⊙h.
#[inline(always)]
pub(super) fn gru_back_reset_before(tape: &[f32], old_h: &[f32], dkept: &[f32], dh: &mut [f32], dr: &mut [f32]) {
    let n = dh.len();
    let (r, old_h, dkept, dr) = (&tape[n..2 * n], &old_h[..n], &dkept[..n], &mut dr[..n]);
    for j in 0..n {
        dr[j] = dkept[j] * old_h[j] * slope(r[j]);
    }
    for j in 0..n {
        dh[j] += dkept[j] * r[j];
    }
}

/// `x *= by`
#[inline(always)]
pub(super) fn scale(x: &mut [f32], by: &[f32]) {
    for (x, by) in x.iter_mut().zip(by) {
        *x *= by;
    }
}

/// `h` becomes the activation of `product + z`.
#[inline(always)]
pub(super) fn simple<S: Simd>(simd: S, product: &[f32], z: &[f32], relu: bool, h: &mut [f32]) {
    h.copy_from_slice(product);
    if relu {
        update(simd, ReluOfSum, h, z, z);
    } else {
        tanh_sum(simd, h, z);
    }
}

/// The gradient before the activation; `dh` becomes zero.
#[inline(always)]
pub(super) fn simple_back(h: &[f32], relu: bool, dh: &mut [f32], d: &mut [f32]) {
    for ((dh, d), h) in dh.iter_mut().zip(d).zip(h) {
        let slope = if relu { f32::from(u8::from(*h > 0.0)) } else { 1.0 - h * h };
        *d = *dh * slope;
        *dh = 0.0;
    }
}
