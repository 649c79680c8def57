//! The tree as its users see it: every span is exact, every mistake has its place, nothing panics, nothing explodes.

use std::fmt::Write as _;
use std::sync::Arc;

use poolcheck_manifest::{Kind, Limits, ManifestFile, Problem, ProblemKind, Value, placeholder};
use poolcheck_plan::SourceId;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn parse(text: &str) -> ManifestFile {
    ManifestFile::parse(SourceId(0), Arc::from(text), &Limits::default())
}

fn problems(file: &ManifestFile) -> Vec<Problem> {
    file.stream().documents.iter().flat_map(|document| document.problems.clone()).collect()
}

fn limit(file: &ManifestFile) -> Option<&'static str> {
    problems(file).into_iter().find_map(|problem| match problem.kind {
        ProblemKind::Limit(what) => Some(what),
        _ => None,
    })
}

/// Every value with what its span cuts out of the text, depth first, keys before values.
fn cut(text: &str) -> Vec<String> {
    fn gather(value: Value<'_>, text: &str, found: &mut Vec<String>) {
        found.push(text[value.span().range()].to_owned());
        for entry in value.entries() {
            gather(entry.key, text, found);
            gather(entry.value, text, found);
        }
        value.items().for_each(|item| gather(item, text, found));
    }
    let file = parse(text);
    assert_eq!(problems(&file), [], "{text:?}");
    let mut found = Vec::new();
    file.roots().for_each(|root| gather(root, text, &mut found));
    found
}

#[test]
fn spans_of_scalars() {
    assert_eq!(cut("a: b c # d"), ["a: b c", "a", "b c"]);
    assert_eq!(cut("'a': \"b\\n\""), ["'a': \"b\\n\"", "'a'", "\"b\\n\""]);
    assert_eq!(cut("a: b\n  c\n\n# d\n"), ["a: b\n  c", "a", "b\n  c"]);
    assert_eq!(cut("é: ключ 🔑 # c\n"), ["é: ключ 🔑", "é", "ключ 🔑"]);
    assert_eq!(cut("a:\nb: ~\n"), ["a:\nb: ~", "a", "", "b", "~"]);
}

#[test]
fn spans_of_block_scalars() {
    assert_eq!(cut("a: |\n  x\n  y\n\n# c\nb: 1\n")[2], "|\n  x\n  y");
    assert_eq!(cut("a: &x !t >- # c\n  x\n")[2], ">- # c\n  x");
    assert_eq!(cut("a: |+\n\n  x\n\n")[2], "|+\n\n  x");
    assert_eq!(cut("a: |\n  |\n  > \n")[2], "|\n  |\n  >");
    assert_eq!(cut("a: |\r\n  x\r\n  y\r\nb: 1")[2], "|\r\n  x\r\n  y");
    assert_eq!(cut("'a | b': |2\n    x\n")[2], "|2\n    x");
    assert_eq!(cut("- |\n- >\n  y"), ["- |\n- >\n  y", "|", ">\n  y"]);
    assert_eq!(cut("--- |\n  x\n"), ["|\n  x"]);
}

#[test]
fn spans_of_collections() {
    assert_eq!(cut("a: [b, {c: d}] # e"), ["a: [b, {c: d}]", "a", "[b, {c: d}]", "b", "{c: d}", "c", "d"]);
    assert_eq!(cut("a:\n- b\n- c\nd: e")[2], "- b\n- c");
    assert_eq!(cut("a: # x\n\n  # - y\n  - b\n")[2], "- b");
    assert_eq!(cut("a: [\n  b: c,\n  d,\n]\n")[2], "[\n  b: c,\n  d,\n]");
    assert_eq!(cut("- - a\n  - b\n- c"), ["- - a\n  - b\n- c", "- a\n  - b", "a", "b", "c"]);
    assert_eq!(cut("? a\n: b\n"), ["? a\n: b", "a", "b"]);
}

#[test]
fn spans_under_every_line_end() {
    assert_eq!(cut("\u{feff}a: b\n"), ["a: b", "a", "b"]);
    assert_eq!(cut("a: b\r\nc: 'd'\r\n"), ["a: b\r\nc: 'd'", "a", "b", "c", "'d'"]);
    assert_eq!(cut("a: b\rc: d"), ["a: b\rc: d", "a", "b", "c", "d"]);
    assert_eq!(cut("a: b\r---\rc: d"), ["a: b", "a", "b", "c: d", "c", "d"]);
    assert_eq!(cut("a: 1\r\n---\r\nb: \"2\"")[3..], ["b: \"2\"", "b", "\"2\""]);
}

