//! What a model refuses, and what its errors say.

use kamado_nn::init::Initializer;
use kamado_nn::layers::*;
use kamado_nn::losses::Loss;
use kamado_nn::model::{FunctionalBuilder, InputSpec, LayerSpec, ModelSpec, Seed, Sequential, TrainingSpec};
use kamado_nn::optimizers::{Adam, Optimizer, Sgd};

fn error(shape: &[usize], layer: impl Into<LayerConfig>) -> String {
    Sequential::new(shape)
        .add(ActivationLayer::new(Activation::Relu))
        .add(layer)
        .build(Seed(1))
        .unwrap_err()
        .to_string()
}

#[test]
fn errors_name_the_layer_what_was_expected_and_the_remedy() {
    assert_eq!(error(&[4], Dense::new(0)), "model.layers[1] \"dense\" (dense): units must be at least 1, got [0]");
    assert_eq!(
        error(&[28, 28], Conv2d::new(8, [3, 3])),
        "model.layers[1] \"conv2d\" (conv2d): expected images [B, height, width, channels], got [B, 28, 28]; for images \
         without a channel axis, add a reshape layer with target_shape [height, width, 1] before it"
    );
    let normal = Initializer::RandomNormal { mean: 0.0, stddev: -1.0 };
    let uniform = Initializer::RandomUniform { minval: 1.0, maxval: -1.0 };
    let nan = Initializer::Constant { value: f64::NAN };
    let cases = [
        (error(&[], Dense::new(1)), "target_shape [1]"),
        (error(&[8, 8, 1], Conv2d::new(0, [3, 3])), "filters must be at least 1"),
        (error(&[8, 8, 1], Conv2d::new(1, [0, 3])), "kernel_size must be at least 1, got [0, 3]"),
        (error(&[8, 8, 1], Conv2d::new(1, [3, 3]).strides([0, 1])), "strides must be at least 1"),
        (error(&[8, 8, 1], Conv2d::new(1, [3, 3]).groups(0)), "groups must be at least 1"),
        (
            error(&[8, 8, 3], Conv2d::new(4, [3, 3]).groups(2)),
            "number of input channels that 2 groups divide evenly, got 3",
        ),
        (error(&[8, 8, 2], Conv2d::new(3, [3, 3]).groups(2)), "number of filters that 2 groups divide evenly, got 3"),
        (error(&[8, 8, 1], Conv2d::new(1, [3, 3]).strides([2, 2]).dilation_rate([2, 2])), "cannot both differ from 1"),
        (error(&[2, 2, 1], Conv2d::new(1, [3, 3])), "model.layers[1] \"conv2d\" (conv2d): conv2d: "),
        (error(&[8, 8, 1], MaxPooling2d::new([0, 2])), "pool_size must be at least 1"),
        (error(&[2, 2, 1], MaxPooling2d::new([3, 3])), "(max_pooling2d): max_pool2d: "),
        (error(&[8, 8, 1], AveragePooling2d::default().strides([0, 0])), "strides must be at least 1"),
        (error(&[8], GlobalAveragePooling2d::new()), "expected images"),
        (error(&[8], Dropout::new(1.0)), "rate must be at least 0 and less than 1, got 1"),
        (error(&[8], Dropout::new(f64::NAN)), "got NaN"),
        (error(&[8], BatchNormalization::new().momentum(1.5)), "momentum must be between 0 and 1, got 1.5"),
        (error(&[8], BatchNormalization::new().epsilon(0.0)), "epsilon must be greater than 0"),
        (error(&[], ActivationLayer::new(Activation::Softmax)), "softmax needs an axis"),
        (error(&[8], Reshape::new([3, 3])), "8 elements per example, which target_shape [3, 3] does not hold"),
        (error(&[8], Reshape::new([-1, -1])), "target_shape [-1, -1]"),
        (error(&[8], Reshape::new([-2, -4])), "target_shape [-2, -4]"),
        (error(&[8], Reshape::new([0, -1])), "target_shape [0, -1]"),
        (
            error(&[8], Dense::new(1).kernel_initializer(normal)),
            "kernel_initializer: stddev must be at least 0, got -1",
        ),
        (error(&[8], Dense::new(1).bias_initializer(uniform)), "bias_initializer: minval must be at most maxval"),
        (error(&[8], Dense::new(1).bias_initializer(nan)), "bias_initializer: expected finite numbers, got NaN"),
        (error(&[8], Add), "expected two or more inputs, got 1; layers that merge need the functional builder"),
    ];
    for (error, expected) in cases {
        assert!(error.starts_with("model.layers[1] ") && error.contains(expected), "{error}");
    }
}

