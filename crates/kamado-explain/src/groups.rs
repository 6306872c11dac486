//! The players: parts of the input that are there or not together.

use kamado_nn::model::InputSpec;

use crate::error::{ExplainError, Result};
use crate::sample::Sample;

/// Inputs with more numbers than this are divided into tiles.
const MOST_SINGLE: usize = 64;
/// Into about this many tiles along each axis.
const TILES: usize = 7;

/// For each number of each input, which part of the example it belongs to.
#[derive(Clone, PartialEq, Debug)]
pub struct Groups {
    /// The part of each number, from 0, for each input in the model's order.
    pub of: Vec<Vec<usize>>,
    /// What the parts are called; empty if they have no names.
    pub names: Vec<String>,
}

impl Groups {
    /// Parts by number, without names.
    pub fn new(of: Vec<Vec<usize>>) -> Self {
        Groups { of, names: Vec::new() }
    }

    /// Small inputs number by number; pictures `[height, width, channels]`, spectrograms `[time, bins]` and long rows
    /// in tiles, about seven along each axis; tokens one by one.
    pub fn automatic(inputs: &[InputSpec]) -> Self {
        let mut first = 0;
        let of = inputs.iter().map(|input| {
            let side = |n: usize| n.div_ceil(TILES).max(1);
            let elements: usize = input.shape.iter().product();
            let tile = match input.shape[..] {
                [h, w, c] if h * w > MOST_SINGLE => vec![side(h), side(w), c],
                [_, _, c] => vec![1, 1, c],
                [t, f] if t * f > MOST_SINGLE => vec![side(t), side(f)],
                _ => vec![1; input.shape.len()],
            };
            let (parts, count) = tiles(&input.shape, &tile, first);
            first += count;
            debug_assert_eq!(parts.len(), elements);
            parts
        });
        Groups { of: of.collect(), names: Vec::new() }
    }

    /// The number of parts.
    pub fn len(&self) -> usize {
        self.of.iter().flatten().max().map_or(0, |most| most + 1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.of.iter().all(Vec::is_empty)
    }

    pub(crate) fn check(&self, inputs: &[InputSpec]) -> Result<()> {
        let lens: Vec<usize> = self.of.iter().map(Vec::len).collect();
        let expected: Vec<usize> = inputs.iter().map(|input| input.shape.iter().product()).collect();
        let total: usize = expected.iter().sum();
        if lens == expected && self.len() <= total {
            return Ok(());
        }
        Err(ExplainError::request(
            format!("the groups are for {lens:?} numbers, but the inputs of the model have {expected:?}"),
            "Give the number of its group, from 0, for each number of the example",
        ))
    }
}

/// The tile of each element of a tensor, numbered from `first`, and how many there are.
fn tiles(shape: &[usize], tile: &[usize], first: usize) -> (Vec<usize>, usize) {
    let counts: Vec<usize> = shape.iter().zip(tile).map(|(n, t)| n.div_ceil((*t).max(1))).collect();
    let of = |mut element: usize| {
        let mut index = vec![0; shape.len()];
        for axis in (0..shape.len()).rev() {
            index[axis] = element % shape[axis];
            element /= shape[axis];
        }
        let axes = index.iter().zip(tile).zip(&counts);
        first + axes.fold(0, |at, ((i, t), n)| at * n + i / (*t).max(1))
    };
    let elements = shape.iter().product::<usize>();
    ((0..elements).map(of).collect(), counts.iter().product())
}

/// The parts in which an example differs from its baselines: by the axiom of the dummy, others contribute nothing.
#[derive(Debug)]
pub(crate) struct Players {
    /// The elements of each player: input and place.
    pub(crate) elements: Vec<Vec<(usize, usize)>>,
    /// The group that each player is.
    pub(crate) group: Vec<usize>,
}

impl Players {
    pub(crate) fn new(groups: &Groups, x: &Sample, baselines: &[&Sample]) -> Self {
        let mut elements: Vec<Vec<(usize, usize)>> = vec![Vec::new(); groups.len()];
        let mut differs = vec![false; groups.len()];
        for (input, of) in groups.of.iter().enumerate() {
            for (i, &group) in of.iter().enumerate() {
                elements[group].push((input, i));
                differs[group] |= baselines.iter().any(|b| !b.0[input].same_at(&x.0[input], i));
            }
        }
        let mut players = Players { elements: Vec::new(), group: Vec::new() };
        for (group, elements) in elements.into_iter().enumerate() {
            if differs[group] {
                players.elements.push(elements);
                players.group.push(group);
            }
        }
        players
    }

    pub(crate) fn len(&self) -> usize {
        self.group.len()
    }

    /// Spreads a number for each player evenly over its elements, so that sums stay what they are.
    pub(crate) fn spread(&self, inputs: &[InputSpec], values: &[f64]) -> Vec<Vec<f64>> {
        let mut spread: Vec<Vec<f64>> = inputs.iter().map(|input| vec![0.0; input.shape.iter().product()]).collect();
        for (elements, value) in self.elements.iter().zip(values) {
            let each = value / elements.len() as f64;
            elements.iter().for_each(|&(input, i)| spread[input][i] = each);
        }
        spread
    }
}
