//! The walls of the house: which crate may know which, read from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

#[test]
fn arrows_point_down() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata runs");
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let arrows: BTreeMap<&str, BTreeSet<&str>> = metadata
        .packages
        .iter()
        .map(|package| {
            let normal = package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal);
            let inner = normal.map(|d| d.name.as_str()).filter(|name| ours.contains(name));
            (package.name.as_str(), inner.collect())
        })
        .collect();
    let allowed = |name: &str| -> BTreeSet<&str> {
        match name {
            "poolcheck" => [
                "poolcheck-announcer",
                "poolcheck-lan",
                "poolcheck-manifest",
                "poolcheck-plan",
                "poolcheck-router-adapters",
                "poolcheck-rules",
            ]
            .into(),
            "poolcheck-rules" => ["poolcheck-manifest", "poolcheck-plan"].into(),
            "poolcheck-lan" | "poolcheck-manifest" | "poolcheck-router-adapters" => ["poolcheck-plan"].into(),
            "poolcheck-announcer" => ["poolcheck-lan", "poolcheck-plan"].into(),
            "xtask" => ["poolcheck", "poolcheck-lan", "poolcheck-rules"].into(),
            _ => BTreeSet::new(),
        }
    };
    for (name, found) in &arrows {
        assert!(found.is_subset(&allowed(name)), "{name} may not depend on {found:?}");
    }
    assert_eq!(arrows.len(), 8, "a new crate needs its arrows here: {:?}", arrows.keys());
}

/// Heavy dependencies are features: the build of the pre-commit hook stays light.
#[test]
fn the_default_build_talks_to_no_router() {
    let metadata = MetadataCommand::new().exec().expect("cargo metadata runs");
    let root = metadata.root_package().expect("the root package");
    assert_eq!(root.features["default"], ["scan"]);
    let optional = |package: &str, dependency: &str| {
        let package = metadata.packages.iter().find(|p| p.name.as_str() == package).expect("a package of ours");
        package
            .dependencies
            .iter()
            .filter(|d| d.name == dependency && d.kind == DependencyKind::Normal)
            .all(|d| d.optional)
    };
    assert!(optional("poolcheck-router-adapters", "reqwest"));
    assert!(optional("poolcheck", "reqwest"));
}

/// `rust-version` is true at least of what we build on.
#[test]
fn no_dependency_needs_a_newer_compiler_than_we_declare() {
    let metadata = MetadataCommand::new().exec().expect("cargo metadata runs");
    let ours = metadata.root_package().and_then(|p| p.rust_version.clone()).expect("rust-version is declared");
    let tools = ["cargo_metadata", "trycmd", "snapbox"];
    let newer: Vec<String> = metadata
        .packages
        .iter()
        .filter(|package| package.rust_version.as_ref().is_some_and(|v| *v > ours))
        .filter(|package| !tools.contains(&package.name.as_str()))
        .map(|package| format!("{} {} needs {:?}", package.name, package.version, package.rust_version))
        .collect();
    assert!(newer.is_empty(), "{newer:?}");
}

/// The one crate that may say `unsafe` has the workspace's lints all the same, and says it in one file.
#[test]
fn the_lan_crate_lints_like_the_others() {
    let table = |path: &str| -> toml::Table {
        let text = std::fs::read_to_string(path).expect("the manifest is readable");
        text.parse().expect("the manifest is TOML")
    };
    let workspace = table("Cargo.toml")["workspace"]["lints"].clone();
    let lan = table("crates/lan/Cargo.toml")["lints"].clone();
    for (tool, lints) in workspace.as_table().expect("a table of tools") {
        for (lint, level) in lints.as_table().expect("a table of lints") {
            let expected = if lint == "unsafe_code" { toml::Value::from("deny") } else { level.clone() };
            assert_eq!(lan[tool].get(lint), Some(&expected), "{tool}::{lint}");
        }
    }
    let mut folders = vec![std::path::PathBuf::from("crates/lan/src")];
    let mut exempt = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path).expect("a source file").contains("allow(unsafe_code") {
                exempt.push(path);
            }
        }
    }
    assert_eq!(exempt, [std::path::PathBuf::from("crates/lan/src/link/af_packet.rs")]);
}
