//! Silence at the ends and rumble below speech.

/// Takes away what is quieter than the loudest moment by more than `top_db` decibels at both ends.
///
/// Loudness is the root mean square of 2048 samples around every 512th. Source: `librosa.effects.trim`.
pub fn trim(samples: &mut Vec<f32>, top_db: f32) {
    const FRAME: usize = 2048;
    const HOP: usize = 512;
    let power = |frame: usize| {
        let middle = frame * HOP;
        let span = middle.saturating_sub(FRAME / 2)..(middle + FRAME / 2).min(samples.len());
        samples[span].iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() / FRAME as f64
    };
    // Below this power (an amplitude of 1e-5) everything counts as the same silence.
    let decibels = |power: f64| 10.0 * power.max(1e-10).log10();
    let loud: Vec<f64> = (0..=samples.len() / HOP).map(|frame| decibels(power(frame))).collect();
    let threshold = loud.iter().copied().fold(f64::MIN, f64::max) - f64::from(top_db);
    let heard = |&db: &f64| db > threshold;
    if let (Some(first), Some(last)) = (loud.iter().position(heard), loud.iter().rposition(heard)) {
        samples.truncate((last + 1) * HOP);
        samples.drain(..(first * HOP).min(samples.len()));
    }
}

/// Takes away frequencies below `cutoff` (Hz): a Butterworth filter of order 2, 3 dB at the cutoff and 12 dB per octave
/// below it. The sound starts from silence. A cutoff at or above half the rate leaves nothing.
///
/// Source: `scipy.signal.butter(2, cutoff, "highpass", fs=rate)` and `scipy.signal.lfilter`.
pub fn high_pass(samples: &mut [f32], rate: u32, cutoff: f32) {
    let share = f64::from(cutoff) / f64::from(rate.max(1));
    if share >= 0.5 {
        return samples.fill(0.0);
    }
    let c = (std::f64::consts::PI * share).tan();
    let norm = 1.0 / (1.0 + std::f64::consts::SQRT_2 * c + c * c);
    let (a1, a2) = (2.0 * (c * c - 1.0) * norm, (1.0 - std::f64::consts::SQRT_2 * c + c * c) * norm);
    let (mut s1, mut s2) = (0.0f64, 0.0f64);
    for sample in samples {
        let x = f64::from(*sample);
        let y = norm * x + s1;
        s1 = -2.0 * norm * x - a1 * y + s2;
        s2 = norm * x - a2 * y;
        *sample = y as f32;
    }
}
