//! Living with findings, as a user does: levels, ignores, the baseline and fixes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

const POOL: &str = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: main-pool\n  namespace: metallb-system\nspec:\n  addresses:\n  - 192.168.1.50-192.168.1.60\n---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata:\n  name: l2\n  namespace: metallb-system\n";
const LAN: &str = "[[segment]]\nsubnet = \"192.168.1.0/24\"\ndhcp = \"192.168.1.2-192.168.1.100\"\n";
const ENTRY: &str = "192.168.1.50-192.168.1.60";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join(".git")).expect("a folder");
    for (name, text) in files.iter().chain(&[("lan.toml", LAN)]) {
        write(folder.path(), name, text);
    }
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolcheck"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").env("POOLCHECK_TODAY", "2026-06-15");
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// (exit status, the rules found, how and why what was accepted was accepted).
fn verdict(folder: &Path, more: &[&str]) -> (i32, Vec<String>, Vec<(String, String)>) {
    let (code, out, error) = run(folder, &[&["check", "-o", "json"], more].concat());
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{code} {out}{error}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |key: &str| report[key].as_array().expect("a list").clone();
    let found = list("findings").iter().map(|finding| text(&finding["rule"])).collect();
    let accepted = list("suppressed").iter().map(|s| (text(&s["by"]), text(&s["reason"]))).collect();
    (code, found, accepted)
}

fn found(pool: &str) -> (i32, Vec<String>, Vec<(String, String)>) {
    verdict(folder(&[("pool.yaml", pool)]).path(), &[])
}

fn accepted(by: &str, reason: &str) -> Vec<(String, String)> {
    vec![(by.to_owned(), reason.to_owned())]
}

#[test]
fn levels_on_the_command_line_win_over_the_configuration() {
    let home = folder(&[("pool.yaml", POOL), ("poolcheck.toml", "[rules]\npool-in-dhcp-range = \"off\"\n")]);
    assert_eq!(run(home.path(), &["check"]).0, 0);
    assert_eq!(run(home.path(), &["check", "-D", "pool-in-dhcp-range"]).0, 1);
    assert_eq!(run(home.path(), &["check", "-D", "address", "-W", "pool-in-dhcp-range"]).0, 0);
    assert_eq!(run(home.path(), &["check", "-W", "pool-in-dhcp-range", "-D", "address"]).0, 1);
    assert_eq!(run(home.path(), &["check", "-D", "pool-in-dhcp-range", "-A", "all"]).0, 0);
    let (code, _, error) = run(home.path(), &["check", "--deny", "pool-in-dhcp-rage"]);
    assert_eq!((code, error.contains("did you mean `pool-in-dhcp-range`?")), (2, true), "{error}");
}

#[test]
fn a_comment_on_the_line_or_alone_above_it() {
    let ignore = "# poolcheck: ignore[pool-in-dhcp-range] reason=\"lab\" until=2026-06-15";
    let on_the_line = POOL.replace(ENTRY, &format!("{ENTRY} {ignore}"));
    assert_eq!(found(&on_the_line), (0, vec![], accepted("comment", "lab")));
    let above = POOL.replace(&format!("  - {ENTRY}"), &format!("  {ignore}\n  # and more\n  - {ENTRY}"));
    assert_eq!(found(&above), (0, vec![], accepted("comment", "lab")));
    let elsewhere = POOL.replace("  addresses:", &format!("  addresses: {ignore}"));
    assert_eq!(found(&elsewhere).1, ["unused-ignore", "pool-in-dhcp-range"]);
    let expired = on_the_line.replace("06-15", "06-14");
    assert_eq!(found(&expired), (1, vec!["pool-in-dhcp-range".to_owned(), "expired-ignore".to_owned()], vec![]));
    let typo = on_the_line.replace("until=2026-06-15", "until=June");
    assert_eq!(found(&typo).1, ["pool-in-dhcp-range", "malformed-ignore"]);
    let reasonless = on_the_line.replace(" reason=\"lab\"", "");
    assert_eq!(found(&reasonless).1, ["ignore-without-reason"]);
    let home = folder(&[("pool.yaml", &on_the_line)]);
    assert_eq!(verdict(home.path(), &["--no-ignores"]), (1, vec!["pool-in-dhcp-range".to_owned()], vec![]));
}