#[test]
fn an_alias_knows_both_places() {
    let text = "a: &x [1]\nb: *x # c\n";
    let file = parse(text);
    let root = file.roots().next().expect("one document");
    let b = root.get("b").expect("it is there");
    assert_eq!(&text[b.span().range()], "[1]");
    assert_eq!(b.alias_span().map(|span| &text[span.range()]), Some("*x"));
    assert_eq!(b.key_span().map(|span| &text[span.range()]), Some("b"));
}

#[test]
fn parts_of_a_scalar() {
    let text = "- 'é 10.0.0.1'\n- \"a\\tb\"\n";
    let file = parse(text);
    let items: Vec<_> = file.roots().next().expect("one document").items().collect();
    assert_eq!(&text[items[0].part_span(3..11).range()], "10.0.0.1");
    assert_eq!(&text[items[1].part_span(2..3).range()], "\"a\\tb\"");
}

#[test]
fn a_broken_document_does_not_hide_the_next() {
    let text = "a: [b\n---\nkind: X\n---\n\"x\n---\nkind: Y\n";
    let file = parse(text);
    let kinds: Vec<_> = file.objects().iter().map(|object| object.kind().into_owned()).collect();
    assert_eq!(kinds, ["X", "Y"]);
    let broken: Vec<_> = problems(&file).iter().map(|p| matches!(p.kind, ProblemKind::Syntax(_))).collect();
    assert_eq!(broken, [true, true]);
}

#[test]
fn duplicate_keys_have_both_places() {
    let text = "a: 1\n'a': 2\nyes: 3\ntrue: 4\n";
    let found: Vec<_> = problems(&parse(text))
        .into_iter()
        .filter_map(|problem| match problem.kind {
            ProblemKind::DuplicateKey { key, first } => Some((key, first, problem.span)),
            _ => None,
        })
        .collect();
    assert_eq!(found, [("a".to_owned(), 0..1, 5..8), ("true".to_owned(), 12..15, 19..23)]);
    let many = (0..39).chain([0]).map(|n| format!("k{n}: 1")).collect::<Vec<_>>().join("\n");
    assert_eq!(problems(&parse(&many)).len(), 1);
    let file = parse(text);
    assert_eq!(file.roots().next().and_then(|root| root.get("a")).map(|a| a.text().into_owned()).as_deref(), Some("2"));
}

#[test]
fn every_limit_is_a_problem() {
    let with = |limits: Limits, text: &str| limit(&ManifestFile::parse(SourceId(0), Arc::from(text), &limits));
    let limits = Limits::default();
    assert_eq!(with(limits, "a: [[b]]"), None);
    assert!(with(Limits { bytes: 3, ..limits }, "a: b").is_some_and(|what| what.contains("larger")));
    assert!(with(Limits { depth: 2, ..limits }, "a: [[b]]").is_some_and(|what| what.contains("nested")));
    assert_eq!(with(Limits { depth: 3, ..limits }, "a: [[b]]"), None);
    assert!(
        with(Limits { documents: 2, ..limits }, "a\n---\nb\n---\nc").is_some_and(|what| what.contains("documents"))
    );
    assert!(with(Limits { nodes: 5, ..limits }, "[a, b, c]\n---\n[a]").is_some_and(|what| what.contains("nodes")));
    assert_eq!(with(Limits { nodes: 6, ..limits }, "[a, b, c]\n---\n[a]"), None);
}

#[test]
fn depth_does_no_harm() {
    let many = 20_000;
    let block: String = (0..2_000).fold(String::new(), |mut text, depth| {
        let _ = writeln!(text, "{}a:", " ".repeat(depth));
        text
    });
    for text in
        ["[".repeat(many), "{a: ".repeat(many), "- ".repeat(many), "? ".repeat(many), "[a: ".repeat(many), block]
    {
        let file = parse(&text);
        assert!(limit(&file).is_some(), "{:.20} is not limited: {:?}", text, problems(&file));
        assert_eq!(file.clone().stream(), file.stream());
    }
    let at_limit = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(limit(&parse(&at_limit)), None);
}

#[test]
fn an_alias_bomb_costs_nothing() {
    let mut text = "a0: &a0 [x]\n".to_owned();
    for n in 1..60 {
        let list = vec![format!("*a{}", n - 1); 9].join(", ");
        let _ = writeln!(text, "a{n}: &a{n} [{list}]");
    }
    let file = parse(&text);
    assert_eq!(problems(&file), []);
    let root = file.roots().next().expect("one document");
    assert_eq!(root.entries().len(), 60);
    assert_eq!(root.get("a59").map(|list| list.items().count()), Some(9));
}

