//! How long a large stream takes: 7,500 documents, and texts made to be slow. Prints; asserts nothing about time.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a benchmark measures and prints")]

use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use poolcheck_manifest::{Limits, ManifestFile};
use poolcheck_plan::SourceId;

const POOL: &str = "---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: pool # a comment\n  \
                    namespace: metallb-system\n  labels: {a: b, c: d}\nspec:\n  addresses:\n  - 10.0.0.0/24\n  - \
                    \"10.0.1.1-10.0.1.9\"\n  note: |\n    some text\n    more text\n";

fn main() {
    let limits = Limits { nodes: 20_000_000, ..Limits::default() };
    let texts = [
        ("7,500 documents", POOL.repeat(7_500)),
        ("one document, 2 MB of items", format!("a:\n{}", "- {b: [c, d], e: f} # g\n".repeat(90_000))),
        ("one line, 2 MB of flow", format!("a: [{}]", "{b: c, d: \"e\"}, ".repeat(125_000))),
        ("one mapping, 100,000 keys", (0..100_000).map(|n| format!("key-{n}: value")).collect::<Vec<_>>().join("\n")),
        ("tabs before continuations", "- a\n  \t b\n".repeat(200_000)),
        ("tabs in block scalars", "- |\n  a\n  \t b\n".repeat(150_000)),
        ("lone carriage returns", "# c\r".repeat(500_000) + "a: b"),
        ("comments behind items that are not there", "- # c\n".repeat(300_000)),
        ("blank lines and tabs", format!("a: |\n  b\n{}", "   \t\n".repeat(400_000))),
    ];
    let mut out = std::io::stdout();
    for (what, text) in texts {
        let text: Arc<str> = Arc::from(text);
        let start = Instant::now();
        let file = black_box(ManifestFile::parse(SourceId(0), Arc::clone(&text), &limits));
        let parsed = start.elapsed();
        let objects = black_box(file.objects().len());
        let problems = file.stream().documents.iter().map(|document| document.problems.len()).sum::<usize>();
        let _ = writeln!(
            out,
            "{what}: {} bytes, {} documents, {objects} objects, {problems} problems: parsed in {parsed:?}, with objects \
             {:?}",
            text.len(),
            file.stream().documents.len(),
            start.elapsed()
        );
    }
}
