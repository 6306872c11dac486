//! What must hold of the methods: sums, intervals, the same bits on any number of threads, clear errors.

mod common;

use common::{assert_near, conv, explain, explainer, floats, mlp, request, vectors};
use kamado_explain::{Explainer, Groups, Method, Request, Sample};
use kamado_nn::layers::{
    Activation, Conv2d, Dense, Embedding, Flatten, GlobalAveragePooling1d, LayerNormalization, MaxPooling2d,
};
use kamado_nn::model::{Model, Seed, Sequential};

/// Two convolutions, pooling, two dense layers: thousands of kinks.
fn deep() -> Model {
    Sequential::new([12, 12, 1])
        .add(Conv2d::new(8, [3, 3]).activation(Activation::Relu))
        .add(MaxPooling2d::new([2, 2]))
        .add(Conv2d::new(8, [3, 3]).activation(Activation::Relu))
        .add(Flatten)
        .add(Dense::new(16).activation(Activation::Relu))
        .add(Dense::new(4))
        .build(Seed(3))
        .unwrap()
}

/// The methods that need no attention.
fn of_pictures() -> impl Iterator<Item = Method> {
    let needs = [Method::AttentionRollout, Method::AttentionXGradient];
    Method::ALL.into_iter().filter(move |method| !needs.contains(method))
}

fn picture(seed: usize) -> Vec<f32> {
    (0..144).map(|i| ((i * 37 + seed * 101) % 97) as f32 / 97.0).collect()
}

#[test]
fn integrated_gradients_and_deeplift_add_up_on_relus() {
    let mut explainer = explainer(deep());
    for (seed, method) in [(0, Method::IntegratedGradients), (1, Method::IntegratedGradients), (2, Method::DeepLift)] {
        let found = explain(&mut explainer, &picture(seed), request(method, seed));
        let change = found.output - found.baseline_output;
        assert!((found.sum() - change).abs() <= 1e-4 * change.abs(), "{method}: {} {change}", found.sum());
        assert!(found.converged);
    }
}

#[test]
fn many_examples_at_once_are_each_by_itself() {
    let mut explainer = explainer(deep());
    let pictures: Vec<Sample> = (0..5).map(|seed| Sample::of(picture(seed))).collect();
    for method in of_pictures() {
        let request = Request { checks: false, ..request(method, 1) };
        let together = explainer.explain(&pictures, &request).unwrap();
        let alone = explainer.explain(&pictures[3..4], &request).unwrap();
        assert_near(&together[3].values(), &alone[0].values(), 1e-5, method.name());
    }
}

#[test]
fn the_same_bits_on_one_and_two_threads() {
    let of = |threads| {
        let mut explainer = Explainer::of_model(deep(), Vec::new(), Some(threads)).unwrap();
        let explain = |method| {
            explainer
                .explain(&[Sample::of(picture(4))], &request(method, 2))
                .map(|e| serde_json::to_string(&e).unwrap())
        };
        of_pictures().map(explain).map(Result::unwrap).collect::<Vec<_>>()
    };
    assert_eq!(of(1), of(2));
}

#[test]
fn kernel_shap_over_all_coalitions_is_exact_and_draws_are_near() {
    let groups = Groups::new(vec![(0..36).map(|i| i / 6 / 2 * 3 + i % 6 / 2).collect()]);
    let mut explainer = explainer(conv(false));
    let x = floats(&vectors()["conv_1x6x6"]["x"]);
    let mut of = |method, samples| {
        let request = Request { groups: Some(groups.clone()), samples, ..request(method, 1) };
        explain(&mut explainer, &x, request)
    };
    let exact = of(Method::Shapley, None);
    assert_near(&of(Method::KernelShap, None).values(), &exact.values(), 1e-6, "all coalitions");
    for (method, samples) in [(Method::KernelShap, 200), (Method::SampledShapley, 400)] {
        let drawn = of(method, Some(samples));
        let error = drawn.inputs[0].error.as_ref().unwrap();
        for ((a, b), e) in drawn.values().iter().zip(exact.values()).zip(error) {
            assert!((a - b).abs() <= 2.5 * e + 1e-6, "{method}: {a} {b} ± {e}");
        }
        let change = drawn.output - drawn.baseline_output;
        assert!((drawn.sum() - change).abs() < 1e-5, "{method}");
    }
}

#[test]
fn sampled_intervals_hold_the_exact_value_as_often_as_they_say() {
    let mut explainer = explainer(mlp(false));
    let x = [1.0, -0.5, 0.8, 0.3];
    let exact = explain(&mut explainer, &x, request(Method::Shapley, 0)).values();
    let (mut held, mut asked) = (0, 0);
    for seed in 0..1000 {
        let wish = Request { samples: Some(120), seed, ..request(Method::SampledShapley, 0) };
        let found = explain(&mut explainer, &x, wish);
        let (values, errors) = (found.values(), found.inputs[0].error.clone().unwrap());
        held += (0..4).filter(|&i| (values[i] - exact[i]).abs() <= errors[i]).count();
        asked += 4;
    }
    let share = f64::from(held as u32) / f64::from(asked as u32);
    assert!((0.93..=0.97).contains(&share), "{share}");
}

