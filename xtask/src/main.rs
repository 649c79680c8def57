//! The one index of tasks: `cargo xtask` lists them.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

mod announcers;
mod bench;
mod conformance;
mod corpus;
mod namespace;
mod programs;

/// A task: its name, what it does, and how.
type Task = (&'static str, &'static str, fn() -> Result<(), String>);

const TASKS: [Task; 12] = [
    (
        "test",
        "all tests; on Linux needs iproute2 (network namespaces), and fetches DHCP servers as `programs` does",
        test,
    ),
    (
        "programs",
        "unpack the DHCP servers that tests run below target/programs; installs and starts nothing",
        programs::provide,
    ),
    ("soak", "[FACTOR]: the simulations over so many times more seeds (default 20), other ones each time", soak),
    ("service", "deploy's unit under a systemd that is booted for it, in namespaces; as root", service),
    ("lint", "formatting, clippy and documentation, all warnings denied", lint),
    ("format", "format everything, the rules and adapters too", format),
    ("generate", "write the generated files (docs/rules, docs/schema)", generate),
    ("ci", "what CI runs: lint, then test", ci),
    ("corpus", "FOLDER: score real repositories against what must be seen in them", corpus::run),
    ("fuzz-smoke", "each fuzz target for a minute; needs nightly Rust and cargo-fuzz", fuzz_smoke),
    (
        "bench",
        "all of `cargo bench`; `bench check [TREE…]`: against ripgrep, kubeconform; `bench scan`: arp-scan, nmap; `bench announce`: keepalived",
        bench::run,
    ),
    (
        "conformance",
        "[--peer NAME | -- COMMAND]: what is demanded of whoever answers for shared addresses, row by row; --help",
        conformance::run,
    ),
];

#[expect(clippy::print_stderr, clippy::print_stdout, reason = "the task runner talks to people")]
fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let Some((_, _, task)) = TASKS.iter().find(|(known, _, _)| *known == name) else {
        for (name, what, _) in TASKS {
            println!("cargo xtask {name:10} {what}");
        }
        return if name.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) };
    };
    match task() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn cargo(arguments: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let status = Command::new(cargo).args(arguments).envs(variables.iter().copied()).current_dir(root()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("cargo {} failed", arguments.join(" "))),
        Err(error) => Err(format!("cargo cannot be started: {error}")),
    }
}

fn test() -> Result<(), String> {
    programs::provide()?;
    cargo(&["test", "--workspace", "--all-features", "--locked"], &[])
}

fn lint() -> Result<(), String> {
    cargo(&["fmt", "--all", "--check"], &[])?;
    format_registries(true)?;
    cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--locked", "--", "-D", "warnings"], &[])?;
    elsewhere()?;
    cargo(&["doc", "--workspace", "--all-features", "--no-deps", "--locked"], &[("RUSTDOCFLAGS", "-D warnings")])
}

/// The parts of the LAN crate that this system does not compile, for macOS, where its target is installed.
#[expect(clippy::print_stdout, reason = "what was not looked at is said")]
fn elsewhere() -> Result<(), String> {
    const TARGETS: [&str; 2] = ["aarch64-apple-darwin", "x86_64-apple-darwin"];
    let installed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    let installed = installed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let Some(target) = TARGETS.into_iter().find(|target| installed.lines().any(|line| line == *target)) else {
        println!("not checked: the link for macOS (rustup target add {})", TARGETS[0]);
        return Ok(());
    };
    cargo(&["clippy", "-p", "poolcheck-lan", "--locked", "--target", target, "--", "-D", "warnings"], &[])
}

/// Formats what `cargo fmt` does not see: the files that build scripts make modules of.
fn format_registries(check: bool) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in [
        "router-adapters",
        "rules/address",
        "rules/advertisement",
        "rules/hygiene",
        "rules/ignore",
        "rules/platform",
        "rules/service",
    ] {
        let entries = std::fs::read_dir(root.join(folder)).map_err(|error| format!("{folder}: {error}"))?;
        files.extend(
            entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|p| p.extension().is_some_and(|e| e == "rs")),
        );
    }
    let mut command = Command::new("rustfmt");
    command.args(["--edition", "2024"]).args(check.then_some("--check")).args(files).current_dir(root);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("rules or adapters are not formatted: cargo xtask format".to_owned()),
        Err(error) => Err(format!("rustfmt cannot be started: {error}")),
    }
}

