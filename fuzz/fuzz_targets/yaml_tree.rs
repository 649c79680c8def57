//! No text makes the YAML tree panic, and every span lies inside the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolcheck_manifest::{Limits, ManifestFile};
use poolcheck_plan::SourceId;

fuzz_target!(|text: &str| {
    let file = ManifestFile::parse(SourceId(0), text.into(), &Limits::default());
    for object in file.objects() {
        assert!(text.get(object.value.span().range()).is_some());
        let _ = (object.reference(), object.labels());
    }
    for document in file.documents() {
        for problem in &document.problems {
            assert!(text.get(problem.span.start as usize..problem.span.end as usize).is_some());
        }
    }
});
