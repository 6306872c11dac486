//! The methods, one file each.

pub(crate) mod cam;
pub(crate) mod deep_lift;
pub(crate) mod game;
pub(crate) mod gradient;
pub(crate) mod integrated;
pub(crate) mod kernel_shap;
pub(crate) mod lime;
pub(crate) mod occlusion;
pub(crate) mod shapley;

use crate::network::Network;

/// What a method found for one example.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// A contribution for each number of each input.
    pub(crate) values: Vec<Vec<f64>>,
    /// Half the widths of the 95 % intervals, if the method samples.
    pub(crate) error: Option<Vec<Vec<f64>>>,
    /// The explained number for the example and for the baseline, where the method itself measured them.
    pub(crate) ends: Option<(f64, f64)>,
    /// Whether nothing was cut short.
    pub(crate) converged: bool,
}

/// The numbers of a point as those of the inputs: the numbers of an embedded vector add up.
pub(crate) fn fold(network: &Network, point: &[f64]) -> Vec<Vec<f64>> {
    let mut values: Vec<Vec<f64>> =
        network.inputs.iter().map(|input| vec![0.0; input.shape.iter().product()]).collect();
    let mut rest = point;
    for site in &network.sites {
        let (here, after) = rest.split_at(site.len);
        rest = after;
        for (&place, numbers) in site.places.iter().zip(here.chunks_exact(site.width)) {
            values[site.input][place] += numbers.iter().sum::<f64>();
        }
    }
    values
}