fn format() -> Result<(), String> {
    cargo(&["fmt", "--all"], &[])?;
    format_registries(false)
}

fn ci() -> Result<(), String> {
    lint()?;
    test()
}

/// The simulations over seeds that no run had before.
#[expect(clippy::print_stdout, reason = "a failure can be repeated only if its seeds are known")]
fn soak() -> Result<(), String> {
    let factor = std::env::args().nth(2).unwrap_or_else(|| "20".to_owned());
    let times: u64 = factor.parse::<u32>().map_err(|_| format!("`{factor}` is no number"))?.into();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let first = std::env::var("POOLCHECK_SOAK_FIRST").unwrap_or_else(|_| (now.as_secs() * 1000).to_string());
    println!("to repeat: POOLCHECK_SOAK_FIRST={first} cargo xtask soak {factor}");
    let arguments = ["test", "--release", "--locked", "-p", "poolcheck-lan", "--test", "scan_lans"];
    cargo(&arguments, &[("POOLCHECK_SOAK_FIRST", &first), ("POOLCHECK_SOAK_FACTOR", &factor)])?;
    // The announcer's: ten thousand seeds are in the test command, and quiet LANs on which nobody may be missed.
    let (seeds, hours) = ((times * 10_000).to_string(), times.to_string());
    let of = ["test", "--release", "--locked", "-p", "poolcheck-announcer", "--features", "sim", "--test", "simulator"];
    let arguments = [&of[..], &["--", "soak", "--ignored", "--nocapture"]].concat();
    let variables =
        [("POOLCHECK_SIM_FIRST", &*first), ("POOLCHECK_SIM_SEEDS", &*seeds), ("POOLCHECK_SIM_HOURS", &*hours)];
    cargo(&arguments, &variables)
}

/// Not among all tests: not every machine that runs tests lets a systemd divide its control groups.
fn service() -> Result<(), String> {
    cargo(&["test", "--locked", "--features", "announce", "--test", "announce_unit", "--", "--ignored"], &[])
}

fn fuzz_smoke() -> Result<(), String> {
    // `+nightly` is understood by rustup's cargo only, not by the one that runs this task.
    let fuzz = |arguments: &[&str]| {
        let status = Command::new("cargo").args(["+nightly", "fuzz"]).args(arguments).current_dir(root()).status();
        status.is_ok_and(|status| status.success())
    };
    if !fuzz(&["--version"]) {
        return Err("cargo-fuzz is needed: rustup toolchain install nightly && cargo install cargo-fuzz".to_owned());
    }
    // (target, what it begins from besides its own corpus)
    for (target, seeds) in [
        ("yaml_tree", ""),
        ("range_syntax", ""),
        ("facts_toml", ""),
        ("sky_hub_page", "router-adapters/fixtures/sky-hub"),
        ("adapter_file", "router-adapters"),
        ("adapter_answers", "router-adapters/fixtures"),
        ("router_files", "router-adapters/fixtures"),
        ("announcer_frames", ""),
        ("announcer_toml", "examples/announce"),
        ("lan_frame", ""),
    ] {
        let corpus = format!("fuzz/corpus/{target}");
        std::fs::create_dir_all(root().join(&corpus)).map_err(|error| format!("{corpus}: {error}"))?;
        let folders: Vec<&str> = [corpus.as_str(), seeds].into_iter().filter(|folder| !folder.is_empty()).collect();
        let arguments = [&["run", target], &folders[..], &["--", "-max_total_time=60", "-max_len=65536"]].concat();
        if !fuzz(&arguments) {
            return Err(format!("the fuzz target {target} failed"));
        }
    }
    Ok(())
}

fn generate() -> Result<(), String> {
    let root = root();
    for (name, text) in poolcheck::generated() {
        let path = root.join(&name);
        let folder = path.parent().unwrap_or(&root);
        std::fs::create_dir_all(folder).map_err(|error| format!("{name}: {error}"))?;
        poolcheck::output::write_file(&path, &text).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}