#[test]
fn a_comment_in_yaml_inside_yaml() {
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config\n  namespace: metallb-system\ndata:\n  config: |\n    address-pools:\n    - name: default\n      protocol: layer2\n      addresses:\n      - 192.168.1.50-192.168.1.60 # poolcheck: ignore[pool-in-dhcp-range] reason=\"old\"\n";
    let (_, rules, by) = found(config);
    assert!(!rules.contains(&"pool-in-dhcp-range".to_owned()), "{rules:?}");
    assert_eq!(by, accepted("comment", "old"));
}

#[test]
fn an_annotation_of_the_object() {
    let annotated = |text: &str| {
        POOL.replacen(
            "  namespace: metallb-system\n",
            &format!("  namespace: metallb-system\n  annotations:\n{text}"),
            1,
        )
    };
    let good = annotated("    poolcheck.dev/ignore: pool-in-dhcp-range\n    poolcheck.dev/ignore-reason: lab\n");
    assert_eq!(found(&good), (0, vec![], accepted("annotation", "lab")));
    let expired = annotated(
        "    poolcheck.dev/ignore: pool-in-dhcp-range\n    poolcheck.dev/ignore-reason: lab\n    poolcheck.dev/ignore-until: \"2026-01-01\"\n",
    );
    assert_eq!(found(&expired).1, ["expired-ignore", "pool-in-dhcp-range"]);
    let unknown = annotated("    poolcheck.dev/ignore: pool-in-dhcp-rage\n");
    assert_eq!(found(&unknown).1, ["malformed-ignore", "pool-in-dhcp-range"]);
}

#[test]
fn the_configuration_selects_objects_and_files_and_may_forbid_the_rest() {
    let ignoring = |selector: &str| {
        format!("[[ignore]]\nrule = \"pool-in-dhcp-range\"\n{selector}reason = \"lab\"\nuntil = 2026-12-31\n")
    };
    let judged = |configuration: &str| {
        verdict(folder(&[("k8s/pool.yaml", POOL), ("poolcheck.toml", configuration)]).path(), &[])
    };
    for selector in ["", "object = \"IPAddressPool metallb-system/*\"\n", "path = \"k8s/**\"\n"] {
        assert_eq!(judged(&ignoring(selector)), (0, vec![], accepted("configuration", "lab")), "{selector}");
    }
    for selector in ["object = \"IPAddressPool other/*\"\n", "path = \"*.yaml\"\n"] {
        let (code, rules, _) = judged(&ignoring(selector));
        assert_eq!((code, rules), (1, vec!["pool-in-dhcp-range".to_owned(), "unused-ignore".to_owned()]), "{selector}");
    }
    // Of what was not looked at, nothing is unused.
    let part = folder(&[("k8s/pool.yaml", POOL), ("poolcheck.toml", &ignoring("path = \"other/**\"\n"))]);
    assert_eq!(verdict(part.path(), &["k8s"]).1, ["pool-in-dhcp-range"]);
    let comment = format!("{ENTRY} # poolcheck: ignore[pool-in-dhcp-range] reason=\"lab\"");
    let inline = POOL.replace(ENTRY, &comment);
    let strict = folder(&[("pool.yaml", &inline), ("poolcheck.toml", "inline-ignores = false\n")]);
    assert_eq!(verdict(strict.path(), &[]).1, ["pool-in-dhcp-range", "forbidden-ignore"]);
}

