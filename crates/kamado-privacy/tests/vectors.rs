//! The accountant against published accountants, quadrature and closed forms (`fixtures/vectors.json`).

use kamado_privacy::{Accountant, SampledGaussian, calibrate, rdp};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap()
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn list<'a>(vectors: &'a Value, key: &str) -> &'a [Value] {
    vectors[key].as_array().unwrap()
}

#[test]
fn epsilon_lies_between_the_bounds_of_numerical_accountants() {
    let vectors = vectors();
    assert_eq!(list(&vectors, "poisson").len(), 9);
    for vector in list(&vectors, "poisson") {
        let mechanism = SampledGaussian::new(number(vector, "q"), number(vector, "sigma")).unwrap();
        let mut accountant = Accountant::new();
        accountant.charge(mechanism, vector["T"].as_u64().unwrap());
        let bounds = accountant.epsilon(number(vector, "delta")).unwrap();
        let (least, most) = (number(vector, "prv_lower"), number(vector, "pld") + 1e-3);
        let name = &vector["name"];
        assert!(bounds.upper >= least && bounds.upper <= most, "{name}: {bounds:?} is not in {least} to {most}");
        assert!(
            bounds.lower >= least && bounds.lower <= bounds.upper,
            "{name}: {bounds:?} is not in {least} to {most}"
        );
        assert!(bounds.upper - bounds.lower < 1e-3 * (1.0 + bounds.upper), "{name}: {bounds:?}");
        let (loose, _) = rdp::epsilon(accountant.phases(), number(vector, "delta"));
        assert!(loose >= bounds.lower, "{name}: {loose} by Rényi is less than {bounds:?}");
        let published = number(vector, "rdp");
        assert!(loose <= published * (1.0 + 1e-9), "{name}: {loose} by Rényi, others {published}");
    }
}

#[test]
fn one_step_and_full_batches_are_exact() {
    for vector in list(&vectors(), "one_step") {
        let mut accountant = Accountant::new();
        accountant.charge(SampledGaussian::new(number(vector, "q"), number(vector, "sigma")).unwrap(), 1);
        let bounds = accountant.epsilon(number(vector, "delta")).unwrap();
        let truth = number(vector, "remove").max(number(vector, "add"));
        assert!((bounds.upper - truth).abs() < 1e-6 && (bounds.lower - truth).abs() < 1e-6, "{vector}: {bounds:?}");
    }
    // 20 steps of noise 5 without sampling are one of noise 5 / sqrt(20).
    let (mut many, mut one) = (Accountant::new(), Accountant::new());
    many.charge(SampledGaussian::new(1.0, 5.0).unwrap(), 20);
    one.charge(SampledGaussian::new(1.0, 5.0 / 20f64.sqrt()).unwrap(), 1);
    let (many, one) = (many.epsilon(1e-6).unwrap(), one.epsilon(1e-6).unwrap());
    assert!((many.upper - one.upper).abs() < 1e-7, "{many:?} {one:?}");
}

#[test]
fn renyi_divergences_are_those_of_quadrature() {
    let vectors = vectors();
    for vector in list(&vectors, "rdp") {
        let mechanism = SampledGaussian::new(number(vector, "q"), number(vector, "sigma")).unwrap();
        let (found, truth) = (rdp::rdp(&mechanism, number(vector, "alpha")), number(vector, "exact"));
        assert!((found / truth - 1.0).abs() < 1e-6, "{vector}: {found}");
    }
}

#[test]
fn phases_of_several_kinds_add_up() {
    let vectors = vectors();
    for vector in list(&vectors, "heterogeneous") {
        let mut accountant = Accountant::new();
        for phase in list(vector, "phases_q_sigma_T") {
            let mechanism = SampledGaussian::new(phase[0].as_f64().unwrap(), phase[1].as_f64().unwrap()).unwrap();
            accountant.charge(mechanism, phase[2].as_u64().unwrap());
        }
        let bounds = accountant.epsilon(number(vector, "delta")).unwrap();
        // The reference rounds losses to 1e-4 up, the other computes to 0.01.
        assert!((bounds.upper - number(vector, "pld")).abs() < 1e-3, "{vector}: {bounds:?}");
        assert!(bounds.lower > bounds.upper - 1e-3, "{bounds:?}");
    }
}

#[test]
fn calibrated_noise_costs_what_was_asked_for_and_no_less() {
    for vector in list(&vectors(), "calibration") {
        let (q, delta, target) = (number(vector, "q"), number(vector, "delta"), number(vector, "target_eps"));
        let steps = vector["T"].as_u64().unwrap();
        let noise = calibrate(target, delta, q, steps).unwrap();
        let mut accountant = Accountant::new();
        accountant.charge(SampledGaussian::new(q, noise).unwrap(), steps);
        let bounds = accountant.epsilon(delta).unwrap();
        assert!(bounds.upper <= target && bounds.upper > target * (1.0 - 1e-5), "{vector}: {noise} costs {bounds:?}");
        assert!((noise / number(vector, "pld_noise") - 1.0).abs() < 2e-3, "{vector}: {noise}");
    }
}

#[test]
fn hard_corners_have_an_answer_between_their_bounds() {
    for (q, sigma, steps, delta) in [
        (0.001, 0.5, 1_000_000, 1e-12),
        (0.9, 30.0, 10_000, 1e-12),
        (1e-5, 0.3, 100_000, 1e-9),
        (0.5, 0.3, 50, 1e-6),
        (0.01, 200.0, 100, 1e-5),
        (0.02, 1.0, 2, 1e-5),
        (0.2, 100.0, 3_000, 1e-3),
    ] {
        let mut accountant = Accountant::new();
        accountant.charge(SampledGaussian::new(q, sigma).unwrap(), steps);
        let bounds = accountant.epsilon(delta).unwrap();
        let (loose, _) = rdp::epsilon(accountant.phases(), delta);
        assert!(
            bounds.lower <= bounds.upper && bounds.upper <= loose * 1.001 + 1e-9,
            "{q} {sigma}: {bounds:?} {loose}"
        );
        assert!(bounds.upper - bounds.lower < 2e-3 * (1.0 + bounds.upper), "{q} {sigma} {steps}: {bounds:?} {loose}");
    }
}

#[test]
fn impossible_requests_are_refused_with_a_remedy() {
    for (q, sigma) in [(0.0, 1.0), (1.5, 1.0), (f64::NAN, 1.0), (0.1, 0.0), (0.1, f64::INFINITY)] {
        assert!(SampledGaussian::new(q, sigma).is_err(), "{q} {sigma}");
    }
    let mut accountant = Accountant::new();
    accountant.charge(SampledGaussian::new(0.1, 1.0).unwrap(), 10);
    for delta in [0.0, 1.0, -1.0, f64::NAN] {
        let error = accountant.epsilon(delta).unwrap_err().to_string();
        assert!(error.contains("such as 1e-5"), "{error}");
    }
    assert!(calibrate(0.0, 1e-5, 0.1, 10).is_err());
    assert!(calibrate(1e-6, 1e-5, 1.0, 10_000_000).unwrap_err().to_string().contains("no noise multiplier"));
    assert_eq!(Accountant::new().epsilon(1e-5).unwrap().upper, 0.0);
}
