//! Edits change what they name and nothing else.

use std::sync::Arc;

use poolcheck_manifest::{Limits, ManifestFile, Quoting, Value, apply, replace_scalar};
use poolcheck_plan::{SourceId, Span};
use proptest::prelude::*;

const MANIFEST: &str = "\
# head
apiVersion: metallb.io/v1beta1 # group
kind: IPAddressPool
metadata: {name: home, labels: {'a': 'b''c', d: }}
spec:
  addresses: # both
  - 192.168.7.240-192.168.7.250   # plain
  - \"192.168.8.0/24\"\t# double
  - '10.0.0.0/8' # single
  -  # nothing
  - a
    b
  note: |
    text
    more
  folded: >-
    x

  empty:
  last: fd00::/64";

fn parse(text: &str) -> ManifestFile {
    ManifestFile::parse(SourceId(0), Arc::from(text), &Limits::default())
}

/// Every scalar that is a value, in order.
fn scalars(file: &ManifestFile) -> Vec<Value<'_>> {
    fn gather<'a>(value: Value<'a>, found: &mut Vec<Value<'a>>) {
        if value.quoting().is_some() {
            found.push(value);
        }
        value.entries().into_iter().for_each(|entry| gather(entry.value, found));
        value.items().for_each(|item| gather(item, found));
    }
    let mut found = Vec::new();
    file.roots().for_each(|root| gather(root, &mut found));
    found
}

fn comments(file: &ManifestFile) -> Vec<String> {
    let documents = file.stream().documents.iter();
    let spans = documents.flat_map(|document| document.comments.iter().map(|comment| comment.span.clone()));
    spans.map(|span| file.text()[span.start as usize..span.end as usize].to_owned()).collect()
}

fn check(text: &str, number: usize, new: &str) {
    let file = parse(text);
    assert!(file.stream().documents.iter().all(|document| document.problems.is_empty()));
    let before = scalars(&file);
    let number = number % before.len();
    let edit = replace_scalar(before[number], new).expect("it stands in the file");
    let edited = apply(text, std::slice::from_ref(&edit)).expect("one edit applies");
    let after_file = parse(&edited);
    assert!(after_file.stream().documents.iter().all(|document| document.problems.is_empty()), "{edited:?}");
    let after = scalars(&after_file);
    assert_eq!(before.len(), after.len(), "{edited:?}");
    for (at, (old, now)) in before.iter().zip(&after).enumerate() {
        if at == number {
            assert_eq!(now.as_str().as_deref(), Some(new), "{edited:?}");
            let quoting = (old.quoting(), now.quoting());
            let kept = quoting.0 == quoting.1 || quoting.1 == Some(Quoting::Double);
            assert!(kept, "{quoting:?} in {edited:?}");
        } else {
            assert_eq!((now.text(), now.quoting()), (old.text(), old.quoting()), "{edited:?}");
        }
    }
    assert_eq!(comments(&file), comments(&after_file), "{edited:?}");
    let span = edit.0.range();
    assert_eq!(edited[..span.start], text[..span.start]);
    assert!(edited.ends_with(&text[span.end..]));
}

#[test]
fn quotes_are_kept() {
    let replaced = |text: &str, new: &str| {
        let file = parse(text);
        apply(text, &[replace_scalar(scalars(&file)[0], new).expect("it stands there")]).expect("it applies")
    };
    assert_eq!(replaced("a: 10.0.0.0/8 # c\r\nb: 1", "10.0.0.1-10.0.0.9"), "a: 10.0.0.1-10.0.0.9 # c\r\nb: 1");
    assert_eq!(replaced("a: '10.0.0.0/8'", "it's"), "a: 'it''s'");
    assert_eq!(replaced("a: \"x\"", "y"), "a: \"y\"");
    assert_eq!(replaced("a: x", "1.5"), "a: \"1.5\"");
    assert_eq!(replaced("a: x", "yes"), "a: \"yes\"");
    assert_eq!(replaced("[a: x]", "fd00::/8"), "[a: fd00::/8]");
    assert_eq!(replaced("a:\nb: 1", "fd00::/8"), "a: fd00::/8\nb: 1");
    assert_eq!(replaced("{a, b: 1}", "x"), "{a: \"x\", b: 1}");
    assert_eq!(replaced("- # c\n- b", "10.0.0.1"), "- 10.0.0.1 # c\n- b");
    assert_eq!(replaced("a: |\n  x\nb: 1", "10.0.0.1"), "a: \"10.0.0.1\"\nb: 1");
}

#[test]
fn overlaps_are_refused() {
    let edit = |start, end| (Span::new(SourceId(0), start, end), "x".to_owned());
    assert_eq!(apply("abcdef", &[edit(3, 5), edit(0, 3)]).as_deref(), Ok("xxf"));
    assert!(apply("abcdef", &[edit(0, 3), edit(2, 4)]).is_err());
    assert!(apply("abcdef", &[edit(4, 9)]).is_err());
    assert!(apply("aé", &[edit(2, 3)]).is_err());
    assert!(apply("aé", &[edit(0, 2)]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_the_value_changes(number in 0_usize..64, new in "[a-z0-9.:/'\"\\\\ #{}\\[\\],&*!|>%@`\t\n-]{0,12}", crlf: bool) {
        let text = if crlf { MANIFEST.replace('\n', "\r\n") } else { MANIFEST.to_owned() };
        check(&text, number, &new);
    }

    #[test]
    fn any_character_survives(number in 0_usize..64, new in any::<String>()) {
        check(MANIFEST, number, &new);
    }
}
