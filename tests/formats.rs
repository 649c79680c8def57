//! Every output format, read back by what reads it: the official schema of SARIF, an XML parser, a JSON parser.

use std::process::{Command, Output};

use serde_json::Value;

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    run_with(arguments, &[])
}

fn run_with(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolcheck"));
    command.env_remove("GITHUB_STEP_SUMMARY").args(arguments).envs(variables.iter().copied());
    let Output { status, stdout, stderr } = command.output().expect("the program was built");
    assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
    (status.code(), String::from_utf8(stdout).expect("UTF-8"))
}

const BEFORE: &str = "examples/homelab/before";

fn sarif(arguments: &[&str]) -> Value {
    let (_, text) = run(arguments);
    let log: Value = serde_json::from_str(&text).expect("JSON");
    let schema = std::fs::read_to_string("tests/schemas/sarif-2.1.0-rtm.5.json").expect("the schema is here");
    let mut schema: Value = serde_json::from_str(&schema).expect("JSON");
    // The one pattern that is no regular expression in ECMA 262's Unicode mode (a `]` without its `[`); we do not write
    // `language` at all.
    for definition in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][definition]["properties"]["language"];
        language.as_object_mut().expect("an object").remove("pattern");
    }
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(&log).map(|e| format!("{} at {}", e, e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    log
}

#[test]
fn sarif_is_what_the_standard_says() {
    let log = sarif(&["check", "-o", "sarif", BEFORE]);
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), poolcheck_rules::all().len());
    let results = run["results"].as_array().expect("results");
    let result = results.iter().find(|r| r["ruleId"] == "pool-in-dhcp-range").expect("the headline finding");
    assert_eq!(rules[result["ruleIndex"].as_u64().expect("a number") as usize]["id"], "pool-in-dhcp-range");
    assert_eq!(result["level"], "error");
    let region = &result["locations"][0]["physicalLocation"]["region"];
    assert_eq!((&region["startLine"], &region["startColumn"]), (&8.into(), &5.into()));
    let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(uri, "examples/homelab/before/metallb/pool.yaml");
    assert!(
        result["relatedLocations"][0]["logicalLocations"][0]["fullyQualifiedName"]
            .as_str()
            .expect("a card")
            .contains("sky-hub")
    );
    assert!(result["partialFingerprints"]["poolcheck/v1"].as_str().is_some_and(|print| print.len() == 32));
}

#[test]
fn sarif_tells_what_was_accepted_and_what_was_not_checked() {
    let log = sarif(&["check", "-o", "sarif", "examples/accepted"]);
    let run = &log["runs"][0];
    let suppressed = run["results"].as_array().expect("results").iter().find(|r| !r["suppressions"][0].is_null());
    let suppression = &suppressed.expect("it was accepted")["suppressions"][0];
    assert_eq!(suppression["kind"], "inSource");
    assert!(suppression["justification"].as_str().is_some_and(|reason| !reason.is_empty()));
    let notes = run["invocations"][0]["toolExecutionNotifications"].as_array().expect("notifications");
    assert!(notes.iter().any(|n| n["message"]["text"].as_str().is_some_and(|text| text.starts_with("not checked: "))));
}

#[test]
fn sarif_carries_fixes() {
    let log = sarif(&[
        "check",
        "--no-config",
        "--facts",
        "examples/gitops/lan.toml",
        "-o",
        "sarif",
        "examples/homelab/before/metallb",
    ]);
    let results = log["runs"][0]["results"].as_array().expect("results");
    let result = results.iter().find(|r| r["ruleId"] == "pool-in-dhcp-range").expect("it collides");
    let replacement = &result["fixes"][0]["artifactChanges"][0]["replacements"][0];
    assert_eq!(replacement["deletedRegion"]["startLine"], 8);
    assert!(replacement["insertedContent"]["text"].as_str().is_some_and(|text| text.starts_with("192.168.1.")));
}

#[test]
fn junit_is_xml_with_a_test_for_each_rule() {
    let (status, text) = run(&["check", "-o", "junit", BEFORE]);
    assert_eq!(status, Some(1));
    let document = roxmltree::Document::parse(&text).expect("XML");
    let cases: Vec<_> = document.descendants().filter(|node| node.has_tag_name("testcase")).collect();
    assert_eq!(cases.len(), poolcheck_rules::all().len());
    let failed = cases.iter().find(|case| case.attribute("name") == Some("pool-in-dhcp-range")).expect("its test");
    let failure = failed.children().find(|node| node.has_tag_name("failure")).expect("it failed");
    assert!(
        failure.attribute("message").is_some_and(|message| message.contains("lies inside the router's DHCP range"))
    );
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).expect("a suite");
    let failures = cases.iter().filter(|case| case.children().any(|node| node.has_tag_name("failure"))).count();
    assert_eq!(suite.attribute("failures"), Some(failures.to_string().as_str()));
}

