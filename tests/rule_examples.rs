//! The examples in every rule's documentation, executed: the marked lines are reported, the cured ones are clean.
//!
//! `scan.toml` is the record of a scan, `now.toml` what a router says now. The examples are judged on 2026-06-15. A fence `yaml values.yaml chart-traefik namespace-traefik` is the values file of a chart.

use poolcheck_manifest::tree::{self, Composed};
use poolcheck_manifest::{Limits, ManifestFile};
use poolcheck_plan::{Facts, SourceKind, Sources};
use poolcheck_router_adapters as adapters;
use poolcheck_rules::{Ignoring, Registered, ValuesFile, World, WorldInput, parse_day};

/// The files of one documentation section: a fence's info string is `language name`.
fn files(section: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in section.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                let name = info.split_once(' ').map_or_else(|| format!("example.{info}"), |(_, name)| name.to_owned());
                open = Some((name, String::new()));
            }
            (Some(_), Some(_)) => files.extend(open.take()),
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    files
}

/// (file, line, level, rule) of every finding.
fn findings(files: &[(String, String)]) -> Vec<(String, u32, String, &'static str)> {
    let mut sources = Sources::new();
    let (mut facts, mut now) = (Facts::default(), None);
    let (mut manifests, mut values, mut observed) = (Vec::new(), Vec::new(), None);
    let mut ignoring = Ignoring { today: parse_day("2026-06-15"), ..Ignoring::default() };
    for (info, text) in files {
        let mut words = info.split(' ');
        let name = &words.next().unwrap_or_default().to_owned();
        let word = |key: &str| info.split(' ').find_map(|word| word.strip_prefix(key)).map(str::to_owned);
        if let Some(chart) = word("chart-") {
            values.push(ValuesFile { name: name.clone(), chart, namespace: word("namespace-") });
        }
        if name == "scan.toml" {
            let source = sources.add(name.clone(), SourceKind::File, text.as_str());
            observed = Some(adapters::observed::read(text, source).unwrap_or_else(|error| panic!("{error}\n{text}")));
        } else if name == "poolcheck.toml" {
            ignoring.forbid_inline = text.contains("inline-ignores = false");
        } else if std::path::Path::new(name).extension().is_some_and(|ending| ending == "toml" || ending == "lock") {
            let page = adapters::Page { name, text };
            let manual = adapters::find("manual").expect("the manual adapter");
            let read = manual.parse(&adapters::Input { pages: &[page], read_at: None }, &mut sources);
            let read = read.unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
            if name == "now.toml" {
                now = Some(read);
            } else {
                facts.merge(read);
            }
        } else {
            let source = sources.add(name.clone(), SourceKind::File, text.as_str());
            manifests.push(ManifestFile::parse(source, text.as_str().into(), &Limits::default()));
        }
    }
    let Composed { files: manifests, clusters } =
        tree::compose(&manifests, &mut sources, &tree::Options::default(), &Limits::default());
    let world = World::build(WorldInput {
        values_files: &values,
        clusters: &clusters,
        today: ignoring.today,
        observed: observed.as_ref(),
        now: now.as_ref(),
        ..WorldInput::new(&sources, &manifests, &facts)
    });
    let outcome = poolcheck_rules::check_with(&world, &ignoring);
    let place = |f: &poolcheck_rules::Finding| {
        let source = f.primary.span.source;
        (sources.get(source).name.clone(), sources.line_column(source, f.primary.span.start).line)
    };
    outcome.findings.iter().map(|f| (place(f).0, place(f).1, f.level.name().to_owned(), f.rule)).collect()
}

/// (file, line, level, rule) of every mark `# error: [rule]`.
fn marks(files: &[(String, String)]) -> Vec<(String, u32, String, String)> {
    let mut marks = Vec::new();
    for (info, text) in files {
        let name = info.split(' ').next().unwrap_or_default().to_owned();
        for (number, line) in text.lines().enumerate() {
            for level in ["error", "warning", "note"] {
                let Some((_, rest)) = line.split_once(&format!("# {level}: [")) else { continue };
                let rules = rest.split(']').next().unwrap_or_default();
                for rule in rules.split(',') {
                    marks.push((name.clone(), number as u32 + 1, level.to_owned(), rule.trim().to_owned()));
                }
            }
        }
    }
    marks
}

fn judge(registered: &Registered) -> Vec<String> {
    let id = registered.rule.id;
    let mut complaints = Vec::new();
    let example = files(registered.section("Example").unwrap_or_default());
    let expected = marks(&example);
    let found = findings(&example);
    let own = |found: &&(String, u32, String, &'static str)| found.2 == "error" || found.3 == id;
    for mark in &expected {
        if !found.iter().any(|f| (&f.0, f.1, &f.2, f.3) == (&mark.0, mark.1, &mark.2, mark.3.as_str())) {
            complaints.push(format!("{id}: the example's mark {mark:?} is not reported; found {found:?}"));
        }
    }
    for finding in found.iter().filter(own) {
        if !expected.iter().any(|m| (&m.0, m.1, m.3.as_str()) == (&finding.0, finding.1, finding.3)) {
            complaints.push(format!("{id}: the example is also reported as {finding:?}"));
        }
    }
    let cured = files(registered.section("Use instead").unwrap_or_default());
    if cured.is_empty() {
        complaints.push(format!("{id}: `Use instead` has no file"));
    }
    for finding in findings(&cured).iter().filter(own) {
        complaints.push(format!("{id}: the cured example is reported as {finding:?}"));
    }
    complaints
}

#[test]
fn every_example_is_what_it_says() {
    let complaints: Vec<String> = poolcheck_rules::all().iter().flat_map(judge).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_rule_is_named_after_its_file() {
    for registered in poolcheck_rules::all() {
        let stem = registered.file.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        assert_eq!(registered.rule.id, stem.replace('_', "-"));
        assert!(registered.rule.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
    }
}