#[test]
fn merges_end_and_cannot_be_too_deep() {
    let bomb: String = (1..60).fold("a0: &a0 {x: 1}\n".to_owned(), |text, n| {
        let list = vec![format!("*a{}", n - 1); 9].join(", ");
        format!("{text}a{n}: &a{n} {{<<: [{list}], k{n}: 1}}\n")
    });
    let file = parse(&bomb);
    let last = file.roots().next().and_then(|root| root.get("a59")).expect("it is there");
    assert_eq!(last.entries().len(), 60);
    let chain: String = (1..50_000).fold("- &a0 {x: 1}\n".to_owned(), |mut text, n| {
        let _ = writeln!(text, "- &a{n} {{<<: *a{}}}", n - 1);
        text
    });
    let file = parse(&chain);
    let last = file.roots().next().and_then(|root| root.items().last()).expect("it is there");
    assert_eq!(last.get("x").map(|x| x.text().into_owned()).as_deref(), Some("1"));
}

#[test]
fn merges_in_their_order() {
    let text = "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*a, *b], y: 3}\n";
    let file = parse(text);
    let c = file.roots().next().and_then(|root| root.get("c")).expect("it is there");
    let read: Vec<_> = c.entries().iter().map(|e| format!("{}{}{}", e.key.text(), e.value.text(), e.merged)).collect();
    assert_eq!(read, ["y3false", "x1true", "z2true"]);
}

#[test]
fn aliases_that_lead_nowhere() {
    for text in ["a: &x [*x]", "a: &x {b: *x}", "a: *x", "a: &x 1\n---\nb: *x"] {
        let file = parse(text);
        let found = problems(&file);
        assert!(
            matches!(&found[..], [Problem { kind: ProblemKind::UnknownAlias(name), .. }] if name == "x"),
            "{found:?}"
        );
        assert_eq!(&text[found[0].span.start as usize..found[0].span.end as usize], "*x");
        let values = file.roots().flat_map(|root| root.entries()).map(|entry| entry.value);
        assert!(values.flat_map(|v| [v].into_iter().chain(v.items()).collect::<Vec<_>>()).count() > 0);
    }
}

#[test]
fn tags_as_kubernetes_reads_them() {
    let file = parse("- !!binary MTkyLjE2OC43LjI0MC8yOQ==\n- !t 5\n- !!str 5\n- ! 5\n- !!float 5\n");
    let items: Vec<_> = file.roots().next().expect("one document").items().collect();
    assert_eq!(items[0].as_str().as_deref(), Some("192.168.7.240/29"));
    assert_eq!(items[1].as_str().as_deref(), Some("5"));
    assert_eq!(items[2].as_str().as_deref(), Some("5"));
    assert_eq!(items[3].as_str(), None);
    assert_eq!(items[4].as_str(), None);
}

#[test]
fn comments_near_a_value() {
    let text = "# far\n\n# one\n  # two\r\na: b # three\n# below\nc: d\n";
    let file = parse(text);
    let document = &file.stream().documents[0];
    let near = |name: &str| -> Vec<&str> {
        let value = file.roots().next().and_then(|root| root.get(name)).expect("it is there").span();
        let comments = document.comments_near(&(value.start..value.end), text);
        comments.map(|c| &text[c.span.start as usize..c.span.end as usize]).collect()
    };
    assert_eq!(near("a"), ["# one", "# two", "# three"]);
    assert_eq!(near("c"), ["# below"]);
}

#[test]
fn templates_are_not_checked() {
    for text in [
        "{{- if .Values.enabled }}\nkind: X\n{{- end }}\n",
        "a:\n  {% for r in ranges %}\n  - {{ r }}\n  {% endfor %}\n",
        "a: {{ x }}\n",
        "a: \"{{ include \"x\" . }}\"\n",
        "- {{ r }}\n",
        "{{ include \"x\" . }}\n",
    ] {
        let file = parse(text);
        assert_eq!(file.templates().count(), 1, "{text}");
        assert_eq!(file.documents().count(), 0, "{text}");
        let (span, _) = file.templates().next().expect("one");
        assert!(text[span.range()].starts_with('{'), "{text}");
    }
    for text in [
        "# {{ x }}\nkind: X\n",
        "kind: \"{{ x }}\"\n",
        "kind: X # {{ x }}\n",
        "kind: '{% x %}'\n",
        "a: |\n  {{ x }}\nkind: X\n",
        "kind: {a: {}}\n",
        "a: [ # {{ x }}\n",
        "a: '{{ x }}'\nb: [\n",
    ] {
        let file = parse(text);
        assert_eq!(file.templates().count(), 0, "{text}");
        assert_eq!(file.documents().count(), 1, "{text}");
    }
}

