//! Documentation that names a file must not outlive the file.

use std::path::Path;

use crate::tree::Tree;

/// Ends of names that make a word without a slash a path.
const FILE_ENDS: [&str; 5] = [".rs", ".toml", ".md", ".py", ".yml"];

/// A line for each path that a `.md` file names and that does not exist.
pub(crate) fn missing(tree: &Tree) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, text) in tree.ending(".md") {
        let folder = tree.root.join(name).parent().map_or_else(|| tree.root.clone(), Path::to_owned);
        for (i, line) in text.lines().enumerate() {
            for path in paths(line) {
                if !tree.root.join(path).exists() && !folder.join(path).exists() {
                    wrong.push(format!("{name}:{}: `{path}` does not exist", i + 1));
                }
            }
        }
    }
    wrong
}

/// The words of a line that are paths of this repository: in backticks, or the target of a link.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2).filter(|word| names_a_file(word));
    let linked = line.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let linked =
        linked.filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"));
    quoted.chain(linked)
}

fn names_a_file(word: &str) -> bool {
    let placeholder =
        |c: char| c.is_whitespace() || c.is_uppercase() && word.contains('/') || "<>{}*$…()|\"=~".contains(c);
    let document = ["README", "ARCHITECTURE", "CONTRIBUTING", "CHANGELOG", "LICENSE"].iter().any(|d| word.contains(d));
    if word.contains(placeholder) && !document {
        return false;
    }
    let ours = ["crates/", "bench/", "xtask/", ".ci/", "docs/"].iter().any(|folder| word.starts_with(folder));
    ours || document && !word.contains(' ') || (word.contains('/') && FILE_ENDS.iter().any(|end| word.ends_with(end)))
}

#[cfg(test)]
mod tests {
    use super::paths;

    #[test]
    fn paths_are_told_from_other_words() {
        let line =
            "see `crates/a/b.rs`, `kamado train x`, `a.b`, `README.md`, [c](CHANGELOG.md#x), [w](https://w.org/a.md)";
        assert_eq!(paths(line).collect::<Vec<_>>(), ["crates/a/b.rs", "README.md", "CHANGELOG.md"]);
        assert_eq!(paths("`crates/<name>/src`, `src/ops/*.rs` and `runs/NAME-N/model.rs`").count(), 0);
    }
}
