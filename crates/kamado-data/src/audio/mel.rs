//! Frequencies as they are heard.

/// Triangular filters whose middles are equally far apart on the mel scale, each of area 1 (Hz).
///
/// Source: `librosa.filters.mel(htk=False, norm="slaney")`, after M. Slaney, "Auditory toolbox", 1998.
#[derive(Clone, Debug)]
pub(super) struct MelFilters {
    /// For each filter the first frequency bin it hears and its weights from there.
    filters: Vec<(usize, Vec<f32>)>,
}

impl MelFilters {
    /// `mels` filters from `low` to `high` (Hz) for the `fft_length / 2 + 1` bins of a sound of `rate` Hz.
    pub(super) fn new(rate: u32, fft_length: usize, mels: usize, low: f64, high: f64) -> Self {
        let (bottom, top) = (mel_of(low), mel_of(high));
        let edge = |i: usize| hz_of(bottom + (top - bottom) * i as f64 / (mels + 1) as f64);
        let bin = |k: usize| k as f64 * f64::from(rate) / fft_length as f64;
        let filter = |m: usize| {
            let (left, middle, right) = (edge(m), edge(m + 1), edge(m + 2));
            let weight = |k: usize| ((bin(k) - left) / (middle - left)).min((right - bin(k)) / (right - middle));
            let heard = |k: &usize| weight(*k) > 0.0;
            let first = (0..=fft_length / 2).find(heard).unwrap_or(0);
            let weights = (first..=fft_length / 2).take_while(heard).map(|k| (weight(k) * 2.0 / (right - left)) as f32);
            (first, weights.collect())
        };
        MelFilters { filters: (0..mels).map(filter).collect() }
    }

    /// Writes what each filter hears of the power of the frequencies.
    pub(super) fn apply(&self, power: &[f32], out: &mut [f32]) {
        for (out, (first, weights)) in out.iter_mut().zip(&self.filters) {
            *out = weights.iter().zip(&power[*first..]).map(|(w, p)| w * p).sum();
        }
    }
}

/// Below 1000 Hz a mel is 200/3 Hz; above, 27 mels are a factor of 6.4.
const LINEAR_HZ: f64 = 200.0 / 3.0;

fn log_step() -> f64 {
    6.4f64.ln() / 27.0
}

fn mel_of(hz: f64) -> f64 {
    if hz < 1000.0 { hz / LINEAR_HZ } else { 15.0 + (hz / 1000.0).ln() / log_step() }
}

fn hz_of(mel: f64) -> f64 {
    if mel < 15.0 { mel * LINEAR_HZ } else { 1000.0 * ((mel - 15.0) * log_step()).exp() }
}

/// The first coefficients of the discrete cosine transform of `n` numbers (type 2, orthonormal), `[coefficients, n]`.
///
/// `c_k = s_k Σ_i x_i cos(π k (2 i + 1) / (2 n))` with `s_0 = √(1 / n)`, else `√(2 / n)`.
pub(super) fn dct(coefficients: usize, n: usize) -> Vec<f32> {
    let value = |k: usize, i: usize| {
        let size = (if k == 0 { 1.0 } else { 2.0 } / n as f64).sqrt();
        (size * (std::f64::consts::PI * k as f64 * (2 * i + 1) as f64 / (2 * n) as f64).cos()) as f32
    };
    (0..coefficients).flat_map(|k| (0..n).map(move |i| value(k, i))).collect()
}
