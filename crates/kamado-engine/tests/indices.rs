//! Indices that address no row are errors that a person can read.

use kamado_engine::{Feed, Runtime, Session, Store};
use kamado_graph::graph::Graph;
use kamado_graph::ops::Gather;
use kamado_graph::shape::{Shape, TensorType};
use kamado_graph::update::StepInfo;

fn message(gather: Gather, indices: &[i32]) -> String {
    let mut graph = Graph::new();
    let table = graph.input("table", TensorType::f32(Shape::fixed(&[5, 1]))).unwrap();
    let tokens = graph.input("tokens", TensorType::i32(Shape::batched(&[3]))).unwrap();
    graph.set_scope("embedding");
    let y = graph.gather(table, tokens, gather).unwrap();
    graph.set_output("y", y);
    let mut store = Store::new(&[]).unwrap();
    let mut session = Session::new(&Runtime::new(Some(1)).unwrap(), graph, &store).unwrap();
    let info = StepInfo { seed: 0, step: 0, learning_rate: 0.0 };
    let feeds = [("table", Feed::F32(&[0.0, 1.0, 2.0, 3.0, 4.0])), ("tokens", Feed::I32(indices))];
    match session.run(&mut store, 2, &info, &feeds) {
        Ok(outputs) => format!("{:?}", outputs.get("y").unwrap()),
        Err(e) => e.to_string(),
    }
}

#[test]
fn errors_name_the_place() {
    let whole = Gather::default();
    assert_eq!(message(whole.clone(), &[0, 1, 2, 3, 4, 0]), "[0.0, 1.0, 2.0, 3.0, 4.0, 0.0]");
    assert_eq!(
        message(whole, &[0, 1, 2, 3, 5, 0]),
        "layer \"embedding\": index 5, number 1 in row 1 of \"tokens\", is not one of the 5 rows 0 to 4 of its table; \
         number from 0, or make the table larger"
    );
    let columns = Gather { rows: vec![3, 2], first_column: 1 };
    assert_eq!(message(columns.clone(), &[99, 2, 1, 99, 0, 0]), "[2.0, 4.0, 0.0, 3.0]");
    let wrong = message(columns, &[99, 2, -1, 99, 0, 0]);
    assert!(wrong.contains("index -1, number 2 in row 0 of \"tokens\", is not one of the 2 rows 0 to 1"), "{wrong}");
}
