//! `cargo xtask corpus FOLDER`: real repositories, and what must be seen in them.
//!
//! The folder holds one archive (`NAME.tar.gz`) a repository and `expect.json`: the pools of each with file, name and
//! addresses, and what MetalLB itself says of each file. The score: every pool whose addresses are in the clear is seen
//! with its range, every other is named as not checked or resolved, and no file that MetalLB accepts is called invalid.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What came out of one repository.
#[derive(Default)]
struct Score {
    pools: usize,
    seen: usize,
    missed: Vec<String>,
    errors: Vec<String>,
    refused: Vec<String>,
}

#[expect(clippy::print_stdout, reason = "the score is what it is for")]
pub(crate) fn run() -> Result<(), String> {
    let folder = std::env::args().nth(2).ok_or("name the folder with the archives and expect.json")?;
    let folder = PathBuf::from(folder);
    super::cargo(&["build", "--release", "--quiet", "--bin", "poolcheck"], &[])?;
    let program = super::root().join("target/release/poolcheck");
    let expected = std::fs::read(folder.join("expect.json")).map_err(|error| format!("expect.json: {error}"))?;
    let expected: Value = serde_json::from_slice(&expected).map_err(|error| format!("expect.json: {error}"))?;
    let (mut pools, mut seen, mut failed) = (0, 0, false);
    for repository in list(&expected["repositories"]) {
        let name = text(&repository["name"]);
        let unpacked = tempfile::tempdir().map_err(|error| error.to_string())?;
        let archive = folder.join(format!("{name}.tar.gz"));
        let status = Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(unpacked.path()).status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(format!("{} cannot be unpacked", archive.display()));
        }
        let score = judge(&program, unpacked.path(), repository)?;
        println!("{name}: {} of {} pools seen", score.seen, score.pools);
        for line in score
            .missed
            .iter()
            .map(|m| format!("missed: {m}"))
            .chain(score.refused.iter().map(|r| format!("MetalLB accepts it: {r}")))
        {
            failed = true;
            println!("  {line}");
        }
        for error in &score.errors {
            println!("  error: {error}");
        }
        pools += score.pools;
        seen += score.seen;
    }
    println!("{seen} of {pools} pools");
    if failed { Err("the corpus is not read as expected".to_owned()) } else { Ok(()) }
}

fn judge(program: &Path, folder: &Path, repository: &Value) -> Result<Score, String> {
    let claims = json(program, folder, &["claims", "-o", "json"])?;
    let report = json(program, folder, &["check", "-o", "json", "--fail-on", "never", "--allow-empty"])?;
    let mut score = Score::default();
    let said: BTreeSet<(String, String, String)> = list(&claims)
        .iter()
        .filter(|claim| claim["kind"] == "pool")
        .map(|claim| {
            (file_of(text(&claim["place"])), text(&claim["first"]).to_owned(), text(&claim["last"]).to_owned())
        })
        .collect();
    let mut named: BTreeSet<String> = said.iter().map(|(file, ..)| file.clone()).collect();
    for verdict in list(&report["not_checked"]).iter().chain(list(&report["skipped"])) {
        named.extend(verdict["place"]["file"].as_str().map(str::to_owned));
    }
    for pool in list(&repository["pools"]) {
        let file = text(&pool["file"]).to_owned();
        score.pools += 1;
        let in_clear = list(&pool["addresses"]).iter().filter_map(|address| {
            Some((file.clone(), address["first"].as_str()?.to_owned(), address["last"].as_str()?.to_owned()))
        });
        // Cilium may leave the first and the last address of a block out: then the pool is what is between.
        let trimmed = pool["options"]["allowFirstLastIPs"] == "No";
        let all_seen = in_clear
            .into_iter()
            .all(|range| said.contains(&range) || (trimmed && said.iter().any(|(file, ..)| *file == range.0)));
        if all_seen && (pool["resolvable"] == true || named.contains(&file)) {
            score.seen += 1;
        } else {
            score.missed.push(format!("{} {} in {file}", text(&pool["kind"]), text(&pool["name"])));
        }
    }
    let valid: BTreeSet<&str> =
        list(&repository["metallb_verdicts"]).iter().filter(|v| v["valid"] == true).map(|v| text(&v["file"])).collect();
    const VALIDITY: [&str; 7] = [
        "bad-range-syntax",
        "unknown-field",
        "wrong-type",
        "invalid-value",
        "unknown-kind",
        "mixed-families",
        "empty-pool",
    ];
    for finding in list(&report["findings"]).iter().filter(|finding| finding["level"] == "error") {
        let (rule, file) = (text(&finding["rule"]), text(&finding["primary"]["file"]));
        let line = format!("{file}:{} {rule}: {}", finding["primary"]["line"], text(&finding["message"]));
        if valid.contains(file) && VALIDITY.contains(&rule) {
            score.refused.push(line);
        } else {
            score.errors.push(line);
        }
    }
    Ok(score)
}

fn json(program: &Path, folder: &Path, arguments: &[&str]) -> Result<Value, String> {
    let output =
        Command::new(program).args(arguments).args(["--no-config", "--hidden", "."]).current_dir(folder).output();
    let output = output.map_err(|error| error.to_string())?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The file of `file:line:column`.
fn file_of(place: &str) -> String {
    place.rsplitn(3, ':').nth(2).unwrap_or(place).to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
