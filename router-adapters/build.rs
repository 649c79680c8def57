//! Makes the folder the registry: every `*.rs` file beside this crate's manifest is one adapter.
//!
//! For each it emits a `mod` line and a row of the table, with the file's `//!` text lifted into it. An adapter without
//! the required documentation sections does not build. Every `*.toml` beside the manifest is a declarative adapter.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

const SECTIONS: [&str; 3] = ["## What it reads", "## How to get it", "## What it cannot know"];

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    println!("cargo::rerun-if-changed={}", root.display());
    let (mut modules, mut table) = (String::new(), String::from("pub(crate) static REGISTRY: &[Registered] = &[\n"));
    for file in adapter_files(&root) {
        let name = file.file_stem().and_then(|s| s.to_str()).expect("adapter files have ASCII names").to_owned();
        let text = fs::read_to_string(&file).expect("an adapter file is readable UTF-8");
        let lines = text.lines().take_while(|line| line.starts_with("//!"));
        let docs = lines.map(|line| line.strip_prefix("//! ").unwrap_or(&line[3..])).collect::<Vec<_>>().join("\n");
        for section in SECTIONS {
            assert!(docs.lines().any(|line| line == section), "router-adapters/{name}.rs has no section `{section}`");
        }
        writeln!(modules, "#[path = {:?}]\nmod {name};", file.display().to_string()).expect("writes to a string");
        writeln!(table, "    Registered {{ adapter: &{name}::ADAPTER, docs: {docs:?} }},").expect("writes to a string");
    }
    table.push_str("];\n");
    table.push_str(
        "/// The declarative adapters: (file name, text).\npub(crate) static ADAPTER_FILES: &[(&str, &str)] = &[\n",
    );
    for file in files_ending(&root, "toml", "Cargo.toml") {
        let name = file.file_name().and_then(|s| s.to_str()).expect("adapter files have ASCII names");
        writeln!(table, "    ({name:?}, include_str!({:?})),", file.display().to_string()).expect("writes to a string");
    }
    table.push_str("];\n");
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join("registry.rs");
    fs::write(out, modules + &table).expect("OUT_DIR is writable");
}

fn adapter_files(root: &Path) -> Vec<PathBuf> {
    files_ending(root, "rs", "build.rs")
}

fn files_ending(root: &Path, ending: &str, except: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).expect("the crate's folder is readable");
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == ending) && path.file_name().is_some_and(|n| n != except))
        .collect();
    files.sort();
    files
}