#[test]
fn absurd_sizes_are_refused_before_anything_is_allocated() {
    let huge = usize::MAX / 2;
    for (shape, layer) in [
        (vec![4], Dense::new(huge).into()),
        (vec![1 << 39], LayerConfig::from(Dense::new(1 << 39))),
        (vec![1 << 20], Dense::new(1 << 20).into()),
        (vec![8, 8, 1], Conv2d::new(huge, [3, 3]).padding(Padding::Same).into()),
        (vec![8, 8, 1], Conv2d::new(1, [huge, huge]).padding(Padding::Same).into()),
        (vec![8, 8, 1], Conv2d::new(1, [3, 3]).dilation_rate([huge, huge]).into()),
        (vec![8, 8, 1], MaxPooling2d::new([huge, huge]).padding(Padding::Same).strides([huge, 1]).into()),
        (vec![8], Reshape::new([isize::MAX, isize::MAX]).into()),
    ] {
        let kind = layer.kind();
        // Same-padded pooling with one window over everything is legal, if odd.
        let result = Sequential::new(shape).add(layer).build(Seed(1));
        assert!(result.is_err() || kind == "max_pooling2d", "{kind}");
    }
    assert!(Sequential::new([huge, huge]).add(Flatten).build(Seed(1)).is_err());
    assert!(Sequential::new([0]).add(Flatten).build(Seed(1)).is_err());
}

#[test]
fn descriptions_that_do_not_hang_together() {
    let layer = |name: &str, input: &str| LayerSpec {
        name: name.into(),
        config: Dense::new(2).into(),
        inputs: vec![input.into()],
        shares: None,
        trainable: true,
    };
    let spec = |layers: Vec<LayerSpec>, outputs: &[&str]| ModelSpec {
        name: "test".into(),
        inputs: vec![InputSpec { name: "x".into(), shape: vec![3], dtype: kamado_graph::shape::DType::F32 }],
        layers,
        outputs: outputs.iter().map(|s| (*s).to_owned()).collect(),
    };
    let error = |spec: &ModelSpec| spec.variables().unwrap_err().to_string();
    let good = spec(vec![layer("a", "x"), layer("b", "a"), layer("c", "a")], &["c"]);
    assert_eq!(good.variables().unwrap().len(), 6);
    assert_eq!(good.unused_layers(), ["b"]);
    assert!(error(&spec(vec![layer("a", "y")], &["a"])).contains("reads \"y\", which is neither an input"));
    assert!(error(&spec(vec![layer("a", "a")], &["a"])).contains("reads \"a\""));
    assert!(error(&spec(vec![layer("a", "x"), layer("a", "x")], &["a"])).contains("model.layers[1] \"a\""));
    assert!(error(&spec(vec![layer("a.b", "x")], &["a.b"])).contains("without spaces and dots"));
    assert!(error(&spec(vec![layer("a", "x")], &["x"])).contains("output \"x\" is not a layer"));
    assert!(error(&spec(vec![layer("a", "x")], &["a", "a"])).contains("listed twice"));
    assert!(error(&spec(vec![], &["x"])).contains("at least one input, one layer and one output"));
    let mut shared = spec(vec![layer("a", "x"), layer("b", "x")], &["b"]);
    shared.layers[1].shares = Some("c".into());
    assert!(error(&shared).contains("shares the weights of \"c\""));
    shared.layers[1].shares = Some("a".into());
    assert_eq!(shared.variables().unwrap().len(), 2);
    shared.layers[1].inputs = vec!["a".into()];
    assert!(error(&shared).contains("needs kernel of shape [2, 2] for its input, but that of layer \"a\""));
}

#[test]
fn unused_weights_are_named_when_training() {
    let mut b = FunctionalBuilder::new();
    let x = b.input("x", [3]);
    let _unused = b.named("forgotten", Dense::new(2), &[x]);
    let y = b.layer(Dense::new(2), &[x]);
    let model = b.build(&[y], Seed(1)).unwrap();
    let training = TrainingSpec::new(Loss::MSE, Adam::default());
    let error = model.training_graph(&training).unwrap_err().to_string();
    assert!(error.contains("\"forgotten.kernel\"") && error.contains("does not depend on it"), "{error}");
    let nothing = Sequential::new([3]).add(Flatten).build(Seed(1)).unwrap();
    assert!(nothing.training_graph(&training).unwrap_err().to_string().contains("no weights to train"));
}

