//! Real programs that tests run: DHCP servers, and one that speaks Multicast DNS.
//!
//! What is not installed is fetched with apt-get and *unpacked* below `target/programs`, never installed: no maintainer
//! script runs, so no server can start on this machine's own network, nothing needs root, and nothing is left behind but
//! files in `target`. Where apt-get is not, the names of what is missing are all that can be said.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::root;

/// A program, and the Debian package that brings it.
const PROGRAMS: [(&str, &str); 5] = [
    ("avahi-daemon", "avahi-daemon"),
    ("dnsmasq", "dnsmasq-base"),
    ("dhcpd", "isc-dhcp-server"),
    ("kea-dhcp4", "kea-dhcp4-server"),
    ("busybox", "busybox"),
];

/// Sees to it that the tests find every program they run.
pub(crate) fn provide() -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    for (program, package) in [("ip", "iproute2"), ("unshare", "util-linux")] {
        if !found(program) {
            return Err(format!("the LAN tests need {program}: apt-get install -y {package}"));
        }
    }
    let missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !found(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let folder = root().join("target/programs");
    fetch(&folder, &missing).map_err(|reason| {
        format!(
            "the tests of the LAN run real servers, and {} cannot be fetched: {reason}\n\
             install them, without starting any: apt-get install -y --no-install-recommends {}",
            missing.join(", "),
            missing.join(" ")
        )
    })?;
    match PROGRAMS.iter().find(|(program, _)| !found(program)) {
        Some((program, package)) => Err(format!("{package} was unpacked below target/programs, and has no {program}")),
        None => Ok(()),
    }
}

/// Whether a program is installed, or unpacked. `tests/common` of `poolcheck-lan` looks in the same places.
fn found(program: &str) -> bool {
    let unpacked = root().join("target/programs/root");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let folders = installed.chain(["usr/sbin", "usr/bin", "sbin", "bin"].map(|folder| unpacked.join(folder)));
    folders.into_iter().any(|folder| folder.join(program).is_file())
}

fn fetch(folder: &Path, packages: &[&str]) -> Result<(), String> {
    let packed = folder.join("packed");
    for folder in [&packed, &folder.join("root"), &folder.join("lists/partial")] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    // The machine's own lists first; they may be old or absent, and only root may renew them, so then lists of our own.
    let lists = format!("Dir::State::Lists={}", folder.join("lists").display());
    if download(&packed, packages, &[]).is_err() {
        apt(&packed, &["-o", &lists, "update", "-qq"])?;
        download(&packed, packages, &["-o", &lists])?;
    }
    let archives = fs::read_dir(&packed).map_err(|error| error.to_string())?;
    for archive in archives.filter_map(|entry| Some(entry.ok()?.path())) {
        let unpacked = Command::new("dpkg").arg("-x").arg(&archive).arg(folder.join("root")).status();
        if !unpacked.is_ok_and(|status| status.success()) {
            return Err(format!("dpkg cannot unpack {}", archive.display()));
        }
    }
    Ok(())
}

/// Downloads packages, and what they need and this machine lacks.
fn download(folder: &Path, packages: &[&str], options: &[&str]) -> Result<(), String> {
    let simulate = ["install", "--simulate", "--no-install-recommends"];
    let plan = apt(folder, &[options, &simulate, packages].concat())?;
    let names: Vec<&str> =
        plan.lines().filter_map(|line| line.strip_prefix("Inst ")?.split_whitespace().next()).collect();
    apt(folder, &[options, &["download"], &names].concat()).map(drop)
}

fn apt(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("apt-get")
        // Its own unprivileged user could not write below a folder of root's.
        .args(["-o", "APT::Sandbox::User=root"])
        .args(arguments)
        .current_dir(folder)
        .env("LC_ALL", "C")
        .output()
        .map_err(|error| format!("apt-get cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(format!("apt-get {}: {said}", arguments.join(" ")))
}
