//! Generated files are compared, never trusted: `cargo xtask generate` writes them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[test]
fn committed_files_are_what_the_code_generates() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let generated: BTreeMap<String, String> = poolcheck::generated();
    let stale: Vec<&String> = generated
        .iter()
        .filter(|(name, text)| fs::read_to_string(root.join(name)).ok().as_ref() != Some(text))
        .map(|(name, _)| name)
        .collect();
    assert!(stale.is_empty(), "stale, run `cargo xtask generate`: {stale:?}");
    let pages = fs::read_dir(root.join("docs/rules")).expect("docs/rules is there");
    for page in pages {
        let name = format!("docs/rules/{}", page.expect("a file").file_name().to_string_lossy());
        assert!(generated.contains_key(&name), "{name} belongs to no rule: delete it");
    }
}