#[test]
fn a_baseline_only_shrinks() {
    let two = POOL.replace(ENTRY, &format!("{ENTRY}\n  - 192.168.1.70-192.168.1.80"));
    let home = folder(&[("k8s/pool.yaml", &two)]);
    let at = home.path();
    let rule = || "pool-in-dhcp-range".to_owned();
    let entries = || {
        let text = fs::read_to_string(at.join("poolcheck-baseline.json")).expect("a baseline");
        serde_json::from_str::<Value>(&text).expect("JSON")["findings"].as_array().expect("a list").len()
    };
    let (code, _, error) = run(at, &["check", "--baseline"]);
    assert_eq!((code, error.contains("--write-baseline=poolcheck-baseline.json")), (2, true), "{error}");
    let (code, rules, by) = verdict(at, &["--write-baseline"]);
    assert_eq!((code, rules.len(), by.len(), entries()), (0, 0, 2, 2));
    assert_eq!(run(at, &["check"]).0, 1, "without the flag nothing is accepted");
    // Moved within its tree, and with other lines before it, a finding is the same.
    fs::remove_file(at.join("k8s/pool.yaml")).expect("it was there");
    write(at, "apps/pool.yaml", &format!("# moved\n{two}"));
    assert_eq!(verdict(at, &["--baseline"]).0, 0);
    // A new one fails, and is not added unasked.
    let three = two.replace("70-192.168.1.80", "70-192.168.1.80\n  - 192.168.1.90");
    write(at, "apps/pool.yaml", &three.replace("192.168.1.90", "192.168.1.90/32"));
    assert_eq!(verdict(at, &["--baseline"]).1, [rule()]);
    assert_eq!((verdict(at, &["--write-baseline"]).0, entries()), (1, 2));
    assert_eq!((verdict(at, &["--write-baseline", "--baseline-add"]).0, entries()), (0, 3));
    // What is gone is told as a warning, and taken out.
    write(at, "apps/pool.yaml", POOL);
    let (code, out, _) = run(at, &["check", "--baseline"]);
    assert_eq!((code, out.contains("2 baseline entries gone")), (0, true), "{out}");
    assert!(out.contains("pool-in-dhcp-range in apps/pool.yaml is gone"), "{out}");
    assert_eq!(run(at, &["check", "--baseline", "--fail-on", "warning"]).0, 1);
    // Of what was not looked at, or could not be judged, nothing is gone.
    write(at, "other/pool.yaml", &POOL.replace(ENTRY, "192.168.1.240/32").replace("main-pool", "other"));
    assert!(!run(at, &["check", "--baseline", "other"]).1.contains("gone"));
    assert!(!run(at, &["check", "--baseline", "-A", "pool-in-dhcp-range"]).1.contains("gone"));
    assert!(!run(at, &["check", "--baseline", "--no-config"]).1.contains("gone"));
    assert_eq!((run(at, &["check", "--write-baseline"]).0, entries()), (0, 1));
    write(at, "poolcheck.toml", "baseline = \"poolcheck-baseline.json\"\n");
    assert_eq!(run(at, &["check"]).0, 0, "the configuration names it");
}

#[test]
fn a_baseline_that_is_none_ends_the_run() {
    let home = folder(&[("pool.yaml", POOL)]);
    for (text, message) in [
        ("{\"version\": 2, \"findings\": []}", "is a baseline of version 2; this poolcheck reads version 1"),
        ("{\"findings\": []}", "it has no `version`"),
        ("[", "is no JSON"),
        ("{\"version\": 1, \"findings\": [{}]}", "is no baseline: missing field"),
    ] {
        write(home.path(), "b.json", text);
        for flag in ["--baseline=b.json", "--write-baseline=b.json"] {
            let (code, _, error) = run(home.path(), &["check", flag]);
            assert_eq!((code, error.contains(message), error.contains("write it anew")), (2, true, true), "{error}");
        }
        assert_eq!(fs::read_to_string(home.path().join("b.json")).expect("it is there"), text);
    }
}