#[test]
fn encrypted_values_are_placeholders() {
    let text = "kind: Secret\ndata:\n  a: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\nsops:\n  version: 3.9.0\n";
    let file = parse(text);
    assert_eq!(problems(&file), []);
    let value = file.roots().next().and_then(|root| root.get("data")?.get("a")).expect("it is there");
    assert!(placeholder(&value.text()).is_some());
}

#[test]
fn lists_are_taken_apart() {
    let text = "kind: List\nitems:\n- kind: A\n- kind: B\n---\nkind: C\n";
    let kinds: Vec<_> = parse(text).objects().iter().map(|object| object.kind().into_owned()).collect();
    assert_eq!(kinds, ["A", "B", "C"]);
    assert!(parse("kind: List\nitems: []\n").objects().is_empty());
}

/// Where the one address of a ConfigMap's `config` is found in the file.
fn config_map_address(config: &str) -> String {
    let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: config}}\ndata:\n  config: {config}");
    let file = parse(&text);
    let pools = file.config_map_pools();
    assert_eq!(pools.len(), 1, "{text}");
    text[pools[0].entries[0].value.span().range()].to_owned()
}

#[test]
fn embedded_spans_point_into_the_file() {
    let lines = ["address-pools:", "- name: é", "  addresses:", "", "  - 10.0.0.0/8 # c", ""];
    let indented = |by: &str, end: &str| lines.map(|line| format!("{by}{line}{end}")).concat();
    assert_eq!(config_map_address(&format!("|\n{}", indented("    ", "\n"))), "10.0.0.0/8");
    assert_eq!(config_map_address(&format!("| # x\r\n{}", indented("      ", "\r\n"))), "10.0.0.0/8");
    assert_eq!(config_map_address(&format!("|-\n\n{}", indented("    ", "\n"))), "10.0.0.0/8");
    assert_eq!(config_map_address("'{address-pools: [{name: a, addresses: [10.0.0.0/8]}]}'\n"), "10.0.0.0/8");
    let folded = ">\n    address-pools: [{name: a,\n    addresses: [10.0.0.0/8]}]\n";
    assert_eq!(config_map_address(folded), folded.trim_end());
    let quoted = "\"address-pools:\\n- addresses:\\n  - 10.0.0.0/8\\n\"";
    assert_eq!(config_map_address(quoted), quoted);
}

/// Spans lie on character boundaries; children lie in their parents, unless an alias led there.
fn check_spans(value: Value<'_>, text: &str, around: &std::ops::Range<usize>) {
    let own = value.span().range();
    assert!(text.get(own.clone()).is_some(), "{own:?} of {text:?}");
    if value.alias_span().is_some() {
        return;
    }
    assert!(around.start <= own.start && own.end <= around.end, "{own:?} in {around:?} of {text:?}");
    if value.kind() != Kind::Scalar {
        let direct = value.entries().into_iter().filter(|entry| !entry.merged);
        direct.flat_map(|entry| [entry.key, entry.value]).for_each(|child| check_spans(child, text, &own));
        value.items().for_each(|item| check_spans(item, text, &own));
    }
}

fn check_all(text: &str) {
    let file = parse(text);
    for document in &file.stream().documents {
        let spans = document.problems.iter().map(|p| &p.span).chain(document.comments.iter().map(|c| &c.span));
        for span in spans.chain([&document.span]) {
            assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?} of {text:?}");
        }
        for comment in &document.comments {
            assert!(text[comment.span.start as usize..].starts_with('#'), "{comment:?} of {text:?}");
            assert!(document.comments_near(&comment.span, text).any(|near| near == comment) || text.contains('\r'));
        }
    }
    for root in file.roots() {
        let document = root.document().span.clone();
        check_spans(root, text, &(document.start as usize..document.end as usize));
    }
    let _ = (file.objects(), file.templates().count(), file.config_map_pools());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read(text in any::<String>()) {
        check_all(&text);
    }

    #[test]
    fn any_yaml_like_text_is_read(text in "([a-c]|é|: |:|- |\\? |[\\[\\]{},]|\n|\n  |\n    |\r\n|\r|\t| |#| #|\"|'|\\||>|&a |\\*a|!t |<<: |---\n|\\.\\.\\.\n|\\{\\{|\\}\\}|\\\\|%|\u{feff}|\u{85}){0,24}") {
        check_all(&text);
    }
}
