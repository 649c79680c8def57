//! `--staged` judges the git index: what would be committed.

use std::path::Path;
use std::process::{Command, Output};

const POOL: &str = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: main-pool, namespace: metallb-system}\nspec:\n  addresses:\n  - RANGE\n---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: l2, namespace: metallb-system}\nspec: {ipAddressPools: [main-pool]}\n";
const GOOD: &str = "192.168.1.240-192.168.1.250";
const BAD: &str = "192.168.1.50-192.168.1.60";
const LAN: &str = "[[segment]]\nsubnet = \"192.168.1.0/24\"\ndhcp = \"192.168.1.2-192.168.1.200\"\n";

fn git(folder: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"];
    let output = Command::new("git").current_dir(folder).args(identity).args(arguments).output();
    let output = output.expect("git is installed: apt-get install -y git");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn check(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let command = Command::new(env!("CARGO_BIN_EXE_poolcheck"))
        .current_dir(folder)
        .args(["check", "-o", "concise"])
        .args(arguments)
        .output();
    let Output { status, stdout, stderr } = command.expect("the program was built");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

/// A repository with a pool that is staged, and perhaps another in the work tree.
fn repository(staged: &str, written: Option<&str>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    git(at, &["init", "-q"]);
    std::fs::create_dir(at.join("k8s")).expect("a folder");
    std::fs::write(at.join("lan.toml"), LAN).expect("written");
    std::fs::write(at.join("k8s/pool.yaml"), POOL.replace("RANGE", staged)).expect("written");
    git(at, &["add", "."]);
    if let Some(written) = written {
        std::fs::write(at.join("k8s/pool.yaml"), POOL.replace("RANGE", written)).expect("written");
    }
    folder
}

#[test]
fn the_index_and_not_the_work_tree_is_judged() {
    let bad = repository(BAD, Some(GOOD));
    assert_eq!(check(bad.path(), &[]).0, Some(0));
    let (status, said) = check(bad.path(), &["--staged"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("k8s/pool.yaml:6:5: error[pool-in-dhcp-range]"), "{said}");
    let good = repository(GOOD, Some(BAD));
    assert_eq!(check(good.path(), &[]).0, Some(1));
    assert_eq!(check(good.path(), &["--staged"]).0, Some(0));
    assert_eq!(check(good.path(), &["--staged", "k8s"]).0, Some(0));
}

#[test]
fn a_staged_file_that_is_gone_from_the_work_tree_is_judged_too() {
    let folder = repository(BAD, None);
    std::fs::remove_file(folder.path().join("k8s/pool.yaml")).expect("removed");
    assert_eq!(check(folder.path(), &["--staged"]).0, Some(1));
    std::fs::write(folder.path().join("k8s/new.yaml"), POOL.replace("RANGE", BAD)).expect("written");
    git(folder.path(), &["rm", "-q", "--cached", "k8s/pool.yaml"]);
    let (status, said) = check(folder.path(), &["--staged"]);
    assert_eq!(status, Some(3), "what is not staged is not judged: {said}");
}

#[test]
fn staged_facts_count() {
    let folder = repository(GOOD, None);
    std::fs::write(folder.path().join("lan.toml"), LAN.replace(".200", ".253")).expect("written");
    assert_eq!(check(folder.path(), &[]).0, Some(1));
    assert_eq!(check(folder.path(), &["--staged"]).0, Some(0));
    git(folder.path(), &["add", "lan.toml"]);
    assert_eq!(check(folder.path(), &["--staged"]).0, Some(1));
}

#[test]
fn a_conflict_in_the_index_is_said() {
    let folder = repository(GOOD, None);
    let at = folder.path();
    git(at, &["commit", "-qm", "one"]);
    git(at, &["checkout", "-qb", "other"]);
    std::fs::write(at.join("k8s/pool.yaml"), POOL.replace("RANGE", "10.0.0.1-10.0.0.2")).expect("written");
    git(at, &["commit", "-qam", "two"]);
    git(at, &["checkout", "-q", "main"]);
    std::fs::write(at.join("k8s/pool.yaml"), POOL.replace("RANGE", "10.0.0.1-10.0.0.3")).expect("written");
    git(at, &["commit", "-qam", "three"]);
    let merge = Command::new("git").current_dir(at).args(["merge", "-q", "other"]).output().expect("git runs");
    assert!(!merge.status.success());
    let (status, said) = check(at, &["--staged"]);
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("k8s/pool.yaml: error: has a conflict in the git index"), "{said}");
}

#[test]
fn outside_a_repository_it_is_a_mistake() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("pool.yaml"), POOL.replace("RANGE", GOOD)).expect("written");
    let (status, said) = check(folder.path(), &["--staged"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("git"), "{said}");
}