#[test]
fn fixes_keep_comments_quotes_and_line_ends() {
    let bad = POOL
        .replace(ENTRY, "\"192.168.1.50-192.168.1.60\" # the lab's")
        .replace("  addresses:", "  autoasign: false # by hand\n  addresses:")
        .replace('\n', "\r\n");
    let home = folder(&[("pool.yaml", &bad)]);
    let at = home.path();
    let text = || fs::read_to_string(at.join("pool.yaml")).expect("it is there");
    let (code, diff, _) = run(at, &["check", "--diff"]);
    assert_eq!((code, text()), (1, bad.clone()), "--diff writes nothing");
    assert!(
        diff.contains("-  autoasign: false # by hand") && diff.contains("+  autoAssign: false # by hand"),
        "{diff}"
    );
    let (code, _, error) = run(at, &["check", "--fix"]);
    let safe = bad.replace("autoasign", "autoAssign");
    assert_eq!((code, text()), (1, safe.clone()), "what remains decides: {error}");
    assert!(error.contains("fixed: pool.yaml:7:3: rename `autoasign` to `autoAssign`"), "{error}");
    let (code, _, error) = run(at, &["check", "--fix", "--unsafe-fixes"]);
    let cured = text();
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("move the pool to 192.168.1."), "{error}");
    assert_ne!(cured, safe);
    assert!(cured.contains("\" # the lab's\r\n") && !cured.replace("\r\n", "").contains(['\r', '\n']), "{cured:?}");
    let before: Vec<&str> = safe.lines().filter(|line| !line.contains("the lab's")).collect();
    let after: Vec<&str> = cured.lines().filter(|line| !line.contains("the lab's")).collect();
    assert_eq!(before, after);
    assert_eq!(run(at, &["check", "--diff", "--unsafe-fixes"]).0, 0, "nothing is left to do");
}

#[cfg(unix)]
#[test]
fn a_fixed_file_keeps_its_mode_and_links_stay_links() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let home = folder(&[("real.yml", POOL)]);
    let (real, link) = (home.path().join("real.yml"), home.path().join("link.yaml"));
    symlink(&real, &link).expect("a link");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("a mode");
    assert_eq!(run(home.path(), &["check", "--fix", "--unsafe-fixes", "link.yaml"]).0, 0);
    assert_eq!(fs::metadata(&real).expect("it is there").permissions().mode() & 0o777, 0o640);
    assert!(link.is_symlink() && !fs::read_to_string(&real).expect("a text").contains(ENTRY));
}

#[test]
fn what_cannot_be_fixed_is_left_alone() {
    let home = folder(&[("pool.yaml", POOL)]);
    let at = home.path();
    for (arguments, message) in [
        (&["check", "--fix", "-"][..], "standard input cannot be fixed"),
        (&["check", "--fix", "--staged"][..], "the git index cannot be fixed"),
        (&["check", "--unsafe-fixes"][..], "--unsafe-fixes alone does nothing"),
    ] {
        let (code, _, error) = run(at, arguments);
        assert_eq!((code, error.contains(message)), (2, true), "{error}");
    }
    // What is ignored or in the baseline is accepted: nothing to fix.
    assert_eq!(run(at, &["check", "--write-baseline"]).0, 0);
    assert_eq!(run(at, &["check", "--baseline", "--fix", "--unsafe-fixes"]).0, 0);
    assert_eq!(fs::read_to_string(at.join("pool.yaml")).expect("a text"), POOL);
    // A string with escapes does not map byte by byte.
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config\n  namespace: metallb-system\ndata:\n  config: \"address-pools:\\n- name: default\\n  protocol: layer2\\n  addresses:\\n  - 192.168.1.50-192.168.1.60\\n\"\n";
    let escaped = folder(&[("config.yaml", config)]);
    assert_eq!(run(escaped.path(), &["check", "--fix", "--unsafe-fixes"]).0, 1);
    assert_eq!(fs::read_to_string(escaped.path().join("config.yaml")).expect("a text"), config);
}

#[test]
fn two_pools_are_moved_apart() {
    let second = POOL.replace("main-pool", "second").replace("50-192.168.1.60", "70-192.168.1.80");
    let home = folder(&[("a.yaml", POOL), ("b.yaml", second.split("---").next().unwrap_or_default())]);
    let (code, _, error) = run(home.path(), &["check", "--fix", "--unsafe-fixes"]);
    assert_eq!((code, error.matches("move the pool to").count()), (0, 2), "{error}");
}
