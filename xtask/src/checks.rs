//! The rules of the house that no compiler checks.

use std::path::Path;

use crate::tree::Tree;

const LONGEST_FILE: usize = 500;

/// Where `unsafe` may stand: rule R1 of the architecture.
const UNSAFE_ALLOWED: [&str; 2] = ["crates/kamado-kernels/", "crates/kamado-engine/src/arena"];

/// Beginnings of paths that exist on one machine only; written in halves so that this file passes its own check.
const MACHINE_PATHS: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Use", "rs/"),
    concat!("/wo", "rk/"),
    concat!("C:", "\\Users"),
];

/// What is wrong, a line for each.
pub(crate) fn house_rules(tree: &Tree) -> Vec<String> {
    let rust = || tree.ending(".rs");
    let too_long = rust().filter(|(_, text)| text.lines().count() > LONGEST_FILE).map(|(name, text)| {
        format!("{name}: {} lines, at most {LONGEST_FILE} are allowed: split it", text.lines().count())
    });
    let careless = rust().filter(|(name, text)| !allowed_unsafe(name) && uses_unsafe(text));
    let careless = careless.map(|(name, _)| format!("{name}: `unsafe` is for kamado-kernels and the engine's arena"));
    let orphans = rust().filter(|(name, _)| is_orphan(tree, name));
    let orphans = orphans.map(|(name, _)| format!("{name}: no `mod` names this file, so it is never compiled"));
    let unforbidden = rust().filter(|(name, text)| {
        (name.ends_with("src/lib.rs") || name.ends_with("src/main.rs"))
            && !["kamado-kernels", "kamado-engine"].iter().any(|krate| name.contains(krate))
            && !text.contains("#![forbid(unsafe_code)]")
    });
    let unforbidden = unforbidden.map(|(name, _)| format!("{name}: lacks #![forbid(unsafe_code)]"));
    let local = tree.files.iter().flat_map(|(name, text)| {
        let lines = text.lines().enumerate();
        let lines = lines.filter(|(_, line)| MACHINE_PATHS.iter().any(|path| line.contains(path)));
        lines.map(move |(i, _)| format!("{name}:{}: names a path of one machine", i + 1))
    });
    too_long.chain(careless).chain(unforbidden).chain(orphans).chain(local).collect()
}

fn allowed_unsafe(name: &str) -> bool {
    UNSAFE_ALLOWED.iter().any(|place| name.starts_with(place))
}

/// Whether code (not a comment, not a string) has the keyword.
fn uses_unsafe(text: &str) -> bool {
    let keyword = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe trait"];
    text.lines()
        .map(|line| line.split("//").next().unwrap_or(line))
        .any(|line| keyword.iter().any(|keyword| line.contains(keyword) && !line.contains('"')))
}

/// Whether a file below `src/` is in no module tree.
fn is_orphan(tree: &Tree, name: &str) -> bool {
    let path = Path::new(name);
    let (Some(folder), Some(stem)) = (path.parent(), path.file_stem().and_then(|stem| stem.to_str())) else {
        return false;
    };
    let Some(folder) = folder.to_str().filter(|folder| folder.contains("/src")) else { return false };
    if ["lib", "main", "build"].contains(&stem) || folder.ends_with("/bin") {
        return false;
    }
    // `a/b/mod.rs` belongs to the parents of `a`; `a/b.rs` to `a/mod.rs`, `a.rs` or the crate's root in `a`.
    let (module, folder) = match stem {
        "mod" => (folder.rsplit('/').next().unwrap_or(""), folder.rsplit_once('/').map_or("", |(parent, _)| parent)),
        _ => (stem, folder),
    };
    let parents =
        [format!("{folder}.rs"), format!("{folder}/mod.rs"), format!("{folder}/lib.rs"), format!("{folder}/main.rs")];
    let names_it = |text: &str| {
        text.lines().any(|line| {
            let line = line.trim();
            line.ends_with(&format!("mod {module};")) || line.contains(&format!("mod {module} {{"))
        })
    };
    !tree.files.iter().any(|(name, text)| parents.contains(name) && names_it(text))
}

/// The lengths of the Rust files, longest first, and what they add up to.
pub(crate) fn sizes(tree: &Tree) -> String {
    let mut sizes: Vec<(usize, &str)> = tree.ending(".rs").map(|(name, text)| (text.lines().count(), name)).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let total: usize = sizes.iter().map(|(lines, _)| lines).sum();
    let median = sizes.get(sizes.len() / 2).map_or(0, |(lines, _)| *lines);
    let list: String = sizes.iter().map(|(lines, name)| format!("{lines:6} {name}\n")).collect();
    format!("{list}{total:6} lines in {} files, median {median}", sizes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Tree { root: std::path::PathBuf::new(), files }
    }

    #[test]
    fn a_sound_tree_has_nothing_wrong() {
        let sound = tree(&[
            ("a/src/lib.rs", "#![forbid(unsafe_code)]\npub mod b;\nmod d;"),
            ("a/src/b/mod.rs", "mod c;"),
            ("a/src/b/c.rs", "// unsafe { is only named }"),
            ("a/src/d.rs", "mod e;"),
            ("a/src/d/e.rs", ""),
            ("crates/kamado-kernels/src/lib.rs", "unsafe fn f() {}"),
        ]);
        assert_eq!(house_rules(&sound), [""; 0]);
    }

    #[test]
    fn each_rule_finds_its_breach() {
        let forbid = ("a/src/lib.rs", "#![forbid(unsafe_code)]");
        let home = concat!("see /ho", "me/me/x");
        let cases = [
            (("a/src/orphan.rs", ""), "never compiled"),
            (("a/tests/t.rs", &*"\n".repeat(501)), "501 lines"),
            (("a/tests/t.rs", "fn f() { unsafe { g() } }"), "`unsafe` is for"),
            (("b/src/lib.rs", ""), "lacks #![forbid(unsafe_code)]"),
            (("README.md", home), "README.md:1: names a path of one machine"),
        ];
        for (file, words) in cases {
            let wrong = house_rules(&tree(&[forbid, file]));
            assert!(wrong.len() == 1 && wrong[0].contains(words), "{words}: {wrong:?}");
        }
    }
}
