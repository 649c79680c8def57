//! The hooks, run by the real pre-commit on a repository that the test makes: a bad pool is stopped, a good one passes, and
//! the index is judged.
//!
//! pre-commit is installed into an environment of its own below the target directory, once.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

const POOL: &str = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: main-pool, namespace: metallb-system}\nspec:\n  addresses:\n  - RANGE\n---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: l2, namespace: metallb-system}\nspec: {ipAddressPools: [main-pool]}\n";
const GOOD: &str = "192.168.1.240-192.168.1.250";
const BAD: &str = "192.168.1.50-192.168.1.60";
const LAN: &str = "[[segment]]\nsubnet = \"192.168.1.0/24\"\ndhcp = \"192.168.1.2-192.168.1.200\"\n";

fn must(command: &mut Command, what: &str) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{what}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {said}");
    output
}

/// The folder of the programs of a Python environment with pre-commit; made once, whichever test asks first.
static ENVIRONMENT: LazyLock<PathBuf> = LazyLock::new(environment);

fn environment() -> PathBuf {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pre-commit");
    let programs = venv.join("bin");
    if !programs.join("pre-commit").exists() {
        let what = "python3 with venv and pip is needed: apt-get install -y python3-venv";
        must(Command::new("python3").args(["-m", "venv"]).arg(&venv), what);
        must(Command::new(programs.join("pip")).args(["install", "--quiet", "pre-commit"]), "pip install pre-commit");
    }
    programs
}

struct Repository {
    folder: tempfile::TempDir,
    path: String,
}

impl Repository {
    fn git(&self, arguments: &[&str]) -> Output {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"];
        let mut git = Command::new("git");
        git.current_dir(self.folder.path()).env("PATH", &self.path).args(identity).args(arguments);
        git.env("PRE_COMMIT_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("pre-commit-cache"));
        git.output().expect("git is installed: apt-get install -y git")
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("written");
    }
}

/// A repository with the hook installed, and one that holds the hooks as this one does.
fn repository() -> (Repository, tempfile::TempDir) {
    let programs = &*ENVIRONMENT;
    let own = Path::new(env!("CARGO_BIN_EXE_poolcheck")).parent().expect("a folder").display().to_string();
    let path = format!("{own}:{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let hooks = tempfile::tempdir().expect("a folder");
    std::fs::copy(".pre-commit-hooks.yaml", hooks.path().join(".pre-commit-hooks.yaml")).expect("the hooks are here");
    let of_hooks = Repository { folder: hooks, path: path.clone() };
    for arguments in [&["init", "-q"][..], &["add", "."], &["commit", "-qm", "hooks"]] {
        assert!(of_hooks.git(arguments).status.success(), "git {arguments:?}");
    }
    let revision = String::from_utf8_lossy(&of_hooks.git(&["rev-parse", "HEAD"]).stdout).trim().to_owned();
    let repository = Repository { folder: tempfile::tempdir().expect("a folder"), path };
    assert!(repository.git(&["init", "-q"]).status.success());
    let configuration = format!(
        "repos:\n- repo: {}\n  rev: {revision}\n  hooks:\n  - id: poolcheck-system\n",
        of_hooks.folder.path().display()
    );
    repository.write(".pre-commit-config.yaml", &configuration);
    repository.write("lan.toml", LAN);
    let mut install = Command::new(programs.join("pre-commit"));
    must(
        install.arg("install").current_dir(repository.folder.path()).env("PATH", &repository.path),
        "pre-commit install",
    );
    (repository, of_hooks.folder)
}

#[test]
fn a_bad_pool_is_stopped_and_a_good_one_passes() {
    let (repository, _hooks) = repository();
    repository.write("pool.yaml", &POOL.replace("RANGE", BAD));
    assert!(repository.git(&["add", "."]).status.success());
    let stopped = repository.git(&["commit", "-qm", "bad"]);
    let said = String::from_utf8_lossy(&stopped.stderr).into_owned() + &String::from_utf8_lossy(&stopped.stdout);
    assert!(!stopped.status.success() && said.contains("pool-in-dhcp-range"), "{said}");

    // Mended in the work tree only: the index still holds the bad one.
    repository.write("pool.yaml", &POOL.replace("RANGE", GOOD));
    assert!(!repository.git(&["commit", "-qm", "still bad"]).status.success());

    assert!(repository.git(&["add", "."]).status.success());
    let passed = repository.git(&["commit", "-qm", "good"]);
    assert!(passed.status.success(), "{}", String::from_utf8_lossy(&passed.stderr));
}

#[test]
fn the_wheel_brings_the_program() {
    let programs = &*ENVIRONMENT;
    must(Command::new(programs.join("pip")).args(["install", "--quiet", "maturin"]), "pip install maturin");
    let wheels = tempfile::tempdir().expect("a folder");
    let mut build = Command::new(programs.join("maturin"));
    // Not where the other tests' program lies: it would be replaced by one without its features.
    build.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("wheel"));
    must(build.args(["build", "--profile", "dev", "--out"]).arg(wheels.path()), "maturin build");
    let wheel = std::fs::read_dir(wheels.path()).expect("a folder").next().expect("a wheel").expect("a wheel").path();
    let venv = wheels.path().join("venv");
    must(Command::new("python3").args(["-m", "venv"]).arg(&venv), "python3 -m venv");
    must(Command::new(venv.join("bin/pip")).args(["install", "--quiet"]).arg(&wheel), "pip install");
    let output = must(Command::new(venv.join("bin/poolcheck")).arg("--version"), "poolcheck --version");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("poolcheck 0."));
}
