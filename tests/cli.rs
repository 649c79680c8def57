//! The program as a user meets it: sessions shown in the documentation, exit codes, and bad input.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const POOL: &str = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: main-pool\n  namespace: metallb-system\nspec:\n  addresses:\n  - 192.168.1.50-192.168.1.60\n---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata:\n  name: l2\n  namespace: metallb-system\n";
const LAN: &str = "[[segment]]\nsubnet = \"192.168.1.0/24\"\ndhcp = \"192.168.1.2-192.168.1.253\"\n";

#[test]
fn sessions_in_the_documentation() {
    trycmd::TestCases::new().case("README.md").case("docs/*.md").run();
}

/// A folder that is the root of a repository, so that no configuration above it is found.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join(".git")).expect("a folder");
    for (name, text) in files {
        write(folder.path(), name, text.as_bytes());
    }
    folder
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolcheck"));
    command.args(arguments).current_dir(folder).env_remove("COLUMNS").env("NO_COLOR", "1").env("TERM", "xterm");
    command
}

fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    told(&command(folder, arguments).stdin(Stdio::null()).output().expect("it starts"))
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn exit_codes() {
    let bad = folder(&[("pool.yaml", POOL), ("lan.toml", LAN)]);
    assert_eq!(run(bad.path(), &["check"]).0, 1);
    assert_eq!(run(bad.path(), &["check", "--fail-on", "never"]).0, 0);
    for format in ["pretty", "concise", "json"] {
        assert_eq!(run(bad.path(), &["check", "-o", format]).0, 1, "{format} changes the exit code");
    }
    let good = folder(&[("pool.yaml", &POOL.replace("50-192.168.1.60", "254/32")), ("lan.toml", LAN)]);
    let (code, out, _) = run(good.path(), &["check"]);
    assert_eq!((code, out.starts_with("ok: 1 pool against 1 DHCP range")), (0, true), "{out}");
    assert_eq!(run(good.path(), &["check", "--require", "nodes"]).0, 3);
    assert_eq!(run(good.path(), &["check", "--require", "dhcp"]).0, 0);
    let empty = folder(&[("a.yaml", "kind: ConfigMap\n")]);
    let (code, _, error) = run(empty.path(), &["check"]);
    assert_eq!((code, error.contains("no pool found in 1 file")), (3, true), "{error}");
    assert_eq!(run(empty.path(), &["check", "--allow-empty"]).0, 0);
    assert_eq!(run(empty.path(), &["check", "no-such-file"]).0, 2);
    assert_eq!(run(empty.path(), &["chekc"]).0, 2);
    assert_eq!(run(empty.path(), &["check", "-o", "sarfi"]).0, 2);
    assert_eq!(run(empty.path(), &["--help"]).0, 0);
}

#[test]
fn json_is_the_whole_finding() {
    let bad = folder(&[("pool.yaml", POOL), ("lan.toml", LAN)]);
    let (_, out, _) = run(bad.path(), &["check", "-o", "json", "-o", "concise=concise.txt"]);
    let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let finding = &report["findings"][0];
    assert_eq!(finding["rule"], "pool-in-dhcp-range");
    assert_eq!((&finding["primary"]["line"], &finding["primary"]["column"]), (&8.into(), &5.into()));
    let (start, end) =
        (finding["primary"]["start"].as_u64().unwrap() as usize, finding["primary"]["end"].as_u64().unwrap() as usize);
    assert_eq!(&POOL[start..end], "192.168.1.50-192.168.1.60");
    assert_eq!(finding["related"][0]["file"], "lan.toml");
    assert_eq!(report["summary"]["pools"], 1);
    assert!(report["not_checked"].as_array().unwrap().iter().any(|v| v["rule"] == "pool-contains-node"));
    let concise = fs::read_to_string(bad.path().join("concise.txt")).unwrap();
    assert!(
        concise.starts_with(
            "pool.yaml:8:5: error[pool-in-dhcp-range]: pool main-pool 192.168.1.50-192.168.1.60 lies inside"
        ),
        "{concise}"
    );
    // The fingerprint survives moved lines.
    let moved = folder(&[("other/pool.yaml", &format!("# a line\n# another\n{POOL}")), ("lan.toml", LAN)]);
    let (_, out, _) = run(moved.path(), &["check", "-o", "json"]);
    let again: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(again["findings"][0]["fingerprint"], finding["fingerprint"]);
}

