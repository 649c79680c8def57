//! The declarative adapters: each is right, and its own tests pass.

use std::path::Path;

use poolcheck_plan::Sources;
use poolcheck_router_adapters::engine::{Declared, builtin};

fn beside(file: &str) -> Result<String, String> {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).map_err(|error| error.to_string())
}

fn files() -> Vec<(String, String)> {
    let entries = std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).expect("the crate's folder");
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let adapters =
        names.filter(|name| Path::new(name).extension().is_some_and(|end| end == "toml") && name != "Cargo.toml");
    adapters.map(|name| (beside(&name).expect("readable"), name)).map(|(text, name)| (name, text)).collect()
}

#[test]
fn every_file_is_an_adapter_and_is_built_in() {
    let files = files();
    for (name, text) in &files {
        let mut sources = Sources::new();
        match Declared::load(name, text, &mut sources) {
            Ok(adapter) => assert_eq!(format!("{}.toml", adapter.description().id), *name),
            Err(error) => {
                let first = &error.complaints[0];
                let place = first.labels.first().map(|(span, _)| &text[span.range()]);
                panic!("{name}: {} at {place:?}; {:?}", first.message, first.help);
            }
        }
    }
    assert_eq!(builtin().count(), files.len());
}

#[test]
fn every_file_has_tests_and_passes_them() {
    let mut failed = Vec::new();
    for adapter in builtin() {
        let results = adapter.run_tests(&beside);
        assert!(results.len() >= 2, "{} has too few tests", adapter.description().id);
        let wrong = results.into_iter().filter_map(|result| Some((result.name, result.failure?)));
        failed.extend(wrong.map(|(name, failure)| format!("{}, {name}: {failure}", adapter.description().id)));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_file_has_a_page_and_a_row_in_the_table() {
    let index = beside("../docs/adapters/README.md").expect("the table");
    let products: Vec<String> = index
        .lines()
        .filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 3 && !line.contains("| product |"))
        .map(|line| line[2..].split(" | ").next().unwrap_or_default().to_lowercase())
        .collect();
    let mut sorted = products.clone();
    sorted.sort();
    assert_eq!(products, sorted, "rows are sorted by product, so that two additions meet rarely");
    for adapter in builtin() {
        let description = adapter.description();
        let page = beside(&format!("../docs/adapters/{}.md", description.id)).unwrap_or_default();
        assert!(page.contains("## What it cannot know") || page.contains("## What it says"), "{}", description.id);
        assert!(index.contains(&format!("({}.md)", description.id)), "{} has no row", description.id);
    }
}
