//! Occlusion: for every number, the mean over the windows that cover it of the answer minus the answer with the window
//! replaced by the baseline.
//!
//! A window covers all channels of a picture. The last window along an axis may reach beyond the end.
//!
//! Source: Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2014; strides as in Captum.

use kamado_nn::model::InputSpec;

use super::Found;
use crate::error::{ExplainError, Result};
use crate::network::Network;
use crate::sample::Sample;
use crate::target::Target;

/// The most windows of an example, so that a wish cannot run for days.
const MOST_WINDOWS: usize = 1 << 20;

/// The extent of windows and their distance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windows {
    /// Along the axes of the input, without channels; one number stands for all axes.
    pub(crate) window: Option<Vec<usize>>,
    pub(crate) stride: Option<Vec<usize>>,
}

/// A window of an input: the places that it covers.
struct Window {
    input: usize,
    places: Vec<usize>,
}

/// The contributions for each example.
pub(crate) fn occlusion(
    network: &mut Network,
    samples: &[&Sample],
    baselines: &[&Sample],
    targets: &[Target],
    how: &Windows,
) -> Result<Vec<Found>> {
    let mut windows = Vec::new();
    for (number, input) in network.inputs.iter().enumerate() {
        windows.extend(windows_of(number, input, how)?);
    }
    let backgrounds = baselines.len().max(1);
    let per_sample = 1 + windows.len() * backgrounds;
    let mut answers = vec![0.0; samples.len() * per_sample];
    network.answers(
        answers.len(),
        &mut |row, input, mut slot| {
            let (sample, at) = (row / per_sample, row % per_sample);
            slot.copy(&samples[sample].0[input]);
            if let Some(at) = at.checked_sub(1) {
                let (window, baseline) = (&windows[at / backgrounds], baselines[at % backgrounds]);
                if window.input == input {
                    window.places.iter().for_each(|&i| slot.copy_at(i, &baseline.0[input]));
                }
            }
        },
        &mut |row, answer| answers[row] = targets[row / per_sample].of(answer),
    )?;
    let mut found = Vec::new();
    for answers in answers.chunks_exact(per_sample) {
        let sizes = network.inputs.iter().map(|input| input.shape.iter().product::<usize>());
        let mut values: Vec<Vec<f64>> = sizes.map(|len| vec![0.0; len]).collect();
        let mut covered: Vec<Vec<f64>> = values.clone();
        for (window, hidden) in windows.iter().zip(answers[1..].chunks_exact(backgrounds)) {
            let change = answers[0] - hidden.iter().sum::<f64>() / backgrounds as f64;
            for &i in &window.places {
                values[window.input][i] += change;
                covered[window.input][i] += 1.0;
            }
        }
        let pairs = values.iter_mut().flatten().zip(covered.iter().flatten());
        pairs.for_each(|(value, &times)| *value /= f64::max(times, 1.0));
        found.push(Found { values, converged: true, ..Found::default() });
    }
    Ok(found)
}

fn windows_of(number: usize, input: &InputSpec, how: &Windows) -> Result<Vec<Window>> {
    let shape = &input.shape;
    let axes = if shape.len() == 3 { 2 } else { shape.len() };
    let positions: usize = shape[..axes].iter().product();
    let automatic = |i: usize| if positions <= 64 { 1 } else { shape[i].div_ceil(7) };
    let window = extents("window", how.window.as_deref(), axes)?.unwrap_or_else(|| (0..axes).map(automatic).collect());
    let stride = extents("stride", how.stride.as_deref(), axes)?
        .unwrap_or_else(|| window.iter().map(|w| w.div_ceil(2)).collect());
    let sizes = shape[..axes].iter().zip(&window).zip(&stride);
    let counts: Vec<usize> = sizes.map(|((&n, &w), &s)| 1 + n.saturating_sub(w).div_ceil(s)).collect();
    let total = counts.iter().fold(1usize, |product, &n| product.saturating_mul(n));
    if total > MOST_WINDOWS {
        let problem = format!("windows {window:?} at distances {stride:?} are {total} for {:?}", input.name);
        return Err(ExplainError::request(problem, "Choose a larger stride"));
    }
    let channels: usize = shape[axes..].iter().product();
    let place = |mut index: usize| {
        let mut from = vec![0; axes];
        for axis in (0..axes).rev() {
            from[axis] = index % counts[axis] * stride[axis];
            index /= counts[axis];
        }
        let mut places = vec![0];
        for axis in 0..axes {
            let until = (from[axis] + window[axis]).min(shape[axis]);
            let along = |at: &usize| (from[axis]..until).map(|i| at * shape[axis] + i).collect::<Vec<_>>();
            places = places.iter().flat_map(along).collect();
        }
        places = places.iter().flat_map(|at| at * channels..(at + 1) * channels).collect();
        Window { input: number, places }
    };
    Ok((0..total).map(place).collect())
}

/// One extent for each axis.
fn extents(what: &str, wish: Option<&[usize]>, axes: usize) -> Result<Option<Vec<usize>>> {
    let Some(wish) = wish else { return Ok(None) };
    let all = match *wish {
        [one] => vec![one; axes],
        _ => wish.to_vec(),
    };
    if all.len() != axes || all.contains(&0) {
        let problem = format!("{what} {wish:?} is not one number of at least 1, or one for each of {axes} axes");
        return Err(ExplainError::request(problem, format!("Write for example --{what} 3")));
    }
    Ok(Some(all))
}
