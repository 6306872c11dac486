//! Models with the weights of the fixture, and small ones for everything else.
#![allow(dead_code, unreachable_pub)] // every test file uses a part

use kamado_explain::{Explainer, Explanation, Method, Request, Sample};
use kamado_nn::layers::{Activation, ActivationLayer, Conv2d, Dense, Flatten, Softmax};
use kamado_nn::model::{Model, Seed, Sequential};
use serde_json::Value;

/// The fixture; `source` in it says where the numbers come from.
pub fn vectors() -> Value {
    serde_json::from_str(include_str!("../../fixtures/vectors.json")).unwrap()
}

/// The numbers of a nested list, in order.
pub fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(flat).collect(),
        other => vec![other.as_f64().unwrap()],
    }
}

pub fn floats(value: &Value) -> Vec<f32> {
    flat(value).into_iter().map(|x| x as f32).collect()
}

/// `[out][in]` as `[in, out]`.
fn transposed(value: &Value) -> Vec<f32> {
    let rows: Vec<Vec<f32>> = value.as_array().unwrap().iter().map(floats).collect();
    (0..rows[0].len()).flat_map(|i| rows.iter().map(move |row| row[i]).collect::<Vec<_>>()).collect()
}

fn set(model: &mut Model, name: &str, value: Vec<f32>) {
    let variable = model.variables.iter_mut().find(|variable| variable.info.name == name).unwrap();
    assert_eq!(variable.value.len(), value.len(), "{name}");
    variable.value = value;
}

/// Dense 4 → 5, tanh, dense 5 → 3.
pub fn mlp(softmax: bool) -> Model {
    let model = Sequential::new([4]).add(Dense::new(5).activation(Activation::Tanh)).add(Dense::new(3));
    let model = if softmax { model.add(Softmax::default()) } else { model };
    let mut model = model.build(Seed(0)).unwrap();
    let all = vectors();
    let layers = &all["mlp_tanh_4_5_3"]["model"]["layers"];
    set(&mut model, "dense.kernel", transposed(&layers[0]["W"]));
    set(&mut model, "dense.bias", floats(&layers[0]["b"]));
    set(&mut model, "dense_1.kernel", transposed(&layers[2]["W"]));
    set(&mut model, "dense_1.bias", floats(&layers[2]["b"]));
    model
}

/// Convolution 3x3 to two channels, relu, flatten, dense 32 → 3.
pub fn conv(relu_apart: bool) -> Model {
    let model = Sequential::new([6, 6, 1]);
    let model = match relu_apart {
        true => model.add(Conv2d::new(2, [3, 3])).add(ActivationLayer::new(Activation::Relu)),
        false => model.add(Conv2d::new(2, [3, 3]).activation(Activation::Relu)),
    };
    let mut model = model.add(Flatten).add(Dense::new(3)).build(Seed(0)).unwrap();
    let all = vectors();
    let layers = &all["conv_1x6x6"]["model"]["layers"];
    // [out][1][row][column] → [row, column, 1, out]
    let kernel = floats(&layers[0]["W"]);
    let kernel = (0..9).flat_map(|place| [kernel[place], kernel[9 + place]]).collect();
    set(&mut model, "conv2d.kernel", kernel);
    set(&mut model, "conv2d.bias", floats(&layers[0]["b"]));
    // [out][channel · 16 + place] → [place · 2 + channel, out]
    let rows: Vec<Vec<f32>> = layers[3]["W"].as_array().unwrap().iter().map(floats).collect();
    let dense = (0..32).flat_map(|i| rows.iter().map(move |row| row[i % 2 * 16 + i / 2]).collect::<Vec<_>>());
    set(&mut model, "dense.kernel", dense.collect());
    set(&mut model, "dense.bias", floats(&layers[3]["b"]));
    model
}

pub fn explainer(model: Model) -> Explainer {
    Explainer::of_model(model, Vec::new(), Some(1)).unwrap()
}

/// One example, one method, without checks.
pub fn explain(explainer: &mut Explainer, x: &[f32], request: Request) -> Explanation {
    let request = Request { checks: false, ..request };
    explainer.explain(&[Sample::of(x)], &request).unwrap().remove(0)
}

pub fn request(method: Method, target: usize) -> Request {
    Request { target: Some(target.to_string()), ..Request::new(method) }
}

#[track_caller]
pub fn assert_near(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "{what}, number {i}: {a} instead of {b}");
    }
}
