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

/// Whether the schema takes a text, as an editor would judge it.
fn schema_takes(schema: &str, text: &str) -> bool {
    let schema = fs::read_to_string(schema).expect("it is committed");
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    let Ok(table) = text.parse::<toml::Table>() else { return false };
    let mut value = serde_json::to_value(&table).expect("TOML is JSON");
    days(&mut value);
    jsonschema::validator_for(&schema).expect("a schema").is_valid(&value)
}

/// TOML has dates; in JSON they are strings.
fn days(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(map) if map.len() == 1 && map.contains_key("$__toml_private_datetime") => {
            *value = map["$__toml_private_datetime"].clone();
        }
        serde_json::Value::Object(map) => map.values_mut().for_each(days),
        serde_json::Value::Array(list) => list.iter_mut().for_each(days),
        _ => {}
    }
}

fn status(arguments: &[&str]) -> Option<i32> {
    std::process::Command::new(env!("CARGO_BIN_EXE_poolcheck"))
        .args(arguments)
        .output()
        .expect("it was built")
        .status
        .code()
}

#[test]
fn schemas_and_readers_take_the_same_files() {
    let configurations = [
        "",
        "fail-on = \"warning\"\nrequire = [\"dhcp\"]\nfacts-max-age = 30\n",
        "fail-on = \"loud\"\n",
        "facts-max-age = \"soon\"\n",
        "facts-max-age = -1\n",
        "colour = true\n",
        "[rules]\npool-in-dhcp-range = \"off\"\n",
        "[rules]\npool-in-dhcp-rage = \"off\"\n",
        "[substitute]\nA = \"1\"\n",
        "[substitute]\nA = 1\n",
        "[[cluster]]\nname = \"home\"\n",
        "[[cluster]]\nname = \"home\"\npaths = \".\"\n",
        "[[values]]\nchart = \"traefik\"\n",
        "[[ignore]]\nrule = \"pool-overlap\"\nreason = \"x\"\nuntil = 2026-12-31\n",
        "[[ignore]]\nrules = \"pool-overlap\"\n",
        "[[router]]\nadapter = \"manual\"\nsecret = \"x\"\n",
        "[[router]]\nadapter = \"manual\"\nsecret = { env = \"X\" }\n",
        "[[router]]\nadapter = \"fritzbox\"\nhost = \"fritz.box\"\nallow-basic = true\n",
        "[[router]]\nadapter = \"fritzbox\"\nallow-basic = \"yes\"\n",
        "[[router]]\nadapter = \"fritzbx\"\n",
        "[[router]]\nadapter = \"unifi\"\npin = \"sha256:abc\"\n",
        "[[router]]\nadapter = \"unifi\"\npin = \"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"\n",
        "inline-ignores = false\nallow-empty = true\nmetallb-namespace = \"lb\"\nbaseline = \"b.json\"\n",
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("poolcheck.toml");
    let path = file.to_string_lossy().into_owned();
    for text in configurations {
        fs::write(&file, text).expect("written");
        let read = status(&["config", "--config", &path]) == Some(0);
        assert_eq!(schema_takes("docs/schema/poolcheck.json", text), read, "{text}");
    }
    let facts = [
        "[[segment]]\nsubnet = \"192.168.1.0/24\"\ndhcp = \"192.168.1.2-192.168.1.253\"\n",
        "[[segment]]\nsubnet = \"192.168.1.0/24\"\ndhcp = \"off\"\nvlan = 20\n",
        "[[segment]]\nsubnet = \"192.168.1.0/24\"\nvlan = 5000\n",
        "[[segment]]\nsubnets = \"192.168.1.0/24\"\n",
        "[[segment]]\nsubnet = \"192.168.1.0/24\"\nhosts = [{ address = \"192.168.1.9\", role = \"node\" }]\n",
        "[[segment]]\nsubnet = \"192.168.1.0/24\"\nhosts = [{ address = \"192.168.1.9\", role = \"boss\" }]\n",
        "[[segment]]\nsubnet = \"192.168.1.0/24\"\nreservations = [{ name = \"nas\" }]\n",
        "[[segment]]\nsubnet = \"192.168.1.0/24\"\n[[segment.dhcp]]\nrange = \"192.168.1.2-192.168.1.9\"\nstate = \"on\"\n",
        "[cluster]\npods = [\"10.42.0.0/16\"]\n",
        "[[router]]\nadapter = \"unifi\"\nversion = 1\nhost = \"192.168.1.1\"\n[[router.segment]]\nsubnet = \"192.168.1.0/24\"\nconfidence = { subnet = \"medium\" }\n",
        "[[router]]\nadapter = \"unifi\"\nversion = \"1\"\nhost = \"192.168.1.1\"\n",
        "[[router]]\nadapter = \"unifi\"\nversion = 1\n",
        "[[router]]\nadapter = \"unifi\"\nhost = \"192.168.1.1\"\n[[router.segment]]\nconfidence = { range = \"low\" }\n",
        "[[router]]\nadapter = \"unifi\"\nhost = \"192.168.1.1\"\n[[router.segment]]\n[[router.segment.dhcp]]\nstate = \"on\"\ncompleteness = \"partial\"\nconfidence = { state = \"low\" }\n",
        "[cluster]\npod = [\"10.42.0.0/16\"]\n",
        "[origin]\nadapter = \"sky-hub\"\nread-at = \"2026-01-01T00:00:00Z\"\nconfidence = \"low\"\n",
    ];
    let file = folder.path().join("lan.toml");
    let path = file.to_string_lossy().into_owned();
    for text in facts {
        fs::write(&file, text).expect("written");
        let read = status(&["router", "read", "--adapter", "manual", &path]) == Some(0);
        assert_eq!(schema_takes("docs/schema/facts.json", text), read, "{text}");
    }
}

/// What the announcer's own reader takes, an editor takes, too.
#[cfg(all(feature = "announce", target_os = "linux"))]
#[test]
fn the_announcers_schema_and_reader_take_the_same_files() {
    let base = "interface = \"eth0\"\nnode = \"n1\"\nkey = { env = \"X\" }\n";
    let one = "[[address]]\naddress = \"10.0.0.1\"\n";
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("announcer.toml");
    let path = file.to_string_lossy().into_owned();
    for text in [
        String::new(),
        format!("{base}{one}"),
        base.to_owned(),
        format!("{base}timing = \"fast\"\npeers = [\"n1\", \"n2\"]\nrefresh = \"5m\"\n{one}"),
        format!("{base}timing = {{ beat = \"50ms\", dead = 0.4 }}\n{one}"),
        format!("{base}timing = {{ beats = \"50ms\" }}\n{one}"),
        format!("{base}timing = \"quick\"\n{one}"),
        format!("{base}rebalance = \"sometimes\"\n{one}"),
        format!("{base}hold = \"yes\"\n{one}"),
        format!("{base}{one}weight = 5\nlocal = true\ncheck = {{ command = [\"true\"], every = \"1s\", rise = 2 }}\n"),
        format!("{base}{one}check = {{ every = \"1s\" }}\n"),
        format!("{base}{one}check = {{ command = [\"true\"], rise = 0 }}\n"),
        format!("{base}{one}weight = 40000\n"),
        "interface = \"eth0\"\nnode = \"n1\"\nkey = \"secret\"\n".to_owned() + one,
        "interface = \"eth0\"\nnode = \"n1\"\nkey = { env = \"X\", file = \"y\" }\n".to_owned() + one,
    ] {
        fs::write(&file, &text).expect("written");
        let read = status(&["announce", "--config", &path, "--check"]) == Some(0);
        assert_eq!(schema_takes("docs/schema/announcer.json", &text), read, "{text}");
    }
}

/// The schema and the reader of adapter files judge the same files: those that are built in, and each with a mistake of form.
#[test]
fn the_schema_of_adapter_files_and_their_reader_agree() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.toml");
    let name = path.to_string_lossy().into_owned();
    let read = |text: &str| {
        fs::write(&path, text).expect("written");
        // Tests that fail are well-formed; only a file that cannot be read is wrong usage.
        status(&["router", "test", &name]) != Some(2)
    };
    let mut files = 0;
    for entry in fs::read_dir("router-adapters").expect("the adapters") {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|ending| ending != "toml") || path.ends_with("Cargo.toml") {
            continue;
        }
        files += 1;
        let text = fs::read_to_string(&path).expect("readable");
        let shown = path.display();
        assert!(schema_takes("docs/schema/adapter-v1.json", &text) && read(&text), "{shown}");
        for (from, to) in [
            ("schema ", "shema "),
            ("version   = 1", "version   = \"one\""),
            ("[limits]", "[limits]\nanything = true"),
            ("[identify]", "[identify]\nput = \"/\""),
            ("evidence ", "evidense "),
            ("tested-on = []", "tested-on = \"everything\""),
            ("means = \"wrong-password\"", "means = \"bad-password\""),
            ("effect  = \"login\"", "effect  = \"write\""),
        ] {
            let wrong = text.replacen(from, to, 1);
            if wrong != text {
                let judged = (schema_takes("docs/schema/adapter-v1.json", &wrong), read(&wrong));
                assert_eq!(judged, (false, false), "{shown}: {to}");
            }
        }
    }
    assert!(files >= 12, "{files}");
}