#[test]
fn automatic_names_count_and_step_aside() {
    let spec = Sequential::new([3])
        .add(Dense::new(2))
        .add_named("dense_1", Dense::new(2))
        .add(Dense::new(2))
        .add(Flatten)
        .spec();
    let names: Vec<_> = spec.layers.iter().map(|l| l.name.as_str()).collect();
    assert_eq!(names, ["dense", "dense_1", "dense_2", "flatten"]);
}

#[test]
fn recipes_fill_in_the_defaults_of_keras() {
    let read = |text: &str| serde_json::from_str::<LayerConfig>(text);
    let written = r#"{"type": "conv2d", "filters": 32, "kernel_size": [3, 3], "activation": "relu"}"#;
    assert_eq!(read(written).unwrap(), Conv2d::new(32, [3, 3]).activation(Activation::Relu).into());
    assert_eq!(read(r#"{"type": "conv2d", "filters": 2, "kernel_size": 5}"#).unwrap(), Conv2d::new(2, [5, 5]).into());
    assert_eq!(read(r#"{"type": "max_pooling2d"}"#).unwrap(), MaxPooling2d::default().into());
    assert_eq!(
        read(r#"{"type": "average_pooling2d", "strides": 1}"#).unwrap(),
        AveragePooling2d::default().strides([1, 1]).into()
    );
    assert_eq!(read(r#"{"type": "batch_normalization"}"#).unwrap(), BatchNormalization::new().into());
    let error = |text: &str| read(text).unwrap_err().to_string();
    assert!(error(r#"{"type": "dense"}"#).contains("missing field `units`"));
    assert!(
        error(r#"{"type": "dense", "units": 2, "activation": "relo"}"#).contains("expected one of `linear`, `relu`")
    );
    assert!(error(r#"{"type": "conv3d"}"#).contains("unknown variant `conv3d`"));
    assert!(error(r#"{"type": "conv2d", "filters": 2, "kernel_size": [1, 2, 3]}"#).contains("invalid length 3"));
    assert!(error(r#"{"type": "conv2d", "filters": 2, "kernel_size": -1}"#).contains("whole number"));
    for kind in LayerConfig::KINDS {
        let message = error(&format!(r#"{{"type": {kind:?}, "colour": 1}}"#));
        assert!(message.contains("unknown field `colour`"), "{kind}: {message}");
    }
}

#[test]
fn toml_is_read_like_json() {
    #[derive(serde::Deserialize)]
    struct Recipe {
        layers: Vec<LayerConfig>,
        optimizer: Optimizer,
        loss: Loss,
    }
    let recipe: Recipe = toml::from_str(
        r#"
        layers = [
          { type = "conv2d", filters = 32, kernel_size = 3, activation = "relu" },
          { type = "flatten" },
          { type = "dense", units = 10, activation = "softmax", kernel_initializer = "he_normal" },
        ]
        optimizer = { type = "sgd", learning_rate = 1, momentum = 0.9 }
        loss = "mse"
        "#,
    )
    .unwrap();
    let dense = Dense::new(10).activation(Activation::Softmax).kernel_initializer(Initializer::HeNormal);
    let conv = Conv2d::new(32, [3, 3]).activation(Activation::Relu);
    assert_eq!(recipe.layers, [conv.into(), Flatten.into(), dense.into()]);
    assert_eq!(recipe.optimizer, Sgd { learning_rate: 1.0.into(), momentum: 0.9, ..Sgd::default() }.into());
    assert_eq!(recipe.loss, Loss::MSE);
}

#[test]
fn the_same_seed_gives_the_same_weights() {
    let build = |seed| Sequential::new([3]).add(Dense::new(2)).add(Dense::new(2)).build(Seed(seed)).unwrap();
    assert_eq!(build(1), build(1));
    assert_ne!(build(1), build(2));
    let limit = (6.0f32 / 5.0).sqrt();
    let model = build(1);
    assert!(model.variable("dense.kernel").unwrap().value.iter().all(|x| x.abs() <= limit));
    assert!(model.variable("dense_1.bias").unwrap().value.iter().all(|&x| x == 0.0));
}
