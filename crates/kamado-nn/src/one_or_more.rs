//! Settings that may be written as one number for all, or as several.

use serde::de::{Deserialize, Deserializer};

#[derive(serde::Deserialize)]
#[serde(untagged, expecting = "a whole number, or two as in [1, 2]")]
enum AxisOrPair {
    One(isize),
    Pair([isize; 2]),
}

/// Reads two axes, or one number for both.
pub(crate) fn axes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[isize; 2], D::Error> {
    Ok(match AxisOrPair::deserialize(deserializer)? {
        AxisOrPair::One(n) => [n, n],
        AxisOrPair::Pair(pair) => pair,
    })
}

#[derive(serde::Deserialize)]
#[serde(untagged, expecting = "a whole number, two as in [1, 2], or [[top, bottom], [left, right]]")]
enum Sides {
    All(usize),
    HeightWidth([usize; 2]),
    Each([[usize; 2]; 2]),
}

/// Reads `[[top, bottom], [left, right]]`, `[height, width]` for both sides of each, or one number for all.
pub(crate) fn sides<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[[usize; 2]; 2], D::Error> {
    Ok(match Sides::deserialize(deserializer)? {
        Sides::All(n) => [[n; 2]; 2],
        Sides::HeightWidth([height, width]) => [[height; 2], [width; 2]],
        Sides::Each(sides) => sides,
    })
}

#[derive(serde::Deserialize)]
#[serde(untagged, expecting = "a whole number, or a list of them as in [8, 4, 16]")]
enum OneOrList {
    One(usize),
    List(Vec<usize>),
}

/// Reads a list, or one number as a list of one.
pub(crate) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<usize>, D::Error> {
    Ok(match OneOrList::deserialize(deserializer)? {
        OneOrList::One(n) => vec![n],
        OneOrList::List(list) => list,
    })
}
