//! Schedules against Keras 3.15 and PyTorch 2.15.

use kamado_nn::optimizers::LearningRate;

fn read(text: &str) -> LearningRate {
    serde_json::from_str(text).unwrap()
}

/// Keras computes in f32; the steps are 0, 1, 4, 5, 10, 37, 50, 99, 100, 150.
fn check(text: &str, expected: [f64; 10]) {
    let schedule = read(text);
    schedule.check().unwrap();
    for (step, expected) in [0, 1, 4, 5, 10, 37, 50, 99, 100, 150].into_iter().zip(expected) {
        let got = schedule.at(step, 100);
        assert!((got - expected).abs() <= 1e-6 * expected, "{text}, step {step}: {got}, not {expected}");
    }
}

#[test]
fn keras() {
    check("0.25", [0.25; 10]);
    let cosine = [
        0.1,
        0.0999765619635582,
        0.09962545335292816,
        0.09941519796848297,
        0.09767518192529678,
        0.07136452943086624,
        0.05249999836087227,
        0.005023439880460501,
        0.005000000353902578,
        0.005000000353902578,
    ];
    check(r#"{"type": "cosine_decay", "initial_learning_rate": 0.1, "decay_steps": 100, "alpha": 0.05}"#, cosine);
    check(r#"{"type": "cosine_decay", "initial_learning_rate": 0.1, "alpha": 0.05}"#, cosine);
    let warm = r#"{"type": "cosine_decay", "initial_learning_rate": 0.01, "decay_steps": 90, "alpha": 0.1,
                   "warmup_target": 0.1, "warmup_steps": 10}"#;
    let warmed = [
        0.01,
        0.01900000125169754,
        0.046000003814697266,
        0.054999999701976776,
        0.1,
        0.08145033568143845,
        0.06281416863203049,
        0.010027412325143814,
        0.010000000707805157,
        0.010000000707805157,
    ];
    check(warm, warmed);
    check(&warm.replace(r#""decay_steps": 90,"#, ""), warmed);
    let exponential =
        r#"{"type": "exponential_decay", "initial_learning_rate": 0.1, "decay_steps": 20, "decay_rate": 0.9}"#;
    check(
        exponential,
        [
            0.1,
            0.09947458654642105,
            0.09791483730077744,
            0.09740037471055984,
            0.09486832469701767,
            0.08229029923677444,
            0.07684334367513657,
            0.05936088785529137,
            0.05904899165034294,
            0.045375220477581024,
        ],
    );
    check(
        &exponential.replace('}', r#", "staircase": true}"#),
        [
            0.1,
            0.1,
            0.1,
            0.1,
            0.1,
            0.08999999612569809,
            0.08099999278783798,
            0.06560999155044556,
            0.05904899165034294,
            0.04782968387007713,
        ],
    );
    let pieces = r#"{"type": "piecewise_constant_decay", "boundaries": [4, 50], "values": [1.0, 0.5, 0.1]}"#;
    check(pieces, [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1]);
}

#[test]
fn keras_power_time_and_restarts() {
    check(
        r#"{"type": "polynomial_decay", "initial_learning_rate": 0.1, "decay_steps": 80}"#,
        [
            0.10000000149011612,
            0.0987512543797493,
            0.09500499814748764,
            0.09375625103712082,
            0.08751250058412552,
            0.053796254098415375,
            0.037562500685453415,
            9.999999747378752e-05,
            9.999999747378752e-05,
            9.999999747378752e-05,
        ],
    );
    check(
        r#"{"type": "polynomial_decay", "initial_learning_rate": 0.1, "decay_steps": 40, "end_learning_rate": 0.01, "power": 2, "cycle": true}"#,
        [
            0.10000000149011612,
            0.09555625915527344,
            0.08289999514818192,
            0.07890625298023224,
            0.06062500178813934,
            0.010506249964237213,
            0.02265625074505806,
            0.01275625079870224,
            0.012500000186264515,
            0.010351561941206455,
        ],
    );
    check(
        r#"{"type": "inverse_time_decay", "initial_learning_rate": 0.1, "decay_steps": 20, "decay_rate": 0.5}"#,
        [
            0.10000000149011612,
            0.09756097942590714,
            0.09090909361839294,
            0.08888889104127884,
            0.07999999821186066,
            0.05194805562496185,
            0.04444444552063942,
            0.028776979073882103,
            0.02857142873108387,
            0.021052632480859756,
        ],
    );
    check(
        r#"{"type": "inverse_time_decay", "initial_learning_rate": 0.1, "decay_steps": 20, "decay_rate": 0.5, "staircase": true}"#,
        [
            0.10000000149011612,
            0.10000000149011612,
            0.10000000149011612,
            0.10000000149011612,
            0.10000000149011612,
            0.06666667014360428,
            0.05000000074505806,
            0.03333333507180214,
            0.02857142873108387,
            0.02222222276031971,
        ],
    );
    check(
        r#"{"type": "cosine_decay_restarts", "initial_learning_rate": 0.1, "first_decay_steps": 20}"#,
        [
            0.10000000149011612,
            0.09938441962003708,
            0.09045084565877914,
            0.08535534143447876,
            0.04999999701976776,
            0.06167226657271385,
            0.014644661918282509,
            0.051962997764348984,
            0.04999999701976776,
            0.09903927147388458,
        ],
    );
    check(
        r#"{"type": "cosine_decay_restarts", "initial_learning_rate": 0.1, "first_decay_steps": 30, "t_mul": 1, "m_mul": 0.5, "alpha": 0.1}"#,
        [
            0.10000000149011612,
            0.0997534841299057,
            0.096109539270401,
            0.0939711481332779,
            0.07750000059604645,
            0.04922075569629669,
            0.021250003948807716,
            0.018931293860077858,
            0.018437502905726433,
            0.012812499888241291,
        ],
    );
}

#[test]
fn pytorch_one_cycle() {
    let schedule = read(r#"{"type": "one_cycle", "max_learning_rate": 0.1}"#);
    let expected = [
        (0, 0.004),
        (1, 0.004281378056590748),
        (4, 0.008436379855794068),
        (5, 0.010870855543955726),
        (10, 0.029516394846410082),
        (29, 0.1),
        (37, 0.09681175628501273),
        (50, 0.0793893450575732),
        (99, 4e-07),
    ];
    for (step, expected) in expected {
        let got = schedule.at(step, 100);
        assert!((got - expected).abs() < 1e-12, "step {step}: {got}, not {expected}");
    }
}

#[test]
fn odd_lengths_stay_finite() {
    let texts = [
        r#"{"type": "one_cycle", "max_learning_rate": 0.1, "pct_start": 0}"#,
        r#"{"type": "one_cycle", "max_learning_rate": 0.1, "pct_start": 1}"#,
        r#"{"type": "cosine_decay", "initial_learning_rate": 0.1, "warmup_target": 0.2, "warmup_steps": 7}"#,
        r#"{"type": "cosine_decay", "initial_learning_rate": 0.1}"#,
        r#"{"type": "polynomial_decay", "initial_learning_rate": 0.1, "cycle": true}"#,
        r#"{"type": "cosine_decay_restarts", "initial_learning_rate": 0.1, "first_decay_steps": 1}"#,
    ];
    for schedule in texts.map(read) {
        for total in 0..9 {
            for step in 0..12 {
                let rate = schedule.at(step, total);
                assert!((0.0..=0.2).contains(&rate), "{schedule:?}, step {step} of {total}: {rate}");
            }
        }
    }
}

#[test]
fn settings_out_of_range_are_named() {
    let cases = [
        (
            r#"{"type": "cosine_decay", "initial_learning_rate": -1}"#,
            "learning_rate.initial_learning_rate: expected 0 or more",
        ),
        (
            r#"{"type": "cosine_decay", "initial_learning_rate": 1, "decay_steps": 0}"#,
            "learning_rate.decay_steps: must be",
        ),
        (
            r#"{"type": "cosine_decay", "initial_learning_rate": 1, "warmup_steps": 5}"#,
            "learning_rate.warmup_target: is missing",
        ),
        (r#"{"type": "one_cycle", "max_learning_rate": 1, "pct_start": 2}"#, "learning_rate.pct_start: expected"),
        (r#"{"type": "one_cycle", "max_learning_rate": 1, "div_factor": 0}"#, "learning_rate.div_factor: expected"),
        (
            r#"{"type": "exponential_decay", "initial_learning_rate": 1, "decay_steps": 0, "decay_rate": 1}"#,
            "decay_steps: must be",
        ),
        (
            r#"{"type": "cosine_decay_restarts", "initial_learning_rate": 1, "first_decay_steps": 9, "t_mul": 0.5}"#,
            "learning_rate.t_mul: expected 1 or more, got 0.5",
        ),
        (
            r#"{"type": "polynomial_decay", "initial_learning_rate": 1, "power": -1}"#,
            "learning_rate.power: expected 0 or more",
        ),
        (
            r#"{"type": "piecewise_constant_decay", "boundaries": [1], "values": [1]}"#,
            "learning_rate.values: expected one more",
        ),
        (
            r#"{"type": "piecewise_constant_decay", "boundaries": [2, 1], "values": [1, 2, 3]}"#,
            "boundaries: must ascend",
        ),
    ];
    for (text, expected) in cases {
        let error = read(text).check().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let unknown =
        serde_json::from_str::<LearningRate>(r#"{"type": "one_cycle", "max_lr": 1}"#).unwrap_err().to_string();
    assert!(unknown.contains("unknown field `max_lr`"), "{unknown}");
    let text =
        r#"{"type":"exponential_decay","initial_learning_rate":1.0,"decay_steps":3,"decay_rate":0.5,"staircase":true}"#;
    assert_eq!(serde_json::to_string(&read(text)).unwrap(), text);
}
