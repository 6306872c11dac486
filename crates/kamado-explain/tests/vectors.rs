//! Published values: PyTorch, Captum and closed forms in float64.

mod common;

use common::{assert_near, conv, explain, explainer, flat, floats, mlp, request, vectors};
use kamado_explain::{Groups, Method, Request, Sample};

const NEAR: f64 = 1e-5;

#[test]
fn a_smooth_network() {
    let all = vectors();
    let known = &all["mlp_tanh_4_5_3"];
    let (mut logits, mut softmax) = (explainer(mlp(false)), explainer(mlp(true)));
    let background: Vec<Sample> =
        known["background_rows"].as_array().unwrap().iter().map(|row| Sample::of(floats(row))).collect();
    for case in known["cases"].as_array().unwrap() {
        let (x, baseline) = (floats(&case["x"]), Sample::of(floats(&case["baseline"])));
        for known in case["per_target"].as_array().unwrap() {
            let target = known["target"].as_u64().unwrap() as usize;
            let mut check = |method: Method, change: &dyn Fn(Request) -> Request, key: &str| {
                let wish = Request { baselines: vec![baseline.clone()], ..request(method, target) };
                let found = explain(&mut logits, &x, change(wish));
                assert_near(&found.values(), &flat(&known[key]), NEAR, key);
                assert_near(&[found.output], &[flat(&case["logits_x"])[target]], NEAR, "output");
                found
            };
            let same = |request| request;
            check(Method::Gradient, &same, "gradient_signed");
            check(Method::InputXGradient, &same, "input_x_gradient");
            let ig = check(Method::IntegratedGradients, &same, "ig");
            assert_near(&[ig.baseline_output], &[flat(&case["logits_baseline"])[target]], NEAR, "baseline");
            let fifty = |request| Request { steps: Some(50), ..request };
            check(Method::IntegratedGradients, &fifty, "ig_gauss_legendre_50");
            check(Method::DeepLift, &same, "deeplift_rescale");
            check(Method::Occlusion, &same, "feature_ablation");
            check(Method::Shapley, &same, "shapley_baseline_exact");
            check(Method::KernelShap, &same, "shapley_baseline_exact");
            let rows = |request| Request { baselines: background.clone(), ..request };
            let over_rows = check(Method::Shapley, &rows, "shapley_interventional_exact_background3");
            let base = known["shapley_interventional_base_value"].as_f64().unwrap();
            assert_near(&[over_rows.baseline_output], &[base], NEAR, "base value");
            let wish = Request { baselines: vec![baseline.clone()], ..request(Method::Shapley, target) };
            let found = explain(&mut softmax, &x, wish);
            let key = "shapley_baseline_exact_on_softmax_prob";
            assert_near(&found.values(), &flat(&known[key]), NEAR, key);
        }
    }
}

#[test]
fn a_convolution() {
    let all = vectors();
    let known = &all["conv_1x6x6"];
    let x = floats(&known["x"]);
    let quadrants = flat(&known["segments_4_quadrants"]).into_iter().map(|x| x as usize).collect();
    for relu_apart in [false, true] {
        let mut explainer = explainer(conv(relu_apart));
        for known in known["per_target"].as_array().unwrap() {
            let target = known["target"].as_u64().unwrap() as usize;
            let mut check = |wish: Request, key: &str| {
                let found = explain(&mut explainer, &x, wish);
                assert_near(&found.values(), &flat(&known[key]), NEAR, key);
            };
            check(request(Method::Gradient, target), "gradient_signed");
            check(request(Method::InputXGradient, target), "input_x_gradient");
            check(request(Method::IntegratedGradients, target), "ig_exact_piecewise");
            check(request(Method::DeepLift, target), "deeplift_rescale");
            check(request(Method::GradCam, target), "gradcam_upsampled_bilinear_6x6_align_corners_false");
            for (window, stride) in [(3, 1), (3, 3), (2, 2), (1, 1)] {
                let (one, key) = (request(Method::Occlusion, target), format!("occlusion_w{window}_s{stride}"));
                check(Request { window: Some(vec![window]), stride: Some(vec![stride]), ..one }, &key);
            }
            let groups = Some(Groups::new(vec![Vec::clone(&quadrants)]));
            let found = explain(&mut explainer, &x, Request { groups, ..request(Method::Shapley, target) });
            let mut sums = [0.0; 4];
            found.values().iter().zip(&quadrants).for_each(|(value, &part)| sums[part] += value);
            assert_near(&sums, &flat(&known["shapley_exact_4_segments"]), NEAR, "four segments");
        }
    }
}

#[test]
fn deletion_and_insertion() {
    let all = vectors();
    let known = &all["conv_1x6x6"];
    let mut explainer = explainer(conv(false));
    for known in known["per_target"].as_array().unwrap() {
        let target = known["target"].as_u64().unwrap() as usize;
        let wish = request(Method::IntegratedGradients, target);
        let x = Sample::of(floats(&all["conv_1x6x6"]["x"]));
        let checks = explainer.explain(&[x], &wish).unwrap().remove(0).checks;
        for (curve, name) in [(checks.deletion.unwrap(), "deletion"), (checks.insertion.unwrap(), "insertion")] {
            assert_near(&curve.curve, &flat(&known[format!("{name}_curve")]), NEAR, name);
            assert_near(&[curve.auc], &flat(&known[format!("{name}_auc")]), NEAR, name);
        }
        assert!(checks.completeness.unwrap().passed);
    }
}