#[test]
fn standard_input_file_lists_and_templates() {
    let lan = folder(&[
        ("lan.toml", LAN),
        ("list", "a.yaml\n"),
        ("a.yaml", POOL),
        ("t/t.yaml", "metallb: {{ .Values.x }}\n{{- if }}\n"),
    ]);
    let mut child = command(lan.path(), &["check", "-", "--stdin-filename", "rendered.yaml", "-o", "concise"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    child.stdin.take().expect("piped").write_all(POOL.as_bytes()).expect("it reads");
    let (code, out, _) = told(&child.wait_with_output().expect("it ends"));
    assert_eq!((code, out.starts_with("rendered.yaml:8:5:")), (1, true), "{out}");
    assert_eq!(run(lan.path(), &["check", "--file-list", "list", "a.yaml"]).0, 1);
    let (code, out, _) = run(lan.path(), &["check", "--allow-empty", "t"]);
    assert_eq!((code, out.contains("Helm template t/t.yaml:1:10 (render first")), (0, true), "{out}");
}

#[test]
fn bad_input_is_told_and_the_rest_is_checked() {
    let bad = folder(&[("pool.yaml", POOL), ("lan.toml", LAN)]);
    write(bad.path(), "latin.yaml", b"# metallb\nname: caf\xe9\n");
    let huge = fs::File::create(bad.path().join("huge.yaml")).expect("a file");
    huge.set_len(200 << 20).expect("a sparse file");
    write(bad.path(), "nested.yaml", format!("metallb: {}", "[".repeat(20_000)).as_bytes());
    write(bad.path(), "truncated.yaml", b"kind: IPAddressPool\napiVersion: metallb.io/v1beta1\nspec: {addresses: [\n");
    let bomb: Vec<String> =
        (1..9).map(|i| format!("b{i}: &b{i} [{}]\n", vec![format!("*b{}", i - 1); 10].join(","))).collect();
    let bomb = bomb.concat();
    write(bad.path(), "bomb.yaml", format!("# metallb\nb0: &b0 [x]\n{bomb}").as_bytes());
    let (code, out, _) = run(bad.path(), &["check"]);
    assert_eq!(code, 1);
    for told in [
        "latin.yaml is not UTF-8 at byte 19 (line 2)",
        "huge.yaml is larger than 16 MiB",
        "error[kubernetes-cannot-parse]",
        "error[pool-in-dhcp-range]",
        "truncated.yaml:",
        "nested.yaml:",
    ] {
        assert!(out.contains(told), "no `{told}` in {out}");
    }
    assert!(!out.contains("bomb.yaml"), "an alias bomb of nothing of ours is no finding: {out}");
    let only = folder(&[]);
    write(only.path(), "latin.yaml", b"# metallb\nname: caf\xe9\n");
    assert_eq!(run(only.path(), &["check", "--allow-empty"]).0, 3);
}

#[cfg(unix)]
#[test]
fn a_fifo_and_a_loop_of_folders_do_not_hang() {
    let odd = folder(&[("pool.yaml", POOL), ("lan.toml", LAN)]);
    std::os::unix::fs::symlink(".", odd.path().join("loop")).expect("a link");
    let made = Command::new("mkfifo").arg(odd.path().join("pipe.yaml")).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo (coreutils) is needed");
    assert_eq!(run(odd.path(), &["check"]).0, 1);
    let (code, out, _) = run(odd.path(), &["check", "--allow-empty", "pipe.yaml"]);
    assert_eq!((code, out.contains("pipe.yaml is not a regular file")), (3, true), "{out}");
}

#[test]
fn mistakes_in_facts_and_configuration_have_a_place() {
    let cases = [
        (
            "lan.toml",
            "[[segment]]\nsubnet = \"192.168.1.0/24\"\ndhcp = \"192.168.1.9-192.168.1.2\"\n",
            "begins after it ends",
        ),
        (
            "lan.toml",
            "[[segment]]\nsubnet = \"192.168.1.0/24\"\ndhcp = \"10.0.0.2-10.0.0.9\"\n",
            "lies outside the subnet",
        ),
        ("lan.toml", "[[segment]]\nsubnet = \"192.168.1.0/24\"\npassword = \"x\"\n", "secrets are never read"),
        ("poolcheck.toml", "[[router]]\nadapter = \"fritzbox9\"\n", "`adapter` cannot be `fritzbox9`"),
        ("poolcheck.toml", "fail_on = \"error\"\n", "did you mean `fail-on`?"),
        ("poolcheck.toml", "x = [\n", "poolcheck.toml:"),
    ];
    for (name, text, told) in cases {
        let bad = folder(&[("pool.yaml", POOL), (name, text)]);
        let (code, _, error) = run(bad.path(), &["check"]);
        assert_eq!(code, 2, "{text}");
        assert!(error.contains(told) && error.contains(&format!("[{name}:")), "no `{told}` in {error}");
    }
}

#[test]
fn a_secret_is_never_printed() {
    for (name, text) in [
        ("lan.toml", "[[segment]]\nsubnet = \"192.168.1.0/24\"\nPassWord = \"hunter2\"\n"),
        (
            "lan.toml",
            "[[segment]]\nsubnet = \"192.168.1.0/24\"\ndhpc = 1\nhosts = [{ address = \"x\", api-key = 'hunter2' }]\n",
        ),
        ("poolcheck.toml", "[[router]]\nadapter = \"sky-hub\"\nsecret = \"hunter2\"\n"),
    ] {
        let bad = folder(&[("pool.yaml", POOL), (name, text)]);
        let (code, out, error) = run(bad.path(), &["check"]);
        assert_eq!(code, 2, "{text}");
        assert!(!out.contains("hunter2") && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let bad = folder(&[("pool.yaml", POOL), ("lan.toml", LAN)]);
    let mut child = command(bad.path(), &["rules", "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let (code, _, error) = told(&child.wait_with_output().expect("it ends"));
    assert_eq!((code, error.as_str()), (0, ""));
}

#[test]
fn suggest_writes_what_check_finds_clean() {
    let lan =
        "[[segment]]\nsubnet = \"192.168.1.0/24\"\ngateway = \"192.168.1.1\"\ndhcp = \"192.168.1.2-192.168.1.120\"\n";
    let home = folder(&[("lan.toml", lan)]);
    let (code, yaml, _) = run(home.path(), &["suggest", "--size", "6", "-o", "yaml"]);
    assert_eq!(code, 0);
    write(home.path(), "pool.yaml", yaml.as_bytes());
    let (code, out, _) = run(home.path(), &["check"]);
    assert_eq!((code, out.starts_with("ok: 1 pool")), (0, true), "{yaml}\n{out}");
    assert_eq!(run(home.path(), &["suggest", "--size", "4000"]).0, 3);
}

#[test]
fn suggest_writes_the_pools_of_others_too() {
    let lan =
        "[[segment]]\nsubnet = \"192.168.1.0/24\"\ngateway = \"192.168.1.1\"\ndhcp = \"192.168.1.2-192.168.1.120\"\n";
    for whose in ["cilium", "kube-vip", "purelb", "openelb"] {
        let home = folder(&[("lan.toml", lan)]);
        let (code, yaml, error) = run(home.path(), &["suggest", "--size", "6", "--for", whose, "-o", "yaml"]);
        assert_eq!(code, 0, "{whose}: {error}");
        write(home.path(), "pool.yaml", yaml.as_bytes());
        let (code, out, _) = run(home.path(), &["check"]);
        assert_eq!((code, out.starts_with("ok: 1 pool")), (0, true), "{yaml}\n{out}");
    }
}

#[test]
fn ascii_has_no_other_glyphs() {
    let bad = folder(&[("pool.yaml", POOL), ("lan.toml", LAN)]);
    let (_, out, _) = run(bad.path(), &["check", "--ascii"]);
    assert!(out.is_ascii(), "{out}");
    let (_, out, _) = run(bad.path(), &["check", "--color", "always"]);
    assert!(out.contains("\u{1b}["), "{out}");
}

#[test]
fn explain_and_rules() {
    let here = folder(&[]);
    let (code, out, _) = run(here.path(), &["explain", "pool-in-dhcp-range"]);
    assert_eq!((code, out.contains("## Use instead")), (0, true));
    let (code, _, error) = run(here.path(), &["explain", "pool-in-dhcp-rage"]);
    assert_eq!((code, error.contains("did you mean `pool-in-dhcp-range`?")), (2, true), "{error}");
    assert!(run(here.path(), &["rules"]).1.lines().count() > 30);
}

const CLEAN_POOL: &str = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: main-pool, namespace: metallb-system}\nspec:\n  addresses: [192.168.1.240-192.168.1.250]\n---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: l2, namespace: metallb-system}\n";

#[test]
fn gitops_input_that_is_broken_is_told_and_the_rest_is_checked() {
    let chart = |content: &str| {
        format!(
            "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nmetadata: {{name: traefik, namespace: kube-system}}\nspec:\n  chart: traefik\n  valuesContent: |-\n{content}"
        )
    };
    let cases = [
        (
            "a template inside valuesContent",
            vec![("chart.yaml", chart("    hostNetwork: {{ .Values.host }}\n"))],
            "\"not_checked\": [\n    {\n",
        ),
        ("values that are no mapping", vec![("chart.yaml", chart("    - one\n    - two\n"))], "\"findings\": []"),
        (
            "an overlay that includes itself",
            vec![
                ("a/kustomization.yaml", "resources: [../b, pool.yaml]\n".to_owned()),
                ("b/kustomization.yaml", "resources: [../a]\n".to_owned()),
                (
                    "a/pool.yaml",
                    CLEAN_POOL.replace("main-pool", "other").replace("240-192.168.1.250", "230-192.168.1.231"),
                ),
            ],
            "\"pools\": 2",
        ),
        (
            "variables that name each other",
            vec![
                (
                    "pool.yaml",
                    CLEAN_POOL.replace("main-pool", "other").replace("192.168.1.240-192.168.1.250", "\"${A}\""),
                ),
                (
                    "settings.yaml",
                    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\ndata: {A: \"${B}\", B: \"${A}\"}\n"
                        .to_owned(),
                ),
            ],
            "the variable A is substituted later",
        ),
    ];
    for (what, files, said) in cases {
        let mut all = vec![("main/pool.yaml", CLEAN_POOL)];
        all.extend(files.iter().map(|(name, text)| (*name, text.as_str())));
        let folder = folder(&all);
        let (code, out, _) = run(folder.path(), &["check", "-o", "json", "--fail-on", "error"]);
        assert_eq!(code, 0, "{what}: {out}");
        assert!(out.contains(said), "{what}: no `{said}` in {out}");
    }
}

#[test]
fn init_writes_what_is_not_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, out, _) = run(folder.path(), &["init"]);
    assert_eq!(code, 0, "{out}");
    fs::write(folder.path().join("lan.toml"), "mine").expect("written");
    let (code, out, _) = run(folder.path(), &["init"]);
    assert_eq!(code, 0);
    assert!(out.contains("lan.toml is there already"), "{out}");
    assert_eq!(fs::read_to_string(folder.path().join("lan.toml")).expect("there"), "mine");
    assert_eq!(run(folder.path(), &["init", "no/such/folder"]).0, 2);
}

#[test]
fn config_tells_what_applies() {
    let folder = folder(&[("poolcheck.toml", "fail-on = \"warning\"\n[rules]\npool-overlap = \"off\"\n")]);
    let (code, out, _) = run(folder.path(), &["config"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("fail-on = \"warning\"") && out.contains("pool-overlap = \"off\""), "{out}");
    assert!(!out.contains("facts-max-age"), "{out}");
    let (_, out, _) = run(folder.path(), &["config", "--effective"]);
    assert!(out.contains("facts-max-age = 90  # default"), "{out}");
}

/// A build that cannot talk to routers says so, and what can be done instead.
#[cfg(not(feature = "live"))]
#[test]
fn a_build_without_live_says_what_it_cannot() {
    let lan = folder(&[
        ("pool.yaml", POOL),
        ("lan.toml", LAN),
        ("poolcheck.lock", "[[router]]\nadapter = \"unifi\"\nhost = \"192.168.1.1\"\n"),
    ]);
    for arguments in [
        &["router", "fetch", "--adapter", "unifi", "--lock"][..],
        &["router", "identify", "192.168.1.1"],
        &["router", "diff"],
        &["router", "record", "--to", "x"],
        &["check", "--drift"],
    ] {
        let (code, _, error) = run(lan.path(), arguments);
        assert_eq!(code, 2, "{arguments:?}: {error}");
        assert!(error.contains("this build cannot talk to routers") && error.contains("--features live"), "{error}");
    }
    assert_eq!(run(lan.path(), &["router", "list"]).0, 0);
}

/// The lock is read as lan.toml is: found beside what is checked, without being named.
#[test]
fn the_lock_is_read_beside_other_facts() {
    let lock = "[[router]]\nadapter = \"unifi\"\nversion = 1\nhost = \"192.168.1.1\"\nread-at = \"2026-11-20T10:00:00Z\"\n[[router.segment]]\nsubnet = \"192.168.1.0/24\"\n[[router.segment.dhcp]]\nstate = \"on\"\nrange = \"192.168.1.2-192.168.1.99\"\n";
    let home = folder(&[("k8s/pool.yaml", POOL), ("poolcheck.lock", lock)]);
    let check =
        |arguments: &[&str]| run(home.path(), &[&["check", "--allow-empty", "-o", "concise"], arguments].concat());
    let (code, out, _) = check(&["k8s"]);
    assert!(code == 1 && out.contains("lies inside the router's DHCP range 192.168.1.2-192.168.1.99"), "{out}");
    assert_eq!(check(&["k8s", "--no-config"]).0, 0, "nothing but what is named");
    write(home.path(), "lan.toml", LAN.replace("2-192.168.1.253", "200-192.168.1.210").as_bytes());
    assert_eq!(check(&["k8s"]).0, 1, "beside lan.toml");
    assert_eq!(check(&["k8s", "--facts", "lan.toml"]).0, 0, "facts named alone are alone");
    write(home.path(), "poolcheck.lock", b"[[router]]\nadapter = \"unifi\"\n");
    let (code, _, error) = check(&["k8s"]);
    assert!(code == 2 && error.contains("poolcheck.lock"), "{error}");
    write(home.path(), "poolcheck.toml", b"facts = [\"poolcheck.lock\"]\n");
    write(home.path(), "poolcheck.lock", lock.as_bytes());
    let (_, out, _) = check(&["k8s"]);
    assert_eq!(out.matches("pool-in-dhcp-range").count(), 1, "named, it is read once: {out}");
}

/// Recorded answers are read by an adapter that is a file, each as the answer of its step.
#[test]
fn what_a_routers_files_leave_open_is_told() {
    let conf = "dhcp-range=192.168.1.2,192.168.1.120,12h\nconf-dir=/etc/dnsmasq.d\n";
    let pool = POOL.replace("192.168.1.50-192.168.1.60", "192.168.1.200-192.168.1.210");
    let config = "[[router]]\nadapter = \"dnsmasq\"\nfile = \"dnsmasq.conf\"\n";
    let home = folder(&[("pool.yaml", &pool), ("dnsmasq.conf", conf), ("poolcheck.toml", config)]);
    let (code, out, error) = run(home.path(), &["check"]);
    assert_eq!(code, 0, "{out}{error}");
    assert!(out.contains("not checked: ") && out.contains("`/etc/dnsmasq.d` was not given"), "{out}");
    assert_eq!(run(home.path(), &["check", "--require", "dhcp"]).0, 3);
    let (code, out, _) = run(home.path(), &["router", "read", "dnsmasq.conf", "-o", "json"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("not_seen") && out.contains("`/etc/dnsmasq.d` was not given"), "{out}");
    let (code, out, error) = run(home.path(), &["suggest", "--size", "6", "--subnet", "192.168.1.0/24"]);
    assert_eq!(code, 0, "{out}{error}");
    assert!(error.contains("`/etc/dnsmasq.d` was not given"), "{error}");
    write(home.path(), "dnsmasq.conf", b"dhcp-range=192.168.1.2,192.168.1.120,12h\n");
    let (code, out, _) = run(home.path(), &["check", "--require", "dhcp"]);
    assert_eq!((code, out.contains("was not given")), (0, false), "{out}");
}

#[test]
fn recorded_answers_are_read_by_their_step() {
    let info = include_str!("../router-adapters/fixtures/fritzbox/info.xml");
    let adapter = include_str!("../router-adapters/fritzbox.toml");
    let home = folder(&[("info.xml", info), ("saved.xml", info), ("mine.toml", adapter)]);
    for arguments in [
        &["--adapter", "fritzbox", "info.xml"][..],
        &["--adapter", "fritzbox", "info=saved.xml"],
        &["--adapter", "./mine.toml", "info=saved.xml"],
    ] {
        let (code, out, error) = run(home.path(), &[&["router", "read"], arguments].concat());
        assert_eq!(code, 0, "{arguments:?}: {error}");
        assert!(out.contains("DHCP on: 192.168.178.20 to 192.168.178.200"), "{out}");
    }
    let (code, _, error) = run(home.path(), &["router", "read", "--adapter", "fritzbox", "saved.xml"]);
    assert!(
        code == 2 && error.contains("is the answer of no step of fritzbox") && error.contains("STEP=FILE"),
        "{error}"
    );
    let (code, _, error) = run(home.path(), &["router", "read", "--adapter", "./none.toml", "info.xml"]);
    assert!(code == 2 && error.contains("none.toml cannot be read"), "{error}");
    write(home.path(), "poolcheck.toml", b"[[router]]\nadapter = \"./mine.toml\"\nfile = \"info.xml\"\n");
    write(
        home.path(),
        "pool.yaml",
        POOL.replace("192.168.1.50-192.168.1.60", "192.168.178.50-192.168.178.60").as_bytes(),
    );
    let (code, out, _) = run(home.path(), &["check", "-o", "concise"]);
    assert!(code == 1 && out.contains("192.168.178.20-192.168.178.200"), "{out}");
}