#[test]
fn gitlab_lists_issues_whose_fingerprints_hold_no_line() {
    let (_, text) = run(&["check", "-o", "gitlab", BEFORE]);
    let issues: Vec<Value> = serde_json::from_str(&text).expect("a list");
    let issue = issues.iter().find(|issue| issue["check_name"] == "pool-in-dhcp-range").expect("the headline finding");
    assert_eq!((&issue["severity"], &issue["location"]["lines"]["begin"]), (&"critical".into(), &8.into()));
    let folder = tempfile::tempdir().expect("a folder");
    let copy = |lines: &str| {
        let pool = std::fs::read_to_string("examples/homelab/before/metallb/pool.yaml").expect("the pool");
        std::fs::write(folder.path().join("pool.yaml"), lines.to_owned() + &pool).expect("written");
        let facts = "[[segment]]\nsubnet = \"192.168.1.0/24\"\ndhcp = \"192.168.1.2-192.168.1.253\"\n";
        std::fs::write(folder.path().join("lan.toml"), facts).expect("written");
        let (_, text) = run(&["check", "-o", "gitlab", &folder.path().to_string_lossy()]);
        let issues: Vec<Value> = serde_json::from_str(&text).expect("a list");
        issues.into_iter().map(|issue| issue["fingerprint"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(copy(""), copy("# one\n# two\n"));
}

#[test]
fn github_shows_findings_at_their_lines_and_adds_a_summary() {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = folder.path().join("summary.md");
    std::fs::write(&summary, "before\n").expect("written");
    let variables = [("GITHUB_STEP_SUMMARY", summary.to_str().expect("UTF-8"))];
    let (status, text) = run_with(&["check", "-o", "github", BEFORE], &variables);
    assert_eq!(status, Some(1));
    let line = text.lines().find(|line| line.starts_with("::error ")).expect("an error");
    assert!(line.starts_with("::error file=examples/homelab/before/metallb/pool.yaml,line=8,col=5,"), "{line}");
    assert!(line.contains("title=pool-in-dhcp-range::pool main-pool") && line.contains("%0A"), "{line}");
    let summary = std::fs::read_to_string(&summary).expect("it is there");
    assert!(summary.starts_with("before\n### poolcheck\n") && summary.contains("| error | [pool-in-dhcp-range]("));
}

#[test]
fn markdown_has_a_row_for_each_finding() {
    let (_, text) = run(&["check", "-o", "markdown", BEFORE]);
    let (_, json) = run(&["check", "-o", "json", BEFORE]);
    let report: Value = serde_json::from_str(&json).expect("JSON");
    let rows = text
        .lines()
        .filter(|line| ["| error |", "| warning |", "| note |"].iter().any(|l| line.starts_with(l)))
        .count();
    assert_eq!(rows, report["findings"].as_array().map_or(0, Vec::len));
}

#[test]
fn a_report_told_later_says_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let output = format!("json={}", report.display());
    let formats = ["concise", "sarif", "gitlab", "junit", "markdown", "github", "json"];
    for format in formats {
        let (_, now) = run(&["check", "-o", &output, "-o", format, "examples/homelab/before"]);
        let (status, later) = run(&["render", &report.to_string_lossy(), "-o", format]);
        assert_eq!((status, later), (Some(0), now), "{format}");
    }
}

#[test]
fn a_report_that_cannot_be_read_is_a_mistake() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases = [
        ("{\"version\": 2}", "is a report of version 2; this program reads version 1"),
        ("{}", "is no report of poolcheck"),
        ("[1", "is no JSON object"),
        ("{\"version\": 1}", "is no whole report"),
    ];
    for (text, wanted) in cases {
        let path = folder.path().join("report.json");
        std::fs::write(&path, text).expect("written");
        let output =
            Command::new(env!("CARGO_BIN_EXE_poolcheck")).arg("render").arg(&path).args(["-o", "sarif"]).output();
        let output = output.expect("the program was built");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(wanted), "{said}");
    }
}

#[test]
fn the_format_never_changes_the_exit_code() {
    for format in ["pretty", "concise", "json", "sarif", "github", "gitlab", "junit", "markdown"] {
        assert_eq!(run(&["check", "-o", format, BEFORE]).0, Some(1), "{format}");
        assert_eq!(run(&["check", "-o", format, "examples/homelab/after"]).0, Some(0), "{format}");
    }
}

#[test]
fn completions_and_the_manual_name_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish", "nushell"] {
        let (status, text) = run(&["completions", shell]);
        assert_eq!(status, Some(0));
        for command in ["check", "claims", "suggest", "explain", "router"] {
            assert!(text.contains(command), "{shell}: {command}");
        }
    }
    let (status, manual) = run(&["man"]);
    assert_eq!(status, Some(0));
    assert!(manual.contains(".TH poolcheck") && manual.contains("no\\-config"));
}

#[test]
fn rendered_text_says_which_template_it_is_from() {
    use std::io::Write as _;
    let text = "---\n# Source: metallb-config/templates/pool.yaml\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: main-pool, namespace: metallb-system}\nspec:\n  addresses: [192.168.1.50]\n---\n# Source: metallb-config/templates/l2.yaml\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: l2, namespace: metallb-system}\n";
    for (format, wanted) in [
        ("pretty", "<stdin>:7:15 (metallb-config/templates/pool.yaml)"),
        ("json", "\"rendered_from\": \"metallb-config/templates/pool.yaml\""),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_poolcheck"));
        command.args(["check", "--no-config", "-o", format, "-"]);
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.spawn().expect("the program was built");
        child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains(wanted), "{said}");
    }
}
