//! A table's gradient and update in one pass, against one after the other: the same bits.

mod support;

use kamado_kernels::Exec;
use kamado_kernels::gather::{
    Addressing, RowGradient, gather_gradient, gather_gradient_scratch, update_rows, update_rows_scratch,
};
use kamado_kernels::update_rule::{Adam, Descent, Parameter, UpdateRule, update};
use support::{everywhere, noise};

fn adam() -> UpdateRule {
    UpdateRule::Adam(Adam { alpha: 0.01, first: 0.1, second: 0.001, epsilon: 1e-7 })
}

fn descent() -> UpdateRule {
    UpdateRule::Descent(Descent { learning_rate: 0.1 })
}

struct Example {
    by: Addressing,
    indices: Vec<i32>,
    width: usize,
    rule: UpdateRule,
    keep: f32,
}

impl Example {
    fn len(&self) -> usize {
        self.by.table_rows() * self.width
    }

    fn dy(&self) -> Vec<f32> {
        noise(3, self.by.places(self.indices.len()) * self.width)
    }

    /// Weights, then slots, as they were.
    fn start(&self) -> Vec<f32> {
        let slots = noise(5, 2 * self.len()).into_iter().map(f32::abs);
        noise(4, self.len()).into_iter().chain(slots).collect()
    }

    fn with_table(&self, body: impl FnOnce(Parameter<'_>)) -> Vec<f32> {
        let mut all = self.start();
        let (value, slots) = all.split_at_mut(self.len());
        let (first, second) = slots.split_at_mut(self.len());
        body(Parameter { value, slots: [first, second, &mut []], keep: self.keep });
        all
    }

    fn fused(&self, exec: Exec<'_>, lazy: bool) -> Vec<f32> {
        let dy = self.dy();
        let threads = exec.pool.threads();
        let mut scratch = vec![f32::NAN; update_rows_scratch(&self.by, self.indices.len(), self.width, threads)];
        self.with_table(|table| {
            let gradient = RowGradient { dy: &dy, width: self.width, by: &self.by, indices: &self.indices };
            update_rows(exec, &self.rule, table, gradient, lazy, &mut scratch).unwrap();
        })
    }

    fn apart(&self, exec: Exec<'_>) -> Vec<f32> {
        let mut scratch = vec![f32::NAN; gather_gradient_scratch(&self.by, self.indices.len())];
        let mut g = vec![f32::NAN; self.len()];
        gather_gradient(exec, &self.dy(), self.width, &self.by, &self.indices, &mut scratch, &mut g).unwrap();
        self.with_table(|table| update(exec, &self.rule, table, &g))
    }
}

fn examples(rule: UpdateRule, keep: f32) -> Vec<Example> {
    let index = |seed, n: usize, below: usize| -> Vec<i32> {
        noise(seed, n).into_iter().map(|x| ((x + 2.0) / 4.0 * below as f32) as i32 % below as i32).collect()
    };
    let whole = |rows: usize, places, width| {
        let (by, indices) = (Addressing::whole(rows), index(9, places, rows));
        Example { by, indices, width, rule, keep }
    };
    let by = Addressing::by_column(3, 1, &[50, 400]);
    let columns = Example { by, indices: index(8, 3 * 40, 50), width: 16, rule, keep };
    vec![whole(1, 1, 1), whole(7, 0, 5), whole(900, 300, 16), whole(40, 90, 3), whole(3, 8, 2000), columns]
}

#[test]
fn one_pass_gives_the_bits_of_two() {
    for example in [examples(adam(), 0.99), examples(descent(), 1.0), examples(descent(), 0.5)].into_iter().flatten() {
        let isas = kamado_kernels::isa::Isa::available();
        for isa in isas {
            let pool = kamado_kernels::pool::ThreadPool::new(2);
            let exec = Exec { isa, pool: &pool };
            assert_eq!(example.fused(exec, false), example.apart(exec), "{}", isa.name());
        }
    }
}

#[test]
fn lazy_updates_leave_other_rows_alone() {
    for example in examples(adam(), 0.9) {
        let pool = kamado_kernels::pool::ThreadPool::new(3);
        let exec = Exec { isa: kamado_kernels::isa::Isa::best(), pool: &pool };
        let (lazy, dense, before) = (example.fused(exec, true), example.apart(exec), example.start());
        let ones = vec![1.0; example.dy().len()];
        let mut count = vec![0.0; example.len()];
        let mut scratch = vec![0.0; gather_gradient_scratch(&example.by, example.indices.len())];
        gather_gradient(exec, &ones, example.width, &example.by, &example.indices, &mut scratch, &mut count).unwrap();
        for (i, &got) in lazy.iter().enumerate() {
            let touched = count[i % example.len()] > 0.0;
            assert_eq!(got, if touched { dense[i] } else { before[i] }, "element {i}");
        }
    }
}

#[test]
fn the_number_of_threads_does_not_matter_and_errors_change_nothing() {
    let mut example = examples(adam(), 0.99).pop().unwrap();
    let pools: Vec<_> = (1..=3).map(kamado_kernels::pool::ThreadPool::new).collect();
    for isa in kamado_kernels::isa::Isa::available() {
        let results: Vec<_> = pools.iter().map(|pool| example.fused(Exec { isa, pool }, false)).collect();
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{}", isa.name());
    }
    example.indices[1] = 50;
    let dy = example.dy();
    let after = everywhere(|exec| {
        let mut scratch = vec![0.0; update_rows_scratch(&example.by, example.indices.len(), 16, exec.pool.threads())];
        example.with_table(|table| {
            let gradient = RowGradient { dy: &dy, width: 16, by: &example.by, indices: &example.indices };
            let wrong = update_rows(exec, &example.rule, table, gradient, false, &mut scratch).unwrap_err();
            assert_eq!((wrong.position, wrong.index, wrong.rows), (1, 50, 50));
        })
    });
    assert_eq!(after, example.start());
}
