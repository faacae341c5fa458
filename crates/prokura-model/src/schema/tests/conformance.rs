//! SpiceDB's own tests, as data beside the project. Without it, what is left out is said.

mod compile;
mod files;
mod syntax_trees;

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::*;

/// The folder of the data, if it is there.
#[expect(clippy::disallowed_methods, reason = "a test is told by the environment where the data is")]
pub(crate) fn folder(left_out: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("PROKURA_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"), PathBuf::from);
    if !folder.is_dir() {
        println!("left out, because {} is not there: {left_out}", folder.display());
        return None;
    }
    Some(folder)
}

#[expect(clippy::disallowed_methods, reason = "a test reads its data")]
pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub(crate) fn cases(folder: &Path, name: &str) -> Vec<Json> {
    let text = read(&folder.join("spicedb/cases").join(name).with_extension("json"));
    let json: Json = serde_json::from_str(&text).unwrap();
    json["cases"].as_array().unwrap().clone()
}