#[test]
fn tokens_are_explained_in_their_embeddings() {
    let model = Sequential::with_tokens([6])
        .add(Embedding::new(20, 4).mask_zero(true))
        .add(GlobalAveragePooling1d::new())
        .add(Dense::new(2))
        .build(Seed(5))
        .unwrap();
    let mut explainer = explainer(model);
    let text = Sample::of_tokens([3, 7, 11, 2, 0, 0]);
    for method in Method::ALL {
        let request = Request { checks: false, ..request(method, 1) };
        match explainer.explain(std::slice::from_ref(&text), &request) {
            Ok(found) => {
                assert_eq!(found[0].inputs[0].shape, [6]);
                let padding = &found[0].values()[4..];
                assert!(padding.iter().all(|v| v.abs() < 1e-7), "{method}: {padding:?}");
                if method.adds_up() {
                    let change = found[0].output - found[0].baseline_output;
                    assert!((found[0].sum() - change).abs() < 1e-6, "{method}");
                }
            }
            Err(error) => assert!(
                error.to_string().contains("needs a convolution") || error.to_string().contains("no attention"),
                "{method}: {error}"
            ),
        }
    }
}

#[test]
fn two_classes_on_one_output_are_opposites() {
    let model = Sequential::new([3]).add(Dense::new(1).activation(Activation::Sigmoid)).build(Seed(1)).unwrap();
    let labels = vec!["ham".to_owned(), "spam".to_owned()];
    let mut explainer = Explainer::of_model(model, labels, Some(1)).unwrap();
    let mut of = |target: &str| {
        let wish = Request { target: Some(target.to_owned()), ..Request::new(Method::IntegratedGradients) };
        explain(&mut explainer, &[1.0, 2.0, -1.0], wish)
    };
    let (ham, spam) = (of("ham"), of("1"));
    assert_eq!((ham.target, spam.target, spam.label.as_deref()), (0, 1, Some("spam")));
    assert_near(&[ham.output + spam.output], &[1.0], 1e-6, "probabilities");
    let negative: Vec<f64> = spam.values().iter().map(|v| -v).collect();
    assert_near(&ham.values(), &negative, 1e-6, "contributions");
}

#[test]
fn mistakes_are_named() {
    let mut conv = explainer(conv(false));
    let x = Sample::of(floats(&vectors()["conv_1x6x6"]["x"]));
    let mut error = |sample: &Sample, request: Request| {
        conv.explain(std::slice::from_ref(sample), &request).unwrap_err().to_string()
    };
    let ask = Request::new;
    let shape = error(&Sample::of([1.0, 2.0]), ask(Method::Gradient));
    assert!(shape.contains("takes 36 numbers of shape [6, 6, 1]") && shape.contains("has 2"), "{shape}");
    let nan = error(&Sample::of(vec![f32::NAN; 36]), ask(Method::Gradient));
    assert!(nan.contains("number 1 of the example is NaN"), "{nan}");
    let layer = error(&x, Request { layer: Some("conv2".into()), ..ask(Method::GradCam) });
    assert!(layer.contains("no layer \"conv2\"") && layer.contains("did you mean \"conv2d\"?"), "{layer}");
    let flat = error(&x, Request { layer: Some("dense".into()), ..ask(Method::GradCam) });
    assert!(flat.contains("needs places and channels, but layer \"dense\""), "{flat}");
    let target = error(&x, Request { target: Some("7".into()), ..ask(Method::Gradient) });
    assert!(target.contains("no target \"7\"") && target.contains("outputs 0 to 2"), "{target}");
    let window = error(&x, Request { window: Some(vec![3, 3, 3]), ..ask(Method::Occlusion) });
    assert!(window.contains("one for each of 2 axes"), "{window}");
    let none = explainer(mlp(false)).explain(&[Sample::of([0.5; 4])], &ask(Method::GradCam)).unwrap_err().to_string();
    assert!(none.contains("needs a convolution, and the model has none"), "{none}");
}

#[test]
fn a_constant_or_broken_model_is_told() {
    let mut model = mlp(false);
    model.variables.iter_mut().for_each(|variable| variable.value.fill(0.0));
    let error = |model: Model, method| {
        explainer(model).explain(&[Sample::of([0.5; 4])], &Request::new(method)).unwrap_err().to_string()
    };
    for method in [Method::Gradient, Method::IntegratedGradients, Method::Occlusion, Method::Shapley] {
        let constant = error(model.clone(), method);
        assert!(constant.contains("the model is constant: it answers [0.0, 0.0, 0.0]"), "{constant}");
    }
    model.variables[0].value[0] = f32::NAN;
    let broken = error(model, Method::Gradient);
    assert!(broken.contains("the model answers NaN"), "{broken}");
    let norm = Sequential::new([4]).add(LayerNormalization::new()).add(Dense::new(2)).build(Seed(1)).unwrap();
    let refused = error(norm, Method::DeepLift);
    assert!(refused.contains("DeepLIFT has no rule for layer_norm in layer \"layer_normalization\""), "{refused}");
}

#[test]
fn checks_tell_a_learnt_map_from_one_that_is_not() {
    let mut explainer = explainer(mlp(false));
    let x = Sample::of([1.0, -0.5, 0.8, 0.3]);
    let found = explainer.explain(&[x], &request(Method::Shapley, 0)).unwrap().remove(0);
    let names: Vec<&str> = found.checks.list().iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, ["adds up", "deletion", "insertion", "depends on the weights", "stable", "agrees"]);
    let again = explain(&mut explainer, &[1.0, -0.5, 0.8, 0.3], request(Method::Shapley, 0));
    assert_eq!(again.values(), found.values(), "the weights are restored after the checks");
}
