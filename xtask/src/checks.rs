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

pub(crate) fn print_sizes(tree: &Tree) {
    let mut sizes: Vec<(usize, &str)> = tree.ending(".rs").map(|(name, text)| (text.lines().count(), name)).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.iter().for_each(|(lines, name)| println!("{lines:6} {name}"));
    let total: usize = sizes.iter().map(|(lines, _)| lines).sum();
    let median = sizes.get(sizes.len() / 2).map_or(0, |(lines, _)| *lines);
    println!("{total:6} lines in {} files, median {median}", sizes.len());
}
