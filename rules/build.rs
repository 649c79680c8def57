//! Makes the folder the registry: every `*.rs` file in a family folder is one rule.
//!
//! For each it emits a `mod` line and a row of the table, with the file's `//!` text lifted into it. A rule without
//! the required documentation sections does not build.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a build script reads the folder it makes the registry of"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

const FAMILIES: [&str; 8] =
    ["address", "advertisement", "hygiene", "ignore", "platform", "service", "wire", "workload"];
const SECTIONS: [&str; 4] = ["## Why is this bad?", "## Example", "## Use instead", "## References"];

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let mut modules = String::new();
    let mut table = String::from("pub(crate) static REGISTRY: &[Registered] = &[\n");
    let mut complaints = Vec::new();
    for family in FAMILIES {
        let folder = root.join(family);
        println!("cargo::rerun-if-changed={}", folder.display());
        for file in rule_files(&folder) {
            println!("cargo::rerun-if-changed={}", file.display());
            let name = file.file_stem().and_then(|s| s.to_str()).expect("rule files have ASCII names").to_owned();
            let text = fs::read_to_string(&file).expect("a rule file is readable UTF-8");
            let docs = module_docs(&text);
            complaints.extend(missing(&docs).map(|what| format!("rules/{family}/{name}.rs: {what}")));
            writeln!(modules, "#[path = {:?}]\nmod {name};", file.display().to_string()).expect("writes to a string");
            writeln!(
                table,
                "    Registered {{ rule: &{name}::RULE, family: {family:?}, file: \"rules/{family}/{name}.rs\", docs: {docs:?} }},"
            )
            .expect("writes to a string");
        }
    }
    assert!(complaints.is_empty(), "rules without the required documentation:\n  {}", complaints.join("\n  "));
    table.push_str("];\n");
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join("registry.rs");
    fs::write(out, modules + &table).expect("OUT_DIR is writable");
}

/// The rule files of a family in a stable order; none when the folder does not exist.
fn rule_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect();
    files.sort();
    files
}

/// The text of the leading `//!` lines.
fn module_docs(text: &str) -> String {
    let lines = text.lines().take_while(|line| line.starts_with("//!"));
    lines.map(|line| line.strip_prefix("//! ").unwrap_or(&line[3..])).collect::<Vec<_>>().join("\n")
}

fn missing(docs: &str) -> impl Iterator<Item = String> {
    let summary = docs.lines().next().unwrap_or("");
    let mut complaints = Vec::new();
    if summary.is_empty() || !summary.ends_with('.') {
        complaints.push("the first `//!` line must be a sentence that says what is wrong".to_owned());
    }
    for section in SECTIONS {
        if !docs.lines().any(|line| line == section) {
            complaints.push(format!("no section `{section}`"));
        }
    }
    let example = docs.split("## Example").nth(1).unwrap_or("");
    if !example.contains("# error: [") && !example.contains("# warning: [") && !example.contains("# note: [") {
        complaints.push("the example marks no line with `# error: [rule]`".to_owned());
    }
    complaints.into_iter()
}
