//! What the fuzz targets have in common: the seeds they begin with, and how a context is written in an input.

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use prokura_model::{RelationshipOnTerms, Value};

/// Writes the seeds into the target's corpus, where libFuzzer looks for them right after. Those that are there stay.
pub fn plant(target: &str, seeds: impl IntoIterator<Item = Vec<u8>>) {
    let folder = root().join("fuzz/corpus").join(target);
    fs::create_dir_all(&folder).expect("the corpus has a folder");
    for seed in seeds {
        let mut hasher = DefaultHasher::new();
        seed.hash(&mut hasher);
        fs::write(folder.join(format!("seed-{:016x}", hasher.finish())), seed).expect("a seed is written");
    }
}

/// Every schema of the scenarios and the examples.
pub fn schemas() -> Vec<String> {
    let mut found = blocks("schema: |");
    found.extend(files().into_iter().filter(|path| ends_with(path, "zed")).map(|path| read(&path)));
    found
}

/// Every relationship of the scenarios and the examples.
pub fn relationships() -> Vec<String> {
    let mut found = blocks("relationships: |");
    found.extend(files().into_iter().filter(|path| ends_with(path, "rels")).map(|path| read(&path)));
    let lines = found.iter().flat_map(|text| text.lines()).map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with("//")).map(str::to_owned).collect()
}

/// What stands between the braces of every caveat of the scenarios and the examples.
pub fn expressions() -> Vec<String> {
    let mut found = Vec::new();
    for schema in schemas() {
        for caveat in schema.split("caveat ").skip(1) {
            let body = caveat.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
            found.extend(body.map(|(expression, _)| expression.trim().to_owned()));
        }
    }
    found
}

/// The context that this JSON object states, as one stands behind a caveat's name.
pub fn context(text: &str) -> Option<BTreeMap<String, Value>> {
    let on_terms: RelationshipOnTerms = format!("document:plan#viewer@user:alice[only_on:{text}]").parse().ok()?;
    on_terms.terms.caveat.map(|caveat| caveat.context)
}

/// The block scalars of this member, in every YAML file, without their indentation.
fn blocks(member: &str) -> Vec<String> {
    let mut found = Vec::new();
    for path in files().into_iter().filter(|path| ends_with(path, "yaml")) {
        let text = read(&path);
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if line.trim() != member {
                continue;
            }
            let mut block = Vec::new();
            let outside = indent(line);
            while let Some(inside) = lines.next_if(|next| next.trim().is_empty() || indent(next) > outside) {
                block.push(inside.get(outside + 2..).unwrap_or_default());
            }
            found.push(block.join("\n"));
        }
    }
    found
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '-']).len()
}

fn ends_with(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("scenarios"), root().join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a scenario can be read")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder lies in the repository").to_owned()
}
