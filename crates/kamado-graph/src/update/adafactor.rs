//! Adafactor: the second moments of a matrix as a row times a column.
//!
//! In step `t` (from one), with `β = 1 - tᵏ` and `q = g² + ε₁`, over the last two axes of a variable that has them:
//! `r ← β·r + (1 - β)·meanⱼ q`, `c ← β·c + (1 - β)·meanᵢ q`, `vᵢⱼ = rᵢ·cⱼ / mean r`; otherwise `v ← β·v + (1 - β)·q`.
//! Then `u = g / √v` and `w ← w - α·u / max(1, RMS(u) / d)`, where `α = max(ε₂, RMS(w))·min(η, 1/√t)`.
//!
//! As in Keras, the learning rate is never above `1/√t`, whatever `relative_step` says there; so there is no such setting.
//!
//! Source: Shazeer and Stern 2018; Keras `Adafactor`.

use serde::{Deserialize, Serialize};

use super::{Slot, StepInfo};
use crate::tensor::Tensor;

/// Adafactor.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Adafactor {
    /// `k`, negative: how fast the mean square forgets less.
    pub beta_2_decay: f64,
    /// `ε₁`, added to the squared gradient.
    pub epsilon_1: f64,
    /// `ε₂`, the least size of a variable.
    pub epsilon_2: f64,
    /// `d`, the largest root mean square of a step.
    pub clip_threshold: f64,
}

impl Adafactor {
    pub(super) fn slots(shape: &[usize]) -> Vec<Slot> {
        let slot = |name, shape: Vec<usize>| Slot { name, shape, start: 0.0 };
        match shape {
            [outer @ .., rows, columns] => vec![
                slot("r", outer.iter().chain([rows]).copied().collect()),
                slot("c", outer.iter().chain([columns]).copied().collect()),
            ],
            _ => vec![slot("v", shape.to_vec())],
        }
    }

    /// `β`, what the mean squares keep in this step.
    pub fn kept(&self, info: &StepInfo) -> f64 {
        1.0 - (info.step as f64 + 1.0).powf(self.beta_2_decay)
    }

    /// `min(η, 1/√t)`.
    pub fn rate(&self, info: &StepInfo) -> f64 {
        info.learning_rate.min(1.0 / (info.step as f64 + 1.0).sqrt())
    }

    pub(super) fn reference(&self, w: &mut Tensor, slots: &mut [Tensor], g: &Tensor, info: &StepInfo) {
        let kept = self.kept(info);
        let q = g.map(|g| g * g + self.epsilon_1);
        let u = match slots {
            [r, c] => {
                let [.., rows, columns] = w.shape[..] else { unreachable!("a factored variable is a matrix") };
                let matrices = g.data.chunks(rows * columns).zip(q.data.chunks(rows * columns));
                let slots = r.data.chunks_mut(rows).zip(c.data.chunks_mut(columns));
                matrices.zip(slots).flat_map(|((g, q), (r, c))| factored(g, q, r, c, kept)).collect()
            }
            _ => {
                let v = &mut slots[0].data;
                v.iter_mut().zip(&q.data).for_each(|(v, q)| *v = kept * *v + (1.0 - kept) * q);
                g.data.iter().zip(v.iter()).map(|(g, v)| g / v.sqrt()).collect::<Vec<_>>()
            }
        };
        let rms = |x: &[f64]| (x.iter().map(|x| x * x).sum::<f64>() / x.len().max(1) as f64).sqrt();
        let alpha = self.epsilon_2.max(rms(&w.data)) * self.rate(info);
        let size = (rms(&u) / self.clip_threshold).max(1.0);
        w.data.iter_mut().zip(u).for_each(|(w, u)| *w -= alpha * u / size);
    }
}

/// `u` of one matrix with the gradient `g`, whose factors `r` and `c` take in `q`.
fn factored(g: &[f64], q: &[f64], r: &mut [f64], c: &mut [f64], kept: f64) -> Vec<f64> {
    let (rows, columns) = (r.len(), c.len());
    let mean = |n: usize, q: &mut dyn Iterator<Item = &f64>| q.sum::<f64>() / n as f64;
    for (i, r) in r.iter_mut().enumerate() {
        *r = kept * *r + (1.0 - kept) * mean(columns, &mut q[i * columns..(i + 1) * columns].iter());
    }
    for (j, c) in c.iter_mut().enumerate() {
        *c = kept * *c + (1.0 - kept) * mean(rows, &mut q.iter().skip(j).step_by(columns));
    }
    let size = mean(rows, &mut r.iter());
    g.iter().enumerate().map(|(k, g)| g / (r[k / columns] / size * c[k % columns]).sqrt()).collect()
}
