//! The text form: awkward names and numbers come back as they were, and no text makes the parser panic.

use kamado_graph::graph::{Graph, Role, Update, VariableInfo};
use kamado_graph::op::Op;
use kamado_graph::rng::Rng;
use kamado_graph::shape::{DType, Shape, TensorType};
use kamado_graph::testing::case_graph;
use kamado_graph::update::{MovingAverage, Settings, UpdateRule};

#[test]
fn awkward_names_survive() {
    let names = ["a : b", "\"] @ \n\" = %1", " ", "層", "x(%0) {\"y\":1} : f32[B] @z", "\u{2028}", "\\", ")"];
    let mut graph = Graph::new();
    for (i, name) in names.into_iter().enumerate() {
        graph.set_scope(name);
        let x = graph.input(name, TensorType::f32(Shape::fixed(&[2]))).unwrap();
        let y = graph.relu(x).unwrap();
        graph.set_output(name, y);
        let info = VariableInfo { name: name.into(), shape: vec![2], role: Role::NonTrainable };
        let (variable, _) = graph.variable(info).unwrap();
        let rule = UpdateRule::MovingAverage(MovingAverage { momentum: 0.99, warm_up: true });
        let settings = Settings { every: 1 + i as u64 % 3, learning_rate: 1e-4 * i as f64, ..Settings::default() };
        graph.add_update(Update { rule, variable, slots: vec![], value: y, settings });
    }
    graph.set_scope("");
    let text = graph.to_string();
    assert_eq!(text.parse::<Graph>().as_ref(), Ok(&graph), "{text}");
}

#[test]
fn numbers_survive_to_the_last_bit() {
    let mut rng = Rng::new(3, 0);
    let mut graph = Graph::new();
    for _ in 0..2000 {
        let value = f64::from_bits(rng.next_u64());
        if value.is_finite() {
            graph.constant(value, Shape::scalar()).unwrap();
        }
    }
    assert!(graph.constant(f64::NAN, Shape::scalar()).unwrap_err().to_string().contains("must be finite, got NaN"));
    assert_eq!(graph.to_string().parse::<Graph>(), Ok(graph));
}

#[test]
fn errors_name_the_line() {
    let input = r#"%0 = input() {"name":"x","ty":{"dtype":"f32","shape":["b"]}} : f32[B]"#;
    let error = |text: &str| text.parse::<Graph>().unwrap_err().to_string();
    assert!(error("\nhello").starts_with("line 2: expected `variable N = …`"));
    assert!(error("%1 = relu(%0) : f32[B]").starts_with("line 1: "));
    assert!(error("%0 = frelu() : f32[B]").contains("operator \"frelu\""));
    assert!(error("%0 = relu(%0) : f32[B]").contains("its input %0 does not come before it"));
    assert!(error("%0 = relu() : f64[B]").contains("expected a type such as f32[B, 3], got \"f64[B]\""));
    assert!(error(input).starts_with("line 1: operator \"input\""));
    let graph = "%0 = constant() {\"value\":1.0,\"shape\":[{\"fixed\":3}]} : f32[3]\n";
    assert!(error(&format!("{graph}%1 = relu(%0) : f32[4]")).contains("declared f32[4] but infers f32[3]"));
    assert!(
        error(&format!("{graph}%1 = constant(%0) {{\"value\":1.0,\"shape\":[]}} : f32[]")).contains("expects 0 inputs")
    );
    assert!(
        error(&format!("{graph}output \"y\" = %0\noutput \"y\" = %0")).contains("output \"y\": another has this name")
    );
    let huge = r#"%0 = constant() {"value":1.0,"shape":[{"fixed":9999999999},{"fixed":9999999999}]} : f32[9999999999, 9999999999]"#;
    assert!(error(huge).contains("too many elements"));
    assert!(
        error(r#"variable 0 = {"name":"w","shape":[9999999999,9999999999],"role":"slot"}"#)
            .contains("too many elements")
    );
}

/// Changes a text in a few random places: digits, lines, pieces of lines, single characters.
fn mutate(text: &str, rng: &mut Rng) -> String {
    const NUMBERS: [&str; 8] = ["0", "1", "3", "-1", "4294967295", "18446744073709551615", "1e999", "9999999999"];
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..1 + rng.below(3) {
        let (a, b) = (rng.below(lines.len() as u64) as usize, rng.below(lines.len() as u64) as usize);
        let mut chars: Vec<char> = lines[a].chars().collect();
        let at = rng.below(chars.len() as u64 + 1) as usize;
        match rng.below(6) {
            0 => chars = lines[b].chars().collect(),
            1 => chars.truncate(at),
            2 => chars.insert(at, char::from(32 + rng.below(95) as u8)),
            3 if at < chars.len() => _ = chars.remove(at),
            _ => {
                let digits: Vec<_> = (0..chars.len()).filter(|&i| chars[i].is_ascii_digit()).collect();
                if let Some(&digit) = digits.get(rng.below(digits.len() as u64) as usize) {
                    chars.splice(digit..=digit, NUMBERS[rng.below(NUMBERS.len() as u64) as usize].chars());
                }
            }
        }
        lines[a] = chars.into_iter().collect();
    }
    lines.join("\n")
}

/// Parses a text and, if it is a graph, prints it again and differentiates it. Says whether it is one.
fn exercise(text: &str) -> bool {
    let Ok(mut graph) = text.parse::<Graph>() else { return false };
    assert_eq!(graph.to_string().parse::<Graph>().as_ref(), Ok(&graph), "{text}");
    let Some(loss) = graph.output("loss").filter(|&id| graph.node(id).ty.dtype == DType::F32) else { return true };
    let targets: Vec<_> = graph.inputs().map(|(_, id)| id).collect();
    for target in targets {
        if graph.gradients(loss, &[target]).is_ok() {
            graph.verify().unwrap();
        }
    }
    true
}

#[test]
fn no_text_makes_the_parser_panic() {
    let mut rng = Rng::new(5, 0);
    let (mut mutants, mut graphs) = (0, 0);
    for (name, cases) in Op::all_cases() {
        for case in cases.iter().take(4) {
            let text = case_graph(case, 0).unwrap().0.to_string();
            for _ in 0..60 {
                let mutant = mutate(&text, &mut rng);
                let outcome = std::panic::catch_unwind(|| exercise(&mutant));
                assert!(outcome.is_ok(), "{name}:\n{mutant}");
                mutants += 1;
                graphs += usize::from(outcome.is_ok_and(|is_graph| is_graph));
            }
        }
    }
    assert!(graphs > mutants / 50, "of {mutants} mutants only {graphs} are graphs, so little was tested");
}
